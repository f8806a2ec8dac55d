package preflight

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// What GitOps tools mark with it what they keep. Sources: argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking;
// fluxcd.io/flux/components/kustomize and .../helm.
const (
	argoInstance  = "argocd.argoproj.io/instance"
	argoTracking  = "argocd.argoproj.io/tracking-id"
	fluxKustomize = "kustomize.toolkit.fluxcd.io/name"
	fluxHelm      = "helm.toolkit.fluxcd.io/name"
)

// argoLabel is by what Argo CD before 3.0 knows its own, unless it is told otherwise. It is a label that Kubernetes recommends to
// everybody: charts, operators and people write it too, with app.kubernetes.io/managed-by or without, and Argo CD keeps that of a chart.
// So it counts only where the API server has noted Argo CD as its writer, whose field managers' names begin alike.
const (
	argoLabel    = "app.kubernetes.io/instance"
	argoManagers = "argocd-"
)

// managedBy says which tool keeps an object, empty for none.
func managedBy(m *metav1.ObjectMeta) string {
	for _, mark := range []struct{ key, tool string }{
		{argoInstance, "Argo CD application"}, {argoTracking, "Argo CD, as"}, {fluxKustomize, "Flux Kustomization"}, {fluxHelm, "Flux HelmRelease"},
	} {
		for _, set := range []map[string]string{m.Labels, m.Annotations} {
			if name := set[mark.key]; name != "" {
				return mark.tool + " " + name
			}
		}
	}
	if name := m.Labels[argoLabel]; name != "" && slices.ContainsFunc(m.ManagedFields, argoWroteLabel) {
		return "Argo CD application " + name
	}
	return ""
}

// argoWroteLabel says whether an entry is of Argo CD's, and has its label.
func argoWroteLabel(entry metav1.ManagedFieldsEntry) bool {
	if !strings.HasPrefix(entry.Manager, argoManagers) || entry.FieldsV1 == nil {
		return false
	}
	var fields struct {
		Metadata struct {
			Labels map[string]any `json:"f:labels"`
		} `json:"f:metadata"`
	}
	err := json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields)
	_, wrote := fields.Metadata.Labels["f:"+argoLabel]
	return err == nil && wrote
}

// gitOps finds namespaces whose labels somebody else would put back.
func (c *checker) gitOps() {
	if c.inPlace() {
		return
	}
	for i := range c.Namespaces {
		if n := &c.Namespaces[i]; c.concerned[n.Name] && n.ManagedBy != "" {
			c.add(v1alpha1.AboutGitOps, "managed-namespace", v1alpha1.Warning, object("Namespace", "", n.Name),
				"it is kept by "+n.ManagedBy+", which would put its labels back",
				"change the label where that takes it from, or have it pass over the labels "+revLabel+" and "+injectionLabel+" during the upgrade")
		}
	}
}
