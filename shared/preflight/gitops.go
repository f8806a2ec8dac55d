package preflight

import (
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

// managedBy says which tool keeps an object with those labels and annotations, empty for none.
func managedBy(labels, annotations map[string]string) string {
	for _, mark := range []struct{ key, tool string }{
		{argoInstance, "Argo CD application"}, {argoTracking, "Argo CD, as"}, {fluxKustomize, "Flux Kustomization"}, {fluxHelm, "Flux HelmRelease"},
	} {
		for _, set := range []map[string]string{labels, annotations} {
			if name := set[mark.key]; name != "" {
				return mark.tool + " " + name
			}
		}
	}
	return ""
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
