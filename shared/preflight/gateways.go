package preflight

import (
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// defaultTag is the tag that Gateways without any label follow.
const defaultTag = "default"

// gateways finds those that istiod re-rolls by itself, at once and without waves, as soon as what they follow moves.
func (c *checker) gateways() {
	if c.inPlace() {
		return
	}
	namespaces := map[string]map[string]string{}
	for i := range c.Namespaces {
		namespaces[c.Namespaces[i].Name] = c.Namespaces[i].Labels
	}
	for i := range c.Gateways {
		g := &c.Gateways[i]
		own, isOwn := g.Labels[revLabel]
		if !g.Follows || c.pins(own) {
			continue
		}
		of, byNamespace := namespaces[g.Namespace][revLabel]
		when := "tag " + defaultTag + " moves"
		switch {
		case isOwn:
			when = "tag " + own + " moves"
		case byNamespace && c.pins(of):
			when = "its namespace is relabelled"
		case byNamespace:
			when = "tag " + of + " moves, or its namespace is relabelled"
		}
		c.add(v1alpha1.AboutGateways, "re-rolls", v1alpha1.Warning, g.object(),
			"istiod re-rolls it ("+counted(g.Pods, "pod")+") at once when "+when,
			"see that it runs two pods or more before; or hold it back, and move it by itself later: "+g.relabel(c.From.Revision))
	}
}
