package upgradehands

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartscan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// Reinjector restarts workloads.
type Reinjector struct {
	Clients        *cluster.Clients
	IstioNamespace string
	Options        restartplan.Options
	Chunk          int64
	// Carry carries a plan out. It returns nil only if all went well of what it was to do.
	Carry func(ctx context.Context, found *restartscan.Result, plan *restartplan.Plan) error
	// Left is told of workloads that were left alone, and why the command does not wait for them.
	Left func(text string)
}

// restart restarts what a step says, and looks then whether that has worked. Pods that are left alone because of what they are
// (they run to completion, say) are told where namespaces are moved, and are an error where a revision is to be left.
func (r *Reinjector) restart(ctx context.Context, s upgrade.Step) error {
	found, err := r.read(ctx, s)
	if err != nil {
		return err
	}
	plan, err := restartplan.Make(found.Input, r.Options)
	if err != nil {
		return err
	}
	if acts(plan) {
		if err := r.Carry(ctx, found, plan); err != nil {
			return err
		}
		if found, err = r.read(ctx, s); err != nil {
			return err
		}
	}
	return r.judge(found, s)
}

// judge says of what was found after a restart whether that has worked.
func (r *Reinjector) judge(found *restartscan.Result, s upgrade.Step) error {
	left, own := behind(found.Input.Pods, s.Away)
	switch {
	case s.Nothing:
		left = append(left, own...)
	case len(own) > 0:
		r.Left("still on revision " + s.Away + ", which their own labels or their namespaces' name: " + someOf(own))
	}
	switch {
	case len(found.Gaps) > 0:
		return fmt.Errorf("whether all pods are moved cannot be told: %w", found.Gaps[0])
	case len(left) == 0:
		return nil
	case s.Away == "":
		r.Left("left on their proxies: " + someOf(left))
		return nil
	default:
		return fmt.Errorf("not every pod has left revision %s: %s; see `kubectl mesh-reinject -A --dry-run=client`, and run the same command again", s.Away, someOf(left))
	}
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
	if s.Away != "" {
		return i.Verdict.Proxy != nil && i.Verdict.Proxy.Revision == s.Away
	}
	return slices.Contains(s.Namespaces, i.Pod.Namespace)
}

// behind returns the workloads that have a pod whose proxy is of another revision than it would get, and those that have one of the
// revision away and would get it again, each once, in order.
func behind(pods []scan.Item, away string) (stale, own []string) {
	for _, i := range pods {
		v := i.Verdict
		if v.Proxy == nil || v.Proxy.Revision == "" {
			continue
		}
		name := i.Chain.Workload().String() + " in namespace " + i.Pod.Namespace
		switch {
		case v.Expected.Revision != v.Proxy.Revision && !slices.Contains(stale, name):
			stale = append(stale, name)
		case v.Expected.Revision == v.Proxy.Revision && v.Proxy.Revision == away && !slices.Contains(own, name):
			own = append(own, name)
		}
	}
	slices.Sort(stale)
	slices.Sort(own)
	return stale, own
}

// few is how many names a message has room for.
const few = 5

func someOf(names []string) string {
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:few], ", "), len(names)-few)
}
