package tag

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Census counts who follows the tags of a mesh, and whom a change of the mesh moves. It decides by the webhooks' own
// selectors, as the API server would. It is fed pod by pod.
type Census struct {
	before, after *mesh.Mesh
	usages        map[[2]string]*usage
	effect        effect
}

// usage is Usage while it is counted.
type usage struct {
	byLabel, byInjection, byPod, gateways map[string]bool
	pods                                  int
}

// Usage is who follows one tag.
type Usage struct {
	// ByLabel are the namespaces that follow it by their label istio.io/rev, ByInjection those that do so by
	// istio-injection=enabled, or without a label, and ByPod those in which a pod's own label leads to it. Sorted.
	ByLabel, ByInjection, ByPod []string
	// Pods are those that would be injected by way of the tag if they were created now.
	Pods int
	// Gateways are those that istiod manages, as NAMESPACE/NAME. Sorted.
	Gateways []string
}

// Namespaces returns the namespaces that follow the tag in any way, sorted.
func (u Usage) Namespaces() []string {
	all := slices.Concat(u.ByLabel, u.ByInjection, u.ByPod)
	slices.Sort(all)
	return slices.Compact(all)
}

// Followed says whether anybody follows the tag.
func (u Usage) Followed() bool { return len(u.Namespaces()) > 0 || u.Pods > 0 || len(u.Gateways) > 0 }

// effect is Effect while it is counted.
type effect struct {
	namespaces map[string]int
	uninjected map[string]bool
	gateways   map[string]bool
	pods, lost int
}

// Effect is what a change of the mesh moves.
type Effect struct {
	// Namespaces are those whose pods another revision injects, or none, than did before, with the number of such pods that
	// run now.
	Namespaces map[string]int
	// Uninjected are those among them in which pods would be left without a proxy. Sorted.
	Uninjected []string
	// Pods are those that the next restart moves, Lost those among them that it would leave without a proxy.
	Pods, Lost int
	// Gateways are those that istiod rolls out anew at once, as NAMESPACE/NAME. Sorted.
	Gateways []string
}

// NewCensus returns a count over a mesh as it is, and as it will be, which is the same mesh where nothing changes.
func NewCensus(before, after *mesh.Mesh) *Census {
	c := &Census{before: before, after: after, usages: map[[2]string]*usage{}}
	c.effect = effect{namespaces: map[string]int{}, uninjected: map[string]bool{}, gateways: map[string]bool{}}
	for _, name := range before.Namespaces() {
		c.addNamespace(name)
	}
	return c
}

// addNamespace counts a namespace by what would become of a pod in it that has no labels.
func (c *Census) addNamespace(name string) {
	plain := proxy.Pod{Namespace: name}
	was := c.before.Decide(plain)
	if was.Tag != "" {
		if u := c.of(was); c.before.Labels(name)[label.IoIstioRev.Name] == was.Tag {
			u.byLabel[name] = true
		} else {
			u.byInjection[name] = true
		}
	}
	if will := c.after.Decide(plain); differs(was, will) {
		c.effect.namespaces[name] += 0
		c.effect.lose(name, was, will)
	}
}

func (c *Census) of(d injection.Decision) *usage {
	key := [2]string{d.Owner.Namespace, d.Tag}
	if c.usages[key] == nil {
		c.usages[key] = &usage{byLabel: map[string]bool{}, byInjection: map[string]bool{}, byPod: map[string]bool{}, gateways: map[string]bool{}}
	}
	return c.usages[key]
}

// Add counts a pod. One that has ended counts for nothing.
func (c *Census) Add(pod proxy.Pod) {
	if pod.Phase == corev1.PodSucceeded || pod.Phase == corev1.PodFailed {
		return
	}
	was, will := c.before.Decide(pod), c.after.Decide(pod)
	moves := differs(was, will)
	if pod.Managed() {
		gateway := injection.GatewayKey(pod.Namespace, pod.GatewayName())
		if was.Tag != "" {
			c.of(was).gateways[gateway] = true
		}
		if moves {
			c.effect.gateways[gateway] = true
		}
		return
	}
	if was.Tag != "" && was.Outcome != injection.NotInjected {
		c.addFollower(pod, was)
	}
	if moves {
		c.effect.pods++
		c.effect.namespaces[pod.Namespace]++
		if c.effect.lose(pod.Namespace, was, will) {
			c.effect.lost++
		}
	}
}

// lose notes that a namespace's pods are not injected any more, if that is so, and says whether it is.
func (e *effect) lose(namespace string, was, will injection.Decision) bool {
	if was.Outcome == injection.NotInjected || will.Outcome != injection.NotInjected {
		return false
	}
	e.uninjected[namespace] = true
	return true
}

func (c *Census) addFollower(pod proxy.Pod, d injection.Decision) {
	u := c.of(d)
	u.pods++
	if !u.byLabel[pod.Namespace] && !u.byInjection[pod.Namespace] {
		u.byPod[pod.Namespace] = true
	}
}

// differs says whether another control plane does the work.
func differs(was, will injection.Decision) bool {
	return was.Owner != will.Owner || (was.Outcome == injection.NotInjected) != (will.Outcome == injection.NotInjected)
}

// Usage returns who follows a tag, as counted until now.
func (c *Census) Usage(namespace, name string) Usage {
	u := c.usages[[2]string{namespace, name}]
	if u == nil {
		return Usage{}
	}
	return Usage{ByLabel: sorted(u.byLabel), ByInjection: sorted(u.byInjection), ByPod: sorted(u.byPod), Pods: u.pods, Gateways: sorted(u.gateways)}
}

// Effect returns what the change moves, as counted until now.
func (c *Census) Effect() Effect {
	return Effect{Namespaces: maps.Clone(c.effect.namespaces), Uninjected: sorted(c.effect.uninjected), Pods: c.effect.pods, Lost: c.effect.lost, Gateways: sorted(c.effect.gateways)}
}

func sorted(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
