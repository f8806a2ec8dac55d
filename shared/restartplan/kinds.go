package restartplan

import (
	"fmt"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func set(l map[string]string) labels.Set { return labels.Set(l) }

// byKind decides how a workload with stale pods is restarted, or why not.
func (p *planner) byKind(g *group, s *Step) *refused {
	switch ref := g.key.Ref; {
	case ref.Kind == "Pod" && ref.Group == "":
		return p.barePod(g, s)
	case ref.Group == "batch":
		return p.job(g)
	case g.w == nil && rollout.Known(ref):
		return p.unread(g)
	case g.w == nil:
		return p.unknownController(g, s)
	}
	if g.w.Deleting {
		return because("it is being deleted")
	}
	if g.w.HandInjected {
		return because("the proxy was injected into its template by hand, and a restart does not change that").
			unless(fmt.Sprintf("kubectl get %s -n %s -o yaml, then apply its original manifest, or that by `istioctl kube-inject`", g.key.Ref, g.key.Namespace))
	}
	return p.controlled(g, s)
}

// unread: what it is would decide how it is restarted.
func (p *planner) unread(g *group) *refused {
	if why, ok := p.in.Unread[g.key.Ref.Kind]; ok {
		return because("%s", why)
	}
	return because("it no longer exists")
}

func (p *planner) job(g *group) *refused {
	why := because("it runs to completion and is never restarted; its next run gets %s", nextRun(g.example.Verdict.Expected))
	if above, ok := g.example.Chain.Above(); ok {
		why = because("it runs to completion and is never restarted; the next run of %s gets %s", above, nextRun(g.example.Verdict.Expected))
	}
	return why
}

func (p *planner) barePod(g *group, s *Step) *refused {
	pod := g.example.Pod
	switch {
	case pod.Controller != nil:
		return because("it is the kubelet's own: its manifest is on node %s", pod.Node)
	case !alwaysRestarts(pod.RestartPolicy):
		return because("it runs to completion and is never restarted; created again, it gets %s", nextRun(g.example.Verdict.Expected))
	case p.o.Method != Auto && p.named(g.key):
		return &refused{method: true, reason: "nothing would create it again, so that it takes no --method: leave it out, and use --bare-pods=recreate"}
	case !p.o.RecreateBarePods:
		return because("nothing would create it again").unless(p.again(g, "--bare-pods=recreate"))
	}
	s.Method, s.Unavailable = v1alpha1.ByRecreation, 1
	s.Warnings = append(s.Warnings, p.in.Losses[g.key]...)
	return p.limited(s)
}

func (p *planner) unknownController(g *group, s *Step) *refused {
	switch {
	case !alwaysRestarts(g.example.Pod.RestartPolicy):
		return because("its pods run to completion and are never restarted; the next ones get %s", nextRun(g.example.Verdict.Expected))
	case p.o.Method != Auto && p.o.Method != v1alpha1.ByEviction:
		return wrongMethod(p.o.Method, g.key.Ref.Kind, v1alpha1.ByEviction)
	case !p.o.IncludeUnknown:
		return because("what a %s does when its pods are evicted is not known", g.key.Ref.Kind).unless(p.again(g, "--include-unknown"))
	}
	return p.evict(s)
}

// controlled decides about a workload of a kind that is known.
func (p *planner) controlled(g *group, s *Step) *refused {
	w := g.w
	p.leftover(g, s)
	if why := p.partitioned(g, s); why != nil || s.Method != "" {
		return why
	}
	switch w.Strategy {
	case rollout.Fixed:
		return p.onlyByEviction(s, "its controller replaces pods only once they are gone")
	case rollout.OnDelete:
		return p.onlyByEviction(s, "its update strategy is OnDelete")
	case rollout.ByRestartAt:
		if p.o.Method == v1alpha1.ByEviction {
			return p.evict(s)
		}
		if p.o.Method == v1alpha1.ByGracePeriod {
			return wrongMethod(p.o.Method, w.Ref.Kind, v1alpha1.ByRestart)
		}
		s.Method, s.Unavailable = v1alpha1.ByRestartAt, w.Unavailable()
		return p.limited(s)
	}
	return p.rolling(g, s)
}

func (p *planner) evict(s *Step) *refused {
	s.Method, s.Unavailable = v1alpha1.ByEviction, 1
	return p.limited(s)
}

func (p *planner) onlyByEviction(s *Step, why string) *refused {
	if p.o.Method != Auto && p.o.Method != v1alpha1.ByEviction {
		return &refused{method: true, reason: fmt.Sprintf("%s, so that --method %s does nothing to its pods: use --method evict", why, p.o.Method)}
	}
	return p.evict(s)
}

func wrongMethod(method v1alpha1.Method, kind string, fits v1alpha1.Method) *refused {
	return &refused{method: true, reason: fmt.Sprintf("a %s cannot be restarted by --method %s: use --method %s", kind, method, fits)}
}

// rolling decides about what its own controller replaces when the template changes.
func (p *planner) rolling(g *group, s *Step) *refused {
	w := g.w
	state := g.state(p.in.Sets)
	stale := func(pod rollout.Pod) bool { return g.stale[pod.Name] }
	if w.Paused {
		return because("its rollout is paused").unless(fmt.Sprintf("kubectl rollout resume %s -n %s", w.Ref, w.Namespace))
	}
	if state.Need(stale) == rollout.Patience && !s.Force {
		s.Action, s.Reason, s.Unavailable = v1alpha1.Await, "its pods are being replaced already", w.Unavailable()
		if w.Strategy != rollout.Recreate || p.o.AllowDowntime {
			s.Otherwise = v1alpha1.ByRestart
		}
		if p.o.Method != Auto {
			s.Otherwise = p.o.Method
		}
		return nil
	}
	if p.o.Method == v1alpha1.ByEviction {
		return p.evict(s)
	}
	if w.Strategy == rollout.Recreate && !p.o.AllowDowntime {
		return because("its strategy is Recreate, which takes all of its pods down before new ones are made").
			unless(p.again(g, "--allow-downtime"))
	}
	return p.byTemplate(g, s)
}

// partitioned decides about the pods that a StatefulSet's partition holds back. Where there are no others to restart, that is
// all there is to do.
func (p *planner) partitioned(g *group, s *Step) *refused {
	held := g.held()
	text := fmt.Sprintf("its partition %d holds back %d of its pods", g.w.Partition, held)
	switch all := held == s.Stale; {
	case held == 0:
		return nil
	case p.o.IncludePartitioned && all:
		s.EvictHeld = true
		return p.evict(s)
	case p.o.IncludePartitioned:
		s.EvictHeld = true
		return nil
	case all:
		return because("%s", text).unless(p.again(g, "--include-partitioned"))
	default:
		s.Stale -= held
		s.Held = held
		s.Warnings = append(s.Warnings, text+": see --include-partitioned")
		return nil
	}
}

// held counts the stale pods that a partition holds back.
func (g *group) held() int {
	state := g.state(nil)
	held := 0
	for _, pod := range state.Live() {
		if g.stale[pod.Name] && state.Held(pod) {
			held++
		}
	}
	return held
}

// byTemplate decides about a change of the pod template.
func (p *planner) byTemplate(g *group, s *Step) *refused {
	w := g.w
	s.Method, s.Unavailable, s.batch = v1alpha1.ByRestart, w.Unavailable(), w.MaxSurge+w.MaxUnavailable
	if p.o.Method == v1alpha1.ByGracePeriod {
		s.Method = v1alpha1.ByGracePeriod
		change := rollout.NextGracePeriod(w, p.in.Sets, podsIn(g))
		s.GracePeriod = &change
	}
	if p.o.SurgeSingletons && !s.Surge {
		if why := p.surge(g, s); why != nil {
			return why
		}
	}
	switch all := w.Replicas > 0 && s.Unavailable >= w.Replicas; {
	case w.Strategy == rollout.Recreate:
		s.Warnings = append(s.Warnings, "all of its pods are down at once")
	case all && w.Ref.Kind == "Deployment" && !s.Surge:
		s.Warnings = append(s.Warnings, "its maxUnavailable allows all of its pods to be down at once")
	}
	return p.limited(s)
}

// podsIn says whether any of a workload's pods is of a version of its template.
func podsIn(g *group) func(rollout.Set) bool {
	return func(s rollout.Set) bool {
		for _, item := range g.items {
			if s.Has(podOf(item.Pod)) {
				return true
			}
		}
		return false
	}
}

// limited refuses what takes more pods down at once than may be.
func (p *planner) limited(s *Step) *refused {
	if limit := p.o.MaxUnavailablePods; limit > 0 && s.Unavailable > limit {
		return because("%d of its pods may be unavailable at once, and --max-unavailable-pods allows %d", s.Unavailable, limit)
	}
	return nil
}

// surge gives a Deployment of one replica a second one, or says why it cannot have it.
func (p *planner) surge(g *group, s *Step) *refused {
	w := g.w
	if w.Ref.Kind != "Deployment" || w.Replicas != 1 || w.Strategy != rollout.Rolling {
		return nil
	}
	if w.MaxUnavailableOfTwo >= 2 {
		return because("it would be down all the same with --surge-singletons: its maxUnavailable allows both replicas to be missing")
	}
	if p.in.NoAutoscalers != "" {
		return because("whether a HorizontalPodAutoscaler keeps its replicas cannot be told for --surge-singletons: %s", p.in.NoAutoscalers)
	}
	for _, claim := range w.Claims {
		if why, ok := p.in.Once[w.Namespace+"/"+claim]; ok {
			return because("it cannot run twice for --surge-singletons: %s", why)
		}
	}
	if a, ok := p.in.Autoscalers[g.key]; ok {
		if a.Maximum < 2 {
			return because("it cannot run twice for --surge-singletons: HorizontalPodAutoscaler %s allows one replica", a.Name)
		}
		s.Autoscaler = &a
	}
	s.Surge = true
	return nil
}

// leftover notes in the step what an earlier run has left to put back, and says whether there is anything.
func (p *planner) leftover(g *group, s *Step) bool {
	if g.w == nil {
		return false
	}
	if a, ok := p.in.Autoscalers[g.key]; ok && a.Left {
		s.Surge, s.Autoscaler = true, &a
		return true
	}
	if _, surged := g.w.Surged(); surged {
		s.Surge = true
		return true
	}
	return false
}

// KindsOf returns the workloads' kinds whose objects a plan needs, for the workloads of the pods.
func KindsOf(keys []podtemplate.Workload) []workload.Ref {
	seen := map[workload.Ref]bool{}
	var kinds []workload.Ref
	for _, k := range keys {
		kind := workload.Ref{Group: k.Ref.Group, Kind: k.Ref.Kind}
		if rollout.Known(kind) && !seen[kind] {
			seen[kind] = true
			kinds = append(kinds, kind)
		}
	}
	return kinds
}
