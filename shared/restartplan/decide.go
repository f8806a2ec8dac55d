package restartplan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

type planner struct {
	in Input
	o  Options
}

// steps returns a step for every workload that there is something to say about, in no order.
func (p *planner) steps() ([]Step, error) {
	if err := p.runsToCompletion(); err != nil {
		return nil, err
	}
	var steps []Step
	groups := p.groups()
	for _, key := range slices.SortedFunc(maps.Keys(groups), compareKeys) {
		g := groups[key]
		if !p.selected(g) {
			continue
		}
		step, err := p.step(g)
		if err != nil {
			return nil, err
		}
		if step != nil {
			steps = append(steps, *step)
		}
	}
	return append(steps, p.without(groups)...), nil
}

// runsToCompletion is the error of a method for what is named and takes none.
func (p *planner) runsToCompletion() error {
	for _, key := range p.in.Named {
		if p.o.Method != Auto && key.Ref.Group == "batch" {
			return fmt.Errorf("%s in namespace %s: it runs to completion and is never restarted, by no --method", key.Ref, key.Namespace)
		}
	}
	return nil
}

func compareKeys(a, b podtemplate.Workload) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.Name, b.Ref.Name))
}

func (p *planner) named(key podtemplate.Workload) bool { return slices.Contains(p.in.Named, key) }

// selected says whether a workload's labels are those that were asked for. Of what could not be read as an object, those of
// its pods count.
func (p *planner) selected(g *group) bool {
	if p.o.Selector == nil || p.o.Selector.Empty() {
		return true
	}
	if g.w != nil {
		return p.o.Selector.Matches(set(g.w.Labels))
	}
	return p.o.Selector.Matches(set(g.items[0].Pod.Labels))
}

// step decides about one workload, nil where there is nothing to say about it.
func (p *planner) step(g *group) (*Step, error) {
	s := p.begin(g)
	why := p.refusal(g)
	if why == nil && len(g.stale) == 0 {
		return p.nothingStale(g, s), nil
	}
	if why == nil {
		why = p.byKind(g, s)
	}
	switch {
	case why == nil:
		if g.example != nil && g.example.Verdict.Expected.Image == "" {
			s.Warnings = append(s.Warnings, "it leaves the mesh: injection adds no proxy to its pods any more")
		}
		return s, nil
	case why.method && p.named(g.key):
		return nil, fmt.Errorf("%s in namespace %s: %s", g.key.Ref, g.key.Namespace, why.reason)
	case p.leftover(g, skip(s, why)):
		return putBack(s, "; not restarted: "+why.reason), nil
	default:
		return s, nil
	}
}

func (p *planner) begin(g *group) *Step {
	s := &Step{RestartItem: g.item(), Ref: g.key.Ref, Force: g.onlyCurrent(), Startup: g.startup()}
	pod := g.items[0].Pod
	s.Action, s.Pod = v1alpha1.Restart, pod.Name
	switch {
	case g.w != nil:
		s.UID = g.w.UID
	case pod.Controller != nil:
		s.UID = pod.Controller.UID
	default:
		s.UID = pod.UID
	}
	if g.example != nil {
		s.Expected, s.Pod = g.example.Verdict.Expected, g.example.Pod.Name
	}
	return s
}

// refused is why a workload is left alone.
type refused struct {
	reason, command string
	// method is true where that is for the method that was asked for.
	method bool
}

func because(format string, args ...any) *refused {
	return &refused{reason: fmt.Sprintf(format, args...)}
}

func (r *refused) unless(command string) *refused {
	r.command = command
	return r
}

func skip(s *Step, why *refused) *Step {
	s.Action, s.Method, s.Wave, s.GracePeriod, s.Surge = v1alpha1.Skip, "", 0, nil, false
	s.Unavailable, s.Warnings = 0, nil
	s.Reason, s.Command = why.reason, why.command
	return s
}

// putBack makes of a step that only the replicas are put back that an earlier run has left.
func putBack(s *Step, further string) *Step {
	s.Action, s.Reason, s.Command = v1alpha1.PutBack, "an earlier run left it at more replicas than it should have"+further, ""
	return s
}

// nothingStale is the step of a workload that need not be restarted: none, unless it was named or an earlier run has left
// something to put back.
func (p *planner) nothingStale(g *group, s *Step) *Step {
	if p.leftover(g, s) {
		return putBack(s, "")
	}
	if !p.named(g.key) {
		return nil
	}
	why := because("none of its pods is stale")
	if g.with(func(i scan.Item) bool { return i.Verdict.Status == v1alpha1.Missing }) != nil {
		why = because("its pods have no proxy: see --include missing").unless(p.again(g, "--include missing"))
	}
	if g.with(func(i scan.Item) bool { return i.Verdict.Status == v1alpha1.Unexpected }) != nil {
		why = because("its pods would lose their proxy: see --include unexpected").unless(p.again(g, "--include unexpected"))
	}
	return skip(s, why)
}

// again is the command that restarts one workload with a further flag.
func (p *planner) again(g *group, flag string) string {
	return fmt.Sprintf("kubectl mesh-reinject %s -n %s %s", g.key.Ref, g.key.Namespace, flag)
}

// refusal is why nothing is ever done about a workload, whatever its kind.
func (p *planner) refusal(g *group) *refused {
	if item := g.with(stranded); item != nil {
		command := "kubectl get namespace " + g.key.Namespace + " --show-labels"
		if item.Verdict.ByNamespace {
			command = "kubectl label namespace " + g.key.Namespace + " istio.io/rev=REVISION --overwrite"
		}
		return because("its proxies would be lost: %s", item.Verdict.Reason).unless(command)
	}
	if item := g.with(unknown); item != nil {
		return because("what injection would do cannot be told: %s", item.Verdict.Reason)
	}
	if len(g.stale) == 0 {
		return nil
	}
	switch pod := g.example.Pod; {
	case p.in.Terminating != nil && p.in.Terminating(g.key.Namespace):
		return because("its namespace is being deleted")
	case pod.Managed():
		return managed(g, pod)
	case pod.Type == proxy.Ztunnel || pod.Type == proxy.CNI:
		return because("it is not injected: its own rollout replaces its pods").
			unless(fmt.Sprintf("kubectl rollout restart %s -n %s", g.key.Ref, g.key.Namespace))
	default:
		return nil
	}
}

// managed: istiod writes the Deployment of a Gateway, image and all, and follows the Gateway's label or its namespace's.
func managed(g *group, pod proxy.Pod) *refused {
	why := because("istiod keeps it for Gateway %s, and replaces its pods by itself", pod.GatewayName())
	if to := g.example.Verdict.Expected; to.Revision != "" && pod.GatewayName() != "" {
		why.command = fmt.Sprintf("kubectl label gateways.gateway.networking.k8s.io %s -n %s istio.io/rev=%s --overwrite",
			pod.GatewayName(), g.key.Namespace, cmp.Or(to.Tag, to.Revision))
	}
	return why
}

// without returns the steps of workloads that have no pods: those that were named, and those that an earlier run has left
// something to put back at.
func (p *planner) without(groups map[podtemplate.Workload]*group) []Step {
	var steps []Step
	for _, key := range slices.SortedFunc(maps.Keys(p.in.Workloads), compareKeys) {
		g := &group{key: key, w: p.in.Workloads[key]}
		s := Step{RestartItem: g.item(), Ref: key.Ref, UID: g.w.UID}
		if groups[key] == nil && p.o.matches(g.w) && p.leftover(g, &s) {
			steps = append(steps, *putBack(&s, ""))
		}
	}
	for _, key := range p.in.Named {
		if groups[key] != nil || slices.ContainsFunc(steps, func(s Step) bool { return s.Key() == key }) {
			continue
		}
		s := Step{RestartItem: (&group{key: key}).item(), Ref: key.Ref}
		why := because("it has no pods")
		if next, ok := p.in.Runs[key]; ok {
			why = because("it is never restarted; its next run gets %s", nextRun(next))
		}
		steps = append(steps, *skip(&s, why))
	}
	return steps
}

func (o Options) matches(w *rollout.Workload) bool {
	return o.Selector == nil || o.Selector.Matches(set(w.Labels))
}

// nextRun says what a pod gets that is created later.
func nextRun(e v1alpha1.Expected) string {
	if e.Image == "" {
		return "no proxy"
	}
	return fmt.Sprintf("proxy %s of revision %s", cmp.Or(e.Version, e.Image), e.Revision)
}
