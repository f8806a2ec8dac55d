package restart

import (
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// matches says whether a pod runs what is expected of it: the image and, where it was injected, the revision.
func matches(p rollout.Pod, e v1alpha1.Expected) bool {
	if e.Image == "" || p.Image == "" {
		return e.Image == p.Image
	}
	return sameImage(p.Image, e.Image) && (p.Revision == e.Revision || p.Revision == "" || e.Revision == "")
}

// sameImage compares two references as registries do.
func sameImage(a, b string) bool {
	if a == b {
		return true
	}
	x, err := proxy.ParseImage(a)
	y, otherErr := proxy.ParseImage(b)
	return err == nil && otherErr == nil && x.Same(y)
}

// expectedOf turns the injector's answer into what is expected of the pods.
func expectedOf(a dryrun.Answer) v1alpha1.Expected {
	e := v1alpha1.Expected{Injected: a.Injected, Image: a.Image, Revision: a.Revision}
	if image, err := proxy.ParseImage(a.Image); err == nil {
		e.Version = image.Version().Text
	}
	return e
}
