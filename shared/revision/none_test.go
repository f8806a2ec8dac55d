package revision

import (
	"errors"
	"slices"
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

func TestOneMeshHasItsRevisionsAndThoseThatMayBeAnywhere(t *testing.T) {
	own := func(namespace, rev string) Injector { return Injector{Owner: ControlPlane{namespace, rev}} }
	injectors := []Injector{own("istio-system", "1-22"), own("asm", "1-23"), own("", "managed"), {Tag: "prod", Owner: ControlPlane{"asm", "gone"}}}
	for namespace, want := range map[string][]string{"": {"1-22", "1-23", "managed"}, "asm": {"1-23", "managed"}, "nowhere": {"managed"}} {
		owners, err := InstalledIn(namespace, injectors)
		var got []string
		for _, o := range owners {
			got = append(got, o.Revision)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", namespace, got, err, want)
		}
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
		if _, err := InstalledIn(c.namespace, c.injectors); err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.namespace, err, c.want)
		}
	}
}
