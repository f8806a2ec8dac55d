package proxyver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// mesh returns what limits the scan to the mesh that --istio-namespace names.
func (o *Options) mesh(m *mesh.Mesh) (func(scan.Item) bool, error) {
	if o.IstioNamespace == "" || !m.InjectorsKnown() {
		return func(scan.Item) bool { return true }, nil
	}
	var here, elsewhere []string
	for _, owner := range m.ControlPlanes() {
		switch owner.Namespace {
		case o.IstioNamespace, "":
			here = append(here, owner.Revision)
		default:
			elsewhere = append(elsewhere, owner.Namespace)
		}
	}
	if len(here) == 0 {
		err := fmt.Errorf("--istio-namespace %s: no injector's control plane is there", o.IstioNamespace)
		if len(elsewhere) > 0 {
			err = fmt.Errorf("%w; there are some in %s", err, strings.Join(slices.Compact(elsewhere), ", "))
		}
		return nil, err
	}
	// Only what is surely another mesh's is left out: whose an orphan was, nobody can tell any more, and a running proxy
	// tells its revision's name but not its mesh.
	return func(item scan.Item) bool {
		v := item.Verdict
		revision := ""
		if v.Proxy != nil {
			revision = v.Proxy.Revision
		}
		switch owner := v.Owner.Namespace; {
		case v.Status == v1alpha1.None:
			return false
		case owner == o.IstioNamespace, slices.Contains(here, revision):
			return true
		case revision != "" && !m.Installed(revision):
			return true
		default:
			// A control plane that is called by URL may be anywhere.
			return owner == "" && (revision == "" || v.Expected.Injected)
		}
	}, nil
}
