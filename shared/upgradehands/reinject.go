package upgradehands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartscan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderun"
)

// Reinjector restarts workloads.
type Reinjector struct {
	Clients        *cluster.Clients
	IstioNamespace string
	Options        restartplan.Options
	Chunk          int64
	// Found is told what there is to know of a plan before it is carried out, or once nothing is to be done: what it leaves alone.
	Found func(found *restartscan.Result, plan *restartplan.Plan)
	// Carry carries a plan out. It returns nil only if all went well of what it was to do.
	Carry func(ctx context.Context, plan *restartplan.Plan) error
	// GatewayTime is how long gateways that istiod itself manages may take: it rolls them out once their revision changes.
	GatewayTime time.Duration
	// Left is told, once each, of workloads that were left alone, and why the command does not wait for them; Waits of those that it
	// waits for.
	Left, Waits func(text string)

	told map[string]bool
}

// rounds is how often is restarted what has come meanwhile.
const rounds = 3

// restart restarts what a step says, and looks then whether that has worked. Pods that are left alone because of what they are
// (they run to completion, say) are told where namespaces are moved, and are an error where the mesh is to leave a revision.
func (r *Reinjector) restart(ctx context.Context, s upgrade.Step) error {
	waiting := settling{gateways: r.GatewayTime}
	for round, looked := 0, false; ; looked = true {
		found, err := r.read(ctx, s)
		if err != nil {
			return err
		}
		plan, err := restartplan.Make(leaving(found.Input, s.Away), r.Options)
		if err != nil {
			return err
		}
		toDo := round < rounds && acts(plan)
		if toDo || !looked {
			r.Found(found, plan)
		}
		if toDo {
			if err := r.Carry(ctx, plan); err != nil {
				return err
			}
			round++
			continue
		}
		g, err := r.judge(found, s)
		if len(g.pods) == 0 || waiting.over(g, time.Now()) {
			return err
		}
		if err := r.failing(ctx, g.managed); err != nil {
			return err
		}
		if err := pause(ctx, settleLook); err != nil {
			return err
		}
	}
}

// once tells what was not told before: it is looked again and again.
func (r *Reinjector) once(tell func(text string), text string) {
	if r.told == nil {
		r.told = map[string]bool{}
	}
	if !r.told[text] {
		r.told[text] = true
		tell(text)
	}
}

// judge says of what was found after a restart whether that has worked, and which pods may still be going where it has not.
func (r *Reinjector) judge(found *restartscan.Result, s upgrade.Step) (g going, err error) {
	b, whole := behind(found.Input.Pods, s.Away), len(s.Namespaces) == 0
	g = going{b.pods, b.managed, len(b.managed) > 0 && len(b.gateways) == len(b.stale)}
	if s.Nothing {
		b.stale, b.own = append(b.stale, b.own...), nil
	}
	if !whole && len(b.jobs) > 0 {
		r.once(r.Left, "run to completion on their proxies: "+someOf(b.jobs))
	} else {
		b.stale = append(b.stale, b.jobs...)
	}
	if g.onlyGateways {
		r.once(r.Waits, "istiod rolls out "+someOf(b.gateways))
	}
	if len(b.own) > 0 {
		r.once(r.Left, "still on revision "+s.Away+", which their own labels or their namespaces' name: "+someOf(b.own))
	}
	how := r.how(b.stale)
	switch {
	case len(found.Gaps) > 0:
		return going{}, fmt.Errorf("whether all pods are moved cannot be told: %w", found.Gaps[0])
	case len(b.stale) == 0:
		return going{}, nil
	case whole:
		return g, fmt.Errorf("not every pod has left revision %s: %s", s.Away, someOf(b.stale)+how)
	default:
		return g, &upgraderun.BehindError{Namespaces: b.namespaces, Text: fmt.Sprintf("not every pod runs revision %s: %s", s.Revision, someOf(b.stale)) + how}
	}
}

// how says what to do about workloads that are left.
func (r *Reinjector) how(stale []string) string {
	bare := slices.ContainsFunc(stale, func(name string) bool { return strings.HasPrefix(name, "pod/") })
	if bare && !r.Options.RecreateBarePods {
		return "; pods without a controller are deleted and created again only with --bare-pods=recreate: run the same command again with it"
	}
	return "; see `kubectl mesh-reinject -A --dry-run=client`, and run the same command again"
}

// leaving is what would be given another revision than the one that is left. The rest is not the upgrade's to restart.
func leaving(in restartplan.Input, away string) restartplan.Input {
	in.Pods = slices.DeleteFunc(slices.Clone(in.Pods), func(i scan.Item) bool { return away != "" && i.Verdict.Expected.Revision == away })
	return in
}

func acts(plan *restartplan.Plan) bool {
	return slices.ContainsFunc(plan.Steps, func(s restartplan.Step) bool { return s.Acts() })
}

func (r *Reinjector) read(ctx context.Context, s upgrade.Step) (*restartscan.Result, error) {
	q := restartscan.Request{IstioNamespace: r.IstioNamespace, Options: r.Options, Chunk: r.Chunk, Only: func(i scan.Item) bool { return concerns(s, i) }}
	if len(s.Namespaces) == 1 {
		q.Namespace = s.Namespaces[0]
	}
	found, err := restartscan.Read(ctx, r.Clients, q)
	if err != nil {
		return nil, err
	}
	mine, err := scan.OfMesh(found.Mesh, r.IstioNamespace)
	if err != nil {
		return nil, err
	}
	found.Input.Pods = slices.DeleteFunc(found.Input.Pods, func(i scan.Item) bool { return !mine(i) })
	return found, nil
}

// concerns says whether a step is about a pod.
func concerns(s upgrade.Step, i scan.Item) bool {
	if s.Away != "" && (i.Verdict.Proxy == nil || i.Verdict.Proxy.Revision != s.Away) {
		return false
	}
	return len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, i.Pod.Namespace)
}

// left are workloads, each once, in order: those that have a pod whose proxy is of another revision than it would get, apart from those
// whose pods run to completion, and those that have one of the revision that is left and would get it again. namespaces are those of
// the first, gateways those of the first that istiod manages, managed their pods, and pods all pods of any of them that a controller replaces.
type left struct {
	stale, jobs, own, namespaces, gateways, pods []string
	managed                                      []scan.Item
}

func behind(pods []scan.Item, away string) (l left) {
	for _, i := range pods {
		v := i.Verdict
		if v.Proxy == nil || v.Proxy.Revision == "" {
			continue
		}
		workload := i.Chain.Workload()
		name := workload.String() + " in namespace " + i.Pod.Namespace
		current := v.Expected.Revision == v.Proxy.Revision
		if current && v.Proxy.Revision != away {
			continue
		}
		// Nobody replaces a pod without a controller, so that it is none to wait for.
		if workload.Kind != "Pod" {
			l.pods = append(l.pods, i.Pod.Namespace+"/"+i.Pod.Name)
		}
		switch {
		case current:
			l.own = append(l.own, name)
		case workload.Kind == "Job" || workload.Kind == "CronJob":
			l.jobs = append(l.jobs, name)
		default:
			l.stale, l.namespaces = append(l.stale, name), append(l.namespaces, i.Pod.Namespace)
			if i.Pod.Managed() {
				l.gateways, l.managed = append(l.gateways, name), append(l.managed, i)
			}
		}
	}
	for _, names := range []*[]string{&l.stale, &l.jobs, &l.own, &l.namespaces, &l.gateways, &l.pods} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return l
}

// few is how many names a message has room for.
const few = 5

func someOf(names []string) string {
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:few], ", "), len(names)-few)
}
