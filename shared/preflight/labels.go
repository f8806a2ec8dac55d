package preflight

import (
	"cmp"
	"fmt"
	"slices"

	"istio.io/api/annotation"
	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// injectionLabel decides on a namespace before istio.io/rev does; enabled is its one value that injects, and disabled what people write
// who mean that. Source: the chart istio-discovery, mutatingwebhook.yaml.
const (
	injectionLabel = "istio-injection"
	enabled        = "enabled"
	disabled       = "disabled"
)

// Pinned is the check that finds what names the revision to leave by a label of its own, and stays there.
const Pinned = "pinned"

var revLabel = label.IoIstioRev.Name

// namespaceLabels finds namespaces whose labels contradict one another, or name nothing that is there.
func (c *checker) namespaceLabels() {
	for i := range c.Namespaces {
		n := &c.Namespaces[i]
		rev, hasRev := n.Labels[revLabel]
		injection, hasInjection := n.Labels[injectionLabel]
		switch {
		case hasRev && hasInjection:
			if c.concerned[n.Name] || c.leadsToFrom(rev) || !c.named(revLabel, rev) {
				c.conflictingNamespace(n, rev, injection)
			}
		case hasRev && !c.named(revLabel, rev):
			c.danglingNamespace(n, revLabel, rev, "names no revision and no tag")
		case hasInjection && injection == enabled && !c.named(injectionLabel, enabled):
			c.danglingNamespace(n, injectionLabel, enabled, "is followed by no injector: there is no default revision")
		}
	}
}

// leadsToFrom says whether a value of istio.io/rev is the name of From, or of a tag of it.
func (c *checker) leadsToFrom(value string) bool {
	return value == c.From.Revision || slices.Contains(c.tags(), value)
}

// tags are those that point to From: they move with the upgrade.
func (c *checker) tags() []string { return controlplane.TagsOf(c.Injectors, c.From.ControlPlane) }

// conflictingNamespace: the remedy drops the label that has no effect, so that all stays as it is now. Where the label that decides
// would take the proxies away that its pods run, it drops that one.
func (c *checker) conflictingNamespace(n *Namespace, rev, injection string) {
	severity := v1alpha1.Warning
	message := fmt.Sprintf("labels %s and %s contradict one another; the latter decides",
		revision.LabelText(revLabel, rev), revision.LabelText(injectionLabel, injection))
	remedy := fmt.Sprintf("kubectl label namespace %s %s-", n.Name, revLabel)
	followed := injection == enabled && c.named(injectionLabel, enabled)
	if injection == enabled && !followed {
		message += ", and no injector follows it"
		remedy = fmt.Sprintf("kubectl label namespace %s %s-", n.Name, injectionLabel)
		if !c.named(revLabel, rev) {
			remedy += " " + revLabel + "-"
		}
	}
	if n.Injected > 0 && !c.installed(n.Follows) {
		message += "; " + loss(n)
		remedy = c.keep(n, rev)
		severity = v1alpha1.Blocking
		if injection == disabled {
			// Somebody may want it out of the mesh.
			severity = v1alpha1.Warning
			message += fmt.Sprintf("; if that is meant, `kubectl label namespace %s %s-` says so", n.Name, revLabel)
		}
	}
	c.add(v1alpha1.AboutLabels, "conflicting-labels", severity, object("Namespace", "", n.Name), message, remedy)
}

// loss says what becomes of a namespace's proxies.
func loss(n *Namespace) string {
	return counted(n.Injected, "pod") + " would lose the proxy at the next restart"
}

// keep is the command after which istio.io/rev decides on a namespace, and its pods keep their proxies: a label that leads elsewhere
// would move them outside of the upgrade.
func (c *checker) keep(n *Namespace, rev string) string {
	command := "kubectl label namespace " + n.Name
	if !c.named(revLabel, rev) || !c.leadsToFrom(rev) {
		command += fmt.Sprintf(" --overwrite %s=%s", revLabel, c.follow())
	}
	if _, is := n.Labels[injectionLabel]; is {
		command += " " + injectionLabel + "-"
	}
	return command
}

// followed counts the namespaces that follow From by each value of istio.io/rev; istio-injection=enabled is the default's.
func (c *checker) followed() map[string]int {
	count := map[string]int{}
	for i := range c.Namespaces {
		n := &c.Namespaces[i]
		if n.Follows != c.From.ControlPlane {
			continue
		}
		if _, byInjection := n.Labels[injectionLabel]; byInjection {
			count[defaultTag]++
		} else {
			count[n.Labels[revLabel]]++
		}
	}
	return count
}

// follow is by which value of istio.io/rev a namespace should follow From: as most namespaces do, else by its name.
func (c *checker) follow() string {
	count, best := c.followed(), c.From.Revision
	for _, tag := range c.tags() {
		if count[tag] > count[best] {
			best = tag
		}
	}
	return best
}

// moving is the tag of From that moves when the upgrade is completed, empty for none: the one that namespaces follow, else the default,
// which goes along. A tag that nobody follows stays where it is.
func (c *checker) moving() string {
	count, best := c.followed(), ""
	for _, tag := range c.tags() {
		moves := count[tag] > 0 || tag == defaultTag
		if moves && (best == "" || count[tag] > count[best]) {
			best = tag
		}
	}
	return best
}

// stay is by which value a thing with a label of its own should follow From: if there is one, by a tag that moves.
func (c *checker) stay() string { return cmp.Or(c.moving(), c.From.Revision) }

// instead is by which value a thing that names From itself should go on: a tag that moves, else the target.
func (c *checker) instead() string { return cmp.Or(c.moving(), c.To.Revision) }

// workloadLabels finds workloads whose own label istio.io/rev names nothing, has no effect, or names From itself, so that they stay
// behind when everything else moves.
func (c *checker) workloadLabels() {
	labelled := map[string]map[string]string{}
	follows := map[string]revision.ControlPlane{}
	for i := range c.Namespaces {
		labelled[c.Namespaces[i].Name], follows[c.Namespaces[i].Name] = c.Namespaces[i].Labels, c.Namespaces[i].Follows
	}
	for i := range c.Workloads {
		w := &c.Workloads[i]
		value, own := w.Labels[revLabel]
		if !own || w.Managed || w.declines() {
			continue
		}
		_, byRev := labelled[w.Namespace][revLabel]
		_, byInjection := labelled[w.Namespace][injectionLabel]
		decided := byRev || byInjection
		switch {
		case !c.named(revLabel, value):
			c.danglingWorkload(w, value, decided)
		case decided:
			elsewhere := c.leadsToFrom(value) != (follows[w.Namespace] == c.From.ControlPlane)
			if elsewhere && (w.concerns() || c.leadsToFrom(value)) || w.concerns() && c.pins(value) {
				c.ineffective(w, value)
			}
		case c.pins(value) && w.concerns():
			c.add(v1alpha1.AboutLabels, Pinned, v1alpha1.Warning, w.object(),
				fmt.Sprintf("its own label %s names the revision itself, so that it stays behind when tags and namespaces move", revision.LabelText(revLabel, value)),
				w.relabel(quotedJSON(c.instead())))
		}
	}
	c.gatewayLabels()
}

// declines says whether a workload wants no proxy, as istiod's own Deployment, whose label istio.io/rev says whose it is.
func (w *Workload) declines() bool {
	asked, is := w.Labels[label.SidecarInject.Name]
	if !is {
		asked = w.Annotations[annotation.SidecarInject.Name]
	}
	return asked == "false" && w.OnFrom == 0
}

// pins says whether a value of istio.io/rev names From itself, which does not move. The name of an installation without a revision
// does: in the end it is a tag of the target.
func (c *checker) pins(value string) bool {
	return value == c.From.Revision && value != revision.Default && !slices.Contains(c.tags(), value) && !c.inPlace()
}

func (c *checker) ineffective(w *Workload, value string) {
	c.add(v1alpha1.AboutLabels, "conflicting-labels", v1alpha1.Warning, w.object(),
		fmt.Sprintf("its own label %s has no effect: the labels of its namespace decide", revision.LabelText(revLabel, value)), w.relabel("null"))
}

// relabel is the command that gives the pod template another label istio.io/rev, as JSON; null for none.
func (w *Workload) relabel(value string) string {
	template := fmt.Sprintf(`{"spec":{"template":{"metadata":{"labels":{"%s":%s}}}}}`, revLabel, value)
	switch w.Ref.Kind {
	case "Pod":
		return "create it anew with another label: a pod that runs is not injected again"
	case "CronJob":
		template = `{"spec":{"jobTemplate":` + template + `}}`
	}
	return patch(w.Ref.String(), w.Namespace, template)
}

func quotedJSON(text string) string { return `"` + text + `"` }

// gatewayLabels is workloadLabels for the Gateways of the Gateway API.
func (c *checker) gatewayLabels() {
	for i := range c.Gateways {
		g := &c.Gateways[i]
		value, own := g.Labels[revLabel]
		switch {
		case !own:
		case !c.named(revLabel, value):
			c.danglingGateway(g, value)
		case c.pins(value):
			c.add(v1alpha1.AboutLabels, Pinned, v1alpha1.Warning, g.object(),
				fmt.Sprintf("its own label %s names the revision itself, so that it stays behind when tags and namespaces move", revision.LabelText(revLabel, value)),
				g.relabel(c.instead()))
		}
	}
}

func (g *Gateway) object() v1alpha1.CheckedObject { return object("Gateway", g.Namespace, g.Name) }

// relabel is the command that gives a Gateway another label istio.io/rev. Istio has Gateways of its own, so the group is named.
func (g *Gateway) relabel(value string) string {
	return fmt.Sprintf("kubectl label gateways.gateway.networking.k8s.io/%s -n %s --overwrite %s=%s", g.Name, g.Namespace, revLabel, value)
}
