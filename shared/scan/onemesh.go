package scan

import (
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// OfMesh returns what limits a scan to the mesh whose Istio is in the namespace; empty for every mesh. The error says that none
// is there.
func OfMesh(m *mesh.Mesh, istioNamespace string) (func(Item) bool, error) {
	if istioNamespace == "" || !m.InjectorsKnown() {
		return func(Item) bool { return true }, nil
	}
	var here, elsewhere []string
	for _, owner := range m.ControlPlanes() {
		switch owner.Namespace {
		case istioNamespace, "":
			here = append(here, owner.Revision)
		default:
			elsewhere = append(elsewhere, owner.Namespace)
		}
	}
	if len(here) == 0 {
		return nil, revision.NotThere(istioNamespace, elsewhere)
	}
	// Only what is surely another mesh's is left out: whose an orphan was, nobody can tell any more, and a running proxy
	// tells its revision's name but not its mesh.
	return func(item Item) bool {
		v := item.Verdict
		revision := ""
		if v.Proxy != nil {
			revision = v.Proxy.Revision
		}
		switch owner := v.Owner.Namespace; {
		case v.Status == v1alpha1.None:
			return false
		case owner == istioNamespace, slices.Contains(here, revision):
			return true
		case revision != "" && !m.Installed(revision):
			return true
		default:
			// A control plane that is called by URL may be anywhere.
			return owner == "" && (revision == "" || v.Expected.Injected)
		}
	}, nil
}
