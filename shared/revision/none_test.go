package revision

import (
	"errors"
	"testing"
)

func TestANamespaceWithoutIstio(t *testing.T) {
	const start = "--istio-namespace nowhere: no injector's control plane is there"
	for end, elsewhere := range map[string][]string{
		"; there are some in asm, istio-system": {"istio-system", "", "asm", "istio-system"},
		", nor in any other namespace":          {""},
	} {
		if err := NotThere("nowhere", elsewhere); err.Error() != start+end {
			t.Errorf("%q: %v", elsewhere, err)
		}
	}
	if err := NotThere("", nil); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

func TestAMeshWithoutARevision(t *testing.T) {
	tags := []Injector{{Tag: "prod", Owner: ControlPlane{Namespace: "asm", Revision: "1-22"}}}
	const left = ", though tags are left: see `kubectl mesh-canary tag list`"
	for _, c := range []struct {
		namespace string
		injectors []Injector
		want      string
	}{
		{"", nil, ErrNone.Error()},
		{"", tags, "no revision is installed" + left},
		{"asm", tags, "no revision is installed in namespace asm" + left},
		{"nowhere", tags, "--istio-namespace nowhere: no injector's control plane is there; there are some in asm"},
	} {
		if err := NotInstalled(c.namespace, c.injectors); err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.namespace, err, c.want)
		}
	}
}
