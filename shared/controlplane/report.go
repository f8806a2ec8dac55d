package controlplane

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Report turns what is installed into what is printed of it.
func Report(r *Result) *v1alpha1.RevisionReport {
	var items []v1alpha1.InstalledRevision
	for _, p := range r.Planes {
		item := v1alpha1.InstalledRevision{
			Revision: p.Revision, Version: p.Version(), Namespace: p.Namespace, CreatedAt: metav1.NewTime(p.Created), Tags: p.Tags,
			ProxyImage: p.Image, Moves: []v1alpha1.RevisionMove{},
		}
		if d := p.Deployment; d != nil {
			item.Ready, item.Replicas = &d.Ready, &d.Replicas
		}
		if !r.NamespacesUnknown {
			item.Namespaces = &p.Namespaces
		}
		if !r.PodsUnknown {
			item.Pods = &p.Pods
		}
		for _, m := range Moves(p, r.Planes) {
			item.Moves = append(item.Moves, v1alpha1.RevisionMove{To: m.To.Revision, ToVersion: m.To.Version(), Allowed: m.Allowed, Reason: m.Why})
		}
		items = append(items, item)
	}
	return v1alpha1.NewRevisionReport(items)
}
