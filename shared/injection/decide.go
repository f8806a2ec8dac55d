package injection

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio.io/api/annotation"
	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Outcome is what injection does to a pod.
type Outcome int

// The outcomes of a decision.
const (
	// NotInjected: no injector is called, or istiod declines.
	NotInjected Outcome = iota
	// Injected: istiod injects.
	Injected
	// Templated: the pod is not injected, but the template of its Deployment or DaemonSet has a proxy.
	Templated
	// Refused: istiod answers with an error, so that the API server refuses to create the pod.
	Refused
	// Unknown: something that decides could not be read.
	Unknown
)

// Decision is what would happen to a pod if it were created now.
type Decision struct {
	Outcome Outcome
	// Owner is the control plane that injects, or that was asked and declined or refused.
	Owner revision.ControlPlane
	// Tag is the revision tag by which the pod came to it, empty where it names the revision itself.
	Tag string
	// Image is the proxy's image. It is empty where the outcome is neither Injected nor Templated, and where the
	// injected template adds no proxy.
	Image string
	// Reason says in words what led to the outcome.
	Reason string
	// Dangling is true where a label of the namespace or the pod names a revision or tag that does not exist.
	Dangling bool
	// ByNamespace is true where that is the namespace's own istio.io/rev.
	ByNamespace bool
}

// Mesh is what decisions are made from.
type Mesh struct {
	// Injectors are all of the cluster's, in the order in which the API server calls them.
	Injectors []revision.Injector
	// Configs holds the configuration of every control plane that an injector calls. One that is absent could not be
	// read; ConfigGaps says why.
	Configs    map[revision.ControlPlane]Config
	ConfigGaps map[revision.ControlPlane]string
	// ProxyConfigs are the cluster's ProxyConfig resources.
	ProxyConfigs ProxyConfigs
	// Namespaces holds the labels of every namespace that is known.
	Namespaces map[string]map[string]string
	// Claims decides about the gateways that istiod manages.
	Claims Claims
}

// Decide says what would happen to the pod if it were created now, in a namespace with those labels.
func (m *Mesh) Decide(pod proxy.Pod, namespace map[string]string) Decision {
	d := m.decideByTemplate(pod, namespace)
	if d.Outcome == NotInjected && pod.InOwnTemplate() {
		d.Outcome, d.Image = Templated, pod.Container.Image
		d.Owner, d.Tag = revision.ControlPlane{Revision: pod.Revision()}, ""
		d.Reason += "; the proxy is in the pod's own template"
	}
	return d
}

// decideByTemplate decides as for a pod that its controller creates from the template. Where injection may have added the
// label istio.io/rev, the template may be without it; that matters only where the label itself selects an injector.
func (m *Mesh) decideByTemplate(pod proxy.Pod, namespace map[string]string) Decision {
	d := m.decide(pod, namespace)
	if !pod.RevisionLabelMayBeInjected() {
		return d
	}
	with := d
	pod.Labels = maps.Clone(pod.Labels)
	delete(pod.Labels, label.IoIstioRev.Name)
	if d = m.decide(pod, namespace); with.Outcome != d.Outcome || with.Owner != d.Owner || with.Image != d.Image {
		return with.unknown("the pod's label " + label.IoIstioRev.Name + " may be its template's or may have been added by injection")
	}
	return d
}

func (m *Mesh) decide(pod proxy.Pod, namespace map[string]string) Decision {
	var last *Decision
	for i := range m.Injectors {
		injector := &m.Injectors[i]
		for j := range injector.Webhooks {
			webhook := &injector.Webhooks[j]
			if !webhook.Selects(namespace, pod.Labels) {
				continue
			}
			d := m.call(injector, webhook, pod, namespace)
			if d.Outcome == Refused || d.Outcome == Unknown {
				return d
			}
			if last != nil && last.Outcome == Injected && d.Outcome == Injected && last.Owner != d.Owner {
				return last.contested(d)
			}
			if last == nil || d.Outcome == Injected {
				last = &d
			}
		}
	}
	if last == nil {
		return m.unselected(pod, namespace)
	}
	return *last
}

// contested is the decision about a pod that two control planes inject. The second replaces the first's proxy, or, where
// only one of them makes native sidecars, leaves a pod with two, which the API server refuses; which it is depends on
// settings that only the istiods know.
func (d Decision) contested(second Decision) Decision {
	first := d.Reason
	d.Reason = "two control planes inject this pod"
	return d.unknown(fmt.Sprintf("%s; and %s; one of them must be deactivated", first, second.Reason))
}

// call decides what one webhook does with a pod that it selects.
func (m *Mesh) call(injector *revision.Injector, webhook *revision.Webhook, pod proxy.Pod, namespace map[string]string) Decision {
	d := Decision{
		Owner:  injector.Owner,
		Tag:    injector.Tag,
		Reason: path(injector, webhook.Because(namespace, pod.Labels)),
	}
	if webhook.Conditional {
		return d.unknown(fmt.Sprintf("webhook %s of %s has matchConditions, which only the API server can evaluate",
			webhook.Name, injector.Name))
	}
	if why := declinesAlways(pod); why != "" {
		d.Reason += ", but " + why
		return d
	}
	config, ok := m.Configs[injector.Owner]
	if !ok {
		return d.unknown(m.ConfigGaps[injector.Owner])
	}
	why, known := config.declines(pod)
	if !known {
		return d.unknown("releases of Istio read " + annotation.SidecarInject.Name + " on this pod in different ways, " +
			"and the injector's configuration does not tell which release it is of")
	}
	if why != "" {
		d.Reason += ", but " + why
		return d
	}
	return m.inject(d, &config, pod)
}

// path says how a pod came to a revision: by which label, through which tag.
func path(injector *revision.Injector, because string) string {
	steps := []string{because}
	if injector.Tag != "" {
		steps = append(steps, "tag "+injector.Tag)
	}
	return strings.Join(append(steps, "revision "+injector.Owner.Revision), " -> ")
}

func (d Decision) unknown(missing string) Decision {
	d.Outcome, d.Image = Unknown, ""
	d.Reason += ": " + missing
	return d
}

// inject works out the image.
func (m *Mesh) inject(d Decision, config *Config, pod proxy.Pod) Decision {
	if err := validateAnnotations(pod.Annotations); err != nil {
		return d.malformed(config, err)
	}
	annotated, err := annotatedImageType(pod.Annotations)
	if err != nil {
		return d.malformed(config, err)
	}
	imageType, err := m.scope(d.Owner, config).imageType(pod.Namespace, pod.Labels, annotated)
	_, overridden := pod.Annotations[annotation.SidecarProxyImageType.Name]
	if err != nil && !overridden && config.asksIstiod(pod) {
		return d.unknown(err.Error())
	}
	return applyTemplates(d, config, pod, config.values.proxyImage(imageType, pod.Annotations))
}

// malformed is the decision about a pod with a malformed annotation. Which ones are checked grew over the releases.
func (d Decision) malformed(config *Config, err error) Decision {
	if config.single {
		return d.unknown(err.Error() + ", and whether a release that old refuses it is not known here")
	}
	return d.refused(err.Error())
}

// applyTemplates goes through the templates that the pod asks for; each can replace the image.
func applyTemplates(d Decision, config *Config, pod proxy.Pod, computed string) Decision {
	if len(config.templates) == 0 {
		return d.unknown("the injector's templates are of a release that is not known here")
	}
	for _, name := range config.templatesFor(pod) {
		template, ok := config.templates[name]
		if !ok {
			return d.refused(fmt.Sprintf("injection template %q does not exist", name))
		}
		if template.kind == opaqueImage {
			return d.unknown(fmt.Sprintf("injection template %q computes the image in a way of its own", name))
		}
		if template.kind == noImage {
			continue
		}
		if d.Image = template.of(config.values, computed, pod.Annotations); d.Image == "" {
			return d.unknown("annotation " + annotation.SidecarProxyImage.Name + " is empty, so that the proxy would have no image")
		}
	}
	d.Outcome = Injected
	if config.single {
		return d
	}
	return d.overlaid(pod)
}

// overlaid lays the pod's own container over the template's. Releases with a single template did the reverse: they
// removed it. Source: removeContainers and injectionStatus in pkg/kube/inject/webhook.go, release-1.8 of istio/istio.
func (d Decision) overlaid(pod proxy.Pod) Decision {
	own, err := pod.OwnImage()
	if err != nil {
		return d.unknown(err.Error())
	}
	if own != "" {
		d.Image = own
		d.Reason += ", image of the pod's own " + proxy.ContainerName + " container"
	}
	return d
}

func (d Decision) refused(why string) Decision {
	d.Outcome, d.Image = Refused, ""
	d.Reason += ", but istiod would refuse the pod: " + why
	return d
}

// templatesFor returns the names of the templates that are applied to the pod, in order. Source: selectTemplates and
// resolveAliases in istio.io/istio/pkg/kube/inject.
func (c *Config) templatesFor(pod proxy.Pod) []string {
	if c.single {
		return []string{sidecarTemplate}
	}
	names := c.defaultTemplates
	if list, ok := pod.Annotations[annotation.InjectTemplates.Name]; ok {
		names = strings.Split(list, ",")
	}
	var resolved []string
	for _, name := range names {
		name = strings.TrimSpace(name)
		if alias, ok := c.aliases[name]; ok {
			resolved = append(resolved, alias...)
		} else {
			resolved = append(resolved, name)
		}
	}
	return resolved
}

// asksIstiod says whether a template that is applied to the pod takes the image that istiod computes.
func (c *Config) asksIstiod(pod proxy.Pod) bool {
	return slices.ContainsFunc(c.templatesFor(pod), func(name string) bool { return c.templates[name].byIstiod() })
}
