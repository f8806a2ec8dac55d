package reinject

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartreport"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartscan"
)

// carryOut does the plan, and says how it went. dir is where manifests of bare pods are kept.
func (o *Options) carryOut(ctx context.Context, clients *cluster.Clients, dir string, found *restartscan.Result, plan *restartplan.Plan) error {
	options := o.Pacing.Run()
	options.Chunk, options.NoWait, options.ManifestDir = o.Chunk, !o.Wait, dir
	options.Abort = plugin.Abort(ctx)
	report, err := o.Pacing.Carry(ctx, o.ErrOut, clients, plan, options)
	if err != nil {
		return err
	}
	if err := o.printResults(report); err != nil {
		return err
	}
	fmt.Fprint(o.ErrOut, restartreport.Summary(report))
	if err := o.Pacing.WriteReports(report); err != nil {
		return err
	}
	return o.conclude(ctx, found, plan, report)
}

// conclude turns the report into an exit code.
func (o *Options) conclude(ctx context.Context, found *restartscan.Result, plan *restartplan.Plan, report *v1alpha1.RestartReport) error {
	bad := 0
	for outcome, n := range report.Summary.ByOutcome {
		if !restart.Well(outcome) {
			bad += n
		}
	}
	stopped := report.Summary.Stopped
	switch {
	case stopped == restart.TimeIsOver, stopped != "" && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &exit.Error{Code: exit.TimedOut, Err: fmt.Errorf("not done within the %s of --timeout", o.Timeout)}
	case errors.Is(ctx.Err(), context.Canceled):
		return &exit.Error{Code: exit.Interrupted, Err: errors.New("interrupted")}
	case bad > 0:
		return fmt.Errorf("not done: %d of %d workloads; %s", bad, report.Summary.Workloads, "the same command goes on with them")
	case stopped != "":
		return fmt.Errorf("stopped: %s", stopped)
	}
	if err := incomplete(found, plan); err != nil {
		return err
	}
	return o.findings(report)
}
