package retirement

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Report returns the decision as it is printed.
func Report(f *Facts, needs []Need) *v1alpha1.Retirement {
	r := &v1alpha1.Retirement{Revision: f.Revision, IstioNamespace: f.IstioNamespace, Safe: true, Items: []v1alpha1.RetirementNeed{}}
	r.APIVersion, r.Kind = v1alpha1.APIVersion, v1alpha1.RetirementKind
	for _, n := range needs {
		r.Safe = r.Safe && !n.Blocks()
		r.Items = append(r.Items, v1alpha1.RetirementNeed{Need: n.Kind, Object: n.Object, Why: n.Why, Command: n.Command, Blocks: n.Blocks()})
	}
	return r
}

// Locate returns Istio's namespace of the mesh that has a revision. The error says that there is none or more than one, so that it has
// to be named.
func Locate(ctx context.Context, clients *cluster.Clients, name string) (string, error) {
	list, err := clients.Kube.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("reading mutatingwebhookconfigurations: %w", err)
	}
	var namespaces, others []string
	for _, i := range revision.Injectors(list.Items) {
		switch {
		case i.Owner.Revision != name:
			others = append(others, i.Owner.Revision)
		case i.Owner.Namespace != "":
			namespaces = append(namespaces, i.Owner.Namespace)
		}
	}
	slices.Sort(namespaces)
	namespaces = slices.Compact(namespaces)
	slices.Sort(others)
	switch {
	case len(namespaces) == 1:
		return namespaces[0], nil
	case len(namespaces) > 1:
		return "", fmt.Errorf("several meshes have a revision %s (in namespaces %s): name one with -i", name, strings.Join(namespaces, ", "))
	case len(others) > 0:
		return "", fmt.Errorf("revision %s is not installed: there are %s; if something is left of it, name Istio's namespace with -i",
			name, strings.Join(slices.Compact(others), ", "))
	default:
		return "", fmt.Errorf("revision %s is not installed, and nor is any other; if something is left of it, name Istio's namespace with -i", name)
	}
}
