package reinject

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartscan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// rehearse prints the plan and, with --dry-run=server, has the server say of every change whether it would take it.
func (o *Options) rehearse(ctx context.Context, clients *cluster.Clients, found *restartscan.Result, plan *restartplan.Plan) error {
	var refusals []restart.Refusal
	var err error
	if o.DryRun == dryRunServer {
		if refusals, err = restart.Rehearse(ctx, clients, plan, found.Input); err != nil {
			return err
		}
	}
	if err := o.printPlan(plan); err != nil {
		return err
	}
	o.sayPlan(found, plan)
	refused := 0
	for _, r := range refusals {
		would := "would refuse"
		if r.Passing {
			would = "would have the run wait for"
		} else {
			refused++
		}
		fmt.Fprintf(o.ErrOut, "warning: the server %s %s: %s\n", would, restarttext.Name(&r.Step.RestartItem), printing.Escape(r.Err.Error()))
	}
	if refused > 0 {
		return fmt.Errorf("the server would refuse %s", restarttext.Count(refused, "workload"))
	}
	if err := incomplete(found, plan); err != nil {
		return err
	}
	if o.ExitCode && finds(plan) {
		return &exit.Error{Code: exit.Findings}
	}
	return nil
}

// finds says whether there is anything to do, or stale and skipped.
func finds(plan *restartplan.Plan) bool {
	return slices.ContainsFunc(plan.Steps, func(s restartplan.Step) bool { return s.Acts() || s.Stale > 0 })
}

// sayPlan sums the plan up.
func (o *Options) sayPlan(found *restartscan.Result, plan *restartplan.Plan) {
	sum := plan.Report().Summary
	if sum.Workloads == 0 {
		o.sayNothing(found, plan)
		return
	}
	text := fmt.Sprintf("%s with %s in %s", restarttext.Count(sum.Workloads, "workload"), restarttext.Count(sum.Pods, "pod"),
		restarttext.Count(sum.Namespaces, "namespace"))
	if sum.Waves > 1 {
		text += fmt.Sprintf(", %d waves", sum.Waves)
	}
	fmt.Fprintf(o.ErrOut, "Plan: %s; about %s. Skipped: %d. Nothing was changed.\n", text,
		restarttext.Duration(time.Duration(sum.EstimatedSeconds)*time.Second), sum.Skipped)
	o.sayLeftOut(found)
}
