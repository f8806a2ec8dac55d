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

// retag is the command that has an orphaned tag stand for From. Without the default tag, an installation without a revision injects
// again by itself. It does not ask: what it changes can be no worse than it is.
func (c *checker) retag(tag string) string {
	command := fmt.Sprintf("kubectl mesh-canary tag set %s --revision %s --yes", tag, c.From.Revision)
	if tag == defaultTag && c.From.Revision == revision.Default {
		command = "kubectl mesh-canary tag remove " + tag + " --yes"
	}
	if c.From.Namespace != "" && c.ambiguous() {
		command += " --istio-namespace " + c.From.Namespace
	}
	return command
}

// ambiguous says whether another mesh has a revision of From's name.
func (c *checker) ambiguous() bool {
	return slices.ContainsFunc(revision.Installed(c.Injectors), func(owner revision.ControlPlane) bool {
		return owner.Revision == c.From.Revision && owner != c.From.ControlPlane
	})
}

// ours says whether an orphaned tag is of From's mesh: another mesh's is moved there.
func (c *checker) ours(tag revision.Injector) bool { return tag.Owner.Namespace == c.From.Namespace }

// danglingNamespace: where its pods run proxies, the remedy gives it a label that keeps them; elsewhere it drops the label, which
// changes nothing. A tag is had by others too: it is mended for all of them.
func (c *checker) danglingNamespace(n *Namespace, key, value, message string) {
	severity, remedy := v1alpha1.Warning, fmt.Sprintf("kubectl label namespace %s %s-", n.Name, key)
	tag, orphaned := c.orphan(key, value)
	if orphaned {
		message = lost(tag)
	}
	switch {
	case orphaned && c.ours(tag):
		severity, remedy = v1alpha1.Blocking, c.retag(tag.Tag)
		message += ": its new pods are refused, or come without a proxy"
	case n.Injected > 0:
		severity, remedy = v1alpha1.Blocking, c.keep(n, "")
		message += "; " + loss(n)
	case orphaned:
		return
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
	switch {
	case orphaned && decided:
		c.ineffective(w, value)
		return
	case orphaned && c.ours(tag):
		severity, remedy = v1alpha1.Blocking, c.retag(tag.Tag)
		message += ": its new pods are refused, or come without a proxy"
	case w.OnFrom > 0 && !decided:
		severity, remedy = v1alpha1.Blocking, w.relabel(quotedJSON(c.stay()))
		message += "; it would lose the proxy at the next restart"
	case orphaned:
		return
	}
	c.add(v1alpha1.AboutLabels, danglingLabel, severity, w.object(), "its own label "+revision.LabelText(revLabel, value)+" "+message, remedy)
}

// danglingGateway: what it runs goes on without an istiod, until its certificate is over.
func (c *checker) danglingGateway(g *Gateway, value string) {
	severity, remedy, message := v1alpha1.Warning, g.relabel(c.stay()), "names no revision and no tag"
	switch tag, orphaned := c.orphan(revLabel, value); {
	case orphaned && !c.ours(tag):
		return
	case orphaned:
		severity, remedy, message = v1alpha1.Blocking, c.retag(tag.Tag), lost(tag)
	}
	c.add(v1alpha1.AboutLabels, danglingLabel, severity, g.object(),
		"its label "+revision.LabelText(revLabel, value)+" "+message+", so that no istiod looks after it", remedy)
}
