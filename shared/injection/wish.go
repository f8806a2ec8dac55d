package injection

import (
	"slices"
	"strings"

	"istio.io/api/annotation"
	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// reading is a way in which a release reads a pod's own wish, sidecar.istio.io/inject.
type reading struct {
	// label is true where the pod's label counts, before the annotation; elsewhere only the annotation does.
	label bool
	// words is true where y, yes and on mean true as well, in any case, and all else means false; elsewhere only true and
	// false count.
	words bool
}

// The ways in which releases read it. Source: injectRequired in pkg/kube/inject/inject.go of istio/istio, which up to
// release-1.4 is pilot/pkg/kube/inject/inject.go.
var (
	since127  = reading{label: true}
	since112  = reading{label: true, words: true}
	before112 = reading{words: true}
)

// possibleReadings returns the ways in which the control plane may read a pod's wish. The configuration says of which
// release it is by its shape only: by the single template before 1.9, by templates without `.ProxyImage` before 1.12
// (the label's fix, istio/istio#35271, came with 1.12 and may have gone into patches of earlier releases), and by the
// value global.resourceScope since 1.28. Words that are neither true nor false went with 1.27 (istio/istio#56737).
func (c *Config) possibleReadings(resourceScope bool) []reading {
	switch {
	case c.single:
		return []reading{before112}
	case resourceScope:
		return []reading{since127}
	case c.anyTemplate(templateImage.byIstiod):
		return []reading{since127, since112}
	case c.anyTemplate(func(t templateImage) bool { return t.kind == hubImage }):
		return []reading{since112, before112}
	default:
		return []reading{since127, since112, before112}
	}
}

func (c *Config) anyTemplate(is func(templateImage) bool) bool {
	for _, t := range c.templates {
		if is(t) {
			return true
		}
	}
	return false
}

// wish returns "true" or "false" where the pod says so, and by what: `annotation sidecar.istio.io/inject=no`.
func (r reading) wish(pod proxy.Pod) (asked, by string) {
	value, where := pod.Annotations[annotation.SidecarInject.Name], "annotation "
	if v, ok := pod.Labels[label.SidecarInject.Name]; ok && r.label {
		value, where = v, "pod label "
	}
	by = where + revision.LabelText(annotation.SidecarInject.Name, value)
	switch {
	case value == "true" || value == "false":
		return value, by
	case value == "" || !r.words:
		return "", ""
	case slices.Contains([]string{"y", "yes", "true", "on"}, strings.ToLower(value)):
		return "true", by
	default:
		return "false", by
	}
}
