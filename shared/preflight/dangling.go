package preflight

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

const danglingLabel = "dangling-label"

// installed says whether a control plane has an injector of its own.
func (c *checker) installed(owner revision.ControlPlane) bool {
	return slices.Contains(revision.Installed(c.Injectors), owner)
}

// named says whether a label's value leads to a control plane that is there. A tag outlives its revision, and calls nobody then.
func (c *checker) named(key, value string) bool {
	return slices.ContainsFunc(c.Injectors, func(i revision.Injector) bool { return c.installed(i.Owner) && i.Names(key, value) })
}

// orphan returns the tag that a label's value names and whose revision is not installed; false where it names none.
func (c *checker) orphan(key, value string) (revision.Injector, bool) {
	for _, i := range c.Injectors {
		if i.Names(key, value) && !c.installed(i.Owner) {
			return i, true
		}
	}
	return revision.Injector{}, false
}

// lost says what a label that names an orphaned tag does.
func lost(tag revision.Injector) string {
	return fmt.Sprintf("names tag %s of revision %s, which is not installed", tag.Tag, tag.Owner.Revision)
}

// ours says whether an orphaned tag is of From's mesh.
func (c *checker) ours(tag revision.Injector) bool { return tag.Owner.Namespace == c.From.Namespace }

// refused is what becomes of new pods that follow an orphaned tag.
const refused = ": its new pods are refused, or come without a proxy"

// danglingNamespace: the remedy gives it a label by which it follows From, or, where it names nothing and no pod runs a proxy, drops the
// label, which changes nothing. The tag itself is left alone: others may follow it, and it would not move with the upgrade. Only what
// would lose a proxy blocks.
func (c *checker) danglingNamespace(n *Namespace, key, value, message string) {
	severity, remedy := v1alpha1.Warning, fmt.Sprintf("kubectl label namespace %s %s-", n.Name, key)
	tag, orphaned := c.orphan(key, value)
	if orphaned {
		message = lost(tag)
	}
	switch {
	case n.Injected > 0:
		severity, remedy, message = v1alpha1.Blocking, c.keep(n, ""), message+"; "+loss(n)
	case orphaned && !c.ours(tag):
		return
	case orphaned:
		remedy, message = c.keep(n, ""), message+refused
	}
	if orphaned && c.ours(tag) && tag.Tag == defaultTag && c.From.Revision == revision.Default {
		// It keeps the injector without a revision from selecting anything: no label would lead there.
		remedy = "kubectl mesh-canary tag remove " + defaultTag
	}
	c.add(v1alpha1.AboutLabels, danglingLabel, severity, object("Namespace", "", n.Name), revision.LabelText(key, value)+" "+message, remedy)
}

// danglingWorkload: decided says whether the labels of its namespace decide, so that its own has no effect.
func (c *checker) danglingWorkload(w *Workload, value string, decided bool) {
	severity, remedy, message := v1alpha1.Warning, w.relabel("null"), "names no revision and no tag"
	tag, orphaned := c.orphan(revLabel, value)
	if orphaned {
		message = lost(tag)
	}
	stays := w.relabel(quotedJSON(c.stay()))
	switch {
	case orphaned && decided:
		c.ineffective(w, value)
		return
	case w.OnFrom > 0 && !decided:
		severity, remedy, message = v1alpha1.Blocking, stays, message+"; it would lose the proxy at the next restart"
	case orphaned && !c.ours(tag):
		return
	case orphaned:
		remedy, message = stays, message+refused
	}
	c.add(v1alpha1.AboutLabels, danglingLabel, severity, w.object(), "its own label "+revision.LabelText(revLabel, value)+" "+message, remedy)
}

// danglingGateway: what it runs goes on without an istiod, until its certificate is over.
func (c *checker) danglingGateway(g *Gateway, value string) {
	message := "names no revision and no tag"
	if tag, orphaned := c.orphan(revLabel, value); orphaned {
		if !c.ours(tag) {
			return
		}
		message = lost(tag)
	}
	c.add(v1alpha1.AboutLabels, danglingLabel, v1alpha1.Warning, g.object(),
		"its label "+revision.LabelText(revLabel, value)+" "+message+", so that no istiod looks after it", g.relabel(c.stay()))
}
