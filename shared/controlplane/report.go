package controlplane

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Report turns what is installed into what is printed of it.
func Report(planes []Plane) *v1alpha1.RevisionReport {
	var items []v1alpha1.InstalledRevision
	for _, p := range planes {
		item := v1alpha1.InstalledRevision{
			Revision: p.Revision, Version: p.Version(), Namespace: p.Namespace, CreatedAt: metav1.NewTime(p.Created), Tags: p.Tags,
			Namespaces: p.Namespaces, Pods: p.Pods, ProxyImage: p.Image, Moves: []v1alpha1.RevisionMove{},
		}
		if d := p.Deployment; d != nil {
			item.Ready, item.Replicas = &d.Ready, &d.Replicas
		}
		for _, m := range Moves(p, planes) {
			item.Moves = append(item.Moves, v1alpha1.RevisionMove{To: m.To.Revision, ToVersion: m.To.Version(), Allowed: m.Allowed, Reason: m.Why})
		}
		items = append(items, item)
	}
	return v1alpha1.NewRevisionReport(items)
}
