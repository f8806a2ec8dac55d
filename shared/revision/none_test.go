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
