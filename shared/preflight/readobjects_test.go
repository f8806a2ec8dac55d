package preflight

import "testing"

func TestInWhichNamespaceTheServiceOfARouteIs(t *testing.T) {
	for host, want := range map[string]string{
		"cart": "front", "cart.shop.svc.cluster.local": "shop", "cart.shop.svc": "shop", "cart.shop": "", "cart.shop.example.com": "", "": "",
	} {
		if got := serviceNamespace("front", host); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
}
