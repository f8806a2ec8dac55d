package offline

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func deployment(name string) workload.Ref {
	return workload.Ref{Group: "apps", Kind: "Deployment", Name: name}
}

func TestADumpHasWhatIsInItAndItsNamespaces(t *testing.T) {
	c := read(t, list("Pod bank/a", "Deployment shop/cart", "Gateway edge/gw", "Namespace empty", "Secret hidden/s"))
	for _, have := range []place{
		{"bank", noRef}, {"bank", workload.Ref{Kind: "Pod", Name: "a"}}, {"shop", deployment("cart")}, {"shop", noRef}, {"empty", noRef},
		{"edge", workload.Ref{Group: "gateway.networking.k8s.io", Kind: "Gateway", Name: "gw"}},
	} {
		if !c.Has(have.namespace, have.ref) {
			t.Errorf("%v is there", have)
		}
	}
	for _, lack := range []place{{"bank", deployment("cart")}, {"hidden", noRef}, {"shop", deployment("a")}} {
		if c.Has(lack.namespace, lack.ref) {
			t.Errorf("%v is not there", lack)
		}
	}
}

type place struct {
	namespace string
	ref       workload.Ref
}

func TestOwnersOfOldClustersAreFollowed(t *testing.T) {
	for _, old := range []string{"apps/v1", "extensions/v1beta1"} {
		c := read(t, strings.ReplaceAll(list("ReplicaSet shop/cart-1 < "+old+"/Deployment/cart", "Pod shop/cart-1-x < "+old+"/ReplicaSet/cart-1"),
			`"apiVersion":"apps/v1","kind":"ReplicaSet"`, `"apiVersion":"`+old+`","kind":"ReplicaSet"`))
		if got := c.Owners.Of(c.pods[0]).Workload(); got != deployment("cart") {
			t.Errorf("%s: the pod belongs to %+v", old, got)
		}
		if gaps := c.Owners.Gaps(); gaps != nil {
			t.Errorf("%s: %v", old, gaps)
		}
	}
}

// each returns the pods that are selected, in order.
func each(t *testing.T, c *Cluster, options scan.Options) (string, error) {
	t.Helper()
	var names []string
	scanner := scan.New(c.Objects.Mesh(""), c.Owners, c.Sets)
	_, err := c.Each(t.Context(), scanner, options, func(i scan.Item) error {
		names = append(names, i.Pod.Namespace+"/"+i.Pod.Name)
		return nil
	})
	return strings.Join(names, " "), err
}

func TestPodsAreSelectedAsTheServerDoes(t *testing.T) {
	pod := func(id, app, node, phase string) string {
		namespace, name, _ := strings.Cut(id, "/")
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":%q,"name":%q,"labels":{"app":%q}},"spec":{"nodeName":%q},"status":{"phase":%q}}`,
			namespace, name, app, node, phase)
	}
	c := read(t, pod("shop/b", "web", "n1", "Running")+pod("shop/a", "cart", "n2", "Succeeded")+pod("shop-2/a", "cart", "n1", "Running"))
	for _, s := range []struct {
		options scan.Options
		want    string
	}{
		{scan.Options{}, "shop-2/a shop/a shop/b"},
		{scan.Options{Namespace: "shop"}, "shop/a shop/b"},
		{scan.Options{LabelSelector: "app in (cart,db)"}, "shop-2/a shop/a"},
		{scan.Options{LabelSelector: "!app"}, ""},
		{scan.Options{FieldSelector: "spec.nodeName=n1,status.phase!=Succeeded"}, "shop-2/a shop/b"},
		{scan.Options{FieldSelector: "metadata.name=a,metadata.namespace=shop"}, "shop/a"},
		{scan.Options{Only: func(p proxy.Pod, chain workload.Chain) bool { return p.Name == "b" && len(chain.Refs) == 1 }}, "shop/b"},
	} {
		if got, err := each(t, c, s.options); err != nil || got != s.want {
			t.Errorf("%+v: got %q, want %q, %v", s.options, got, s.want, err)
		}
	}
	for field, want := range map[string]string{
		"spec.restartPolicy=Never": "a dump's pods cannot be selected by the field spec.restartPolicy",
		"broken":                   "invalid selector: 'broken'; can't understand 'broken'",
	} {
		if _, err := each(t, c, scan.Options{FieldSelector: field}); err == nil || err.Error() != want {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestGoingThroughPodsEndsWithAnError(t *testing.T) {
	c := read(t, list("Pod shop/a", "Pod shop/b"))
	stop, n := errors.New("enough"), 0
	_, err := c.Each(t.Context(), scan.New(c.Objects.Mesh(""), c.Owners, c.Sets), scan.Options{}, func(scan.Item) error { n++; return stop })
	if err != stop || n != 1 {
		t.Errorf("%d pods, %v", n, err)
	}
}
