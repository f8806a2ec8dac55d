package canary

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/pacing"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartreport"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartscan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
)

// reinjector restarts workloads at the pace of the flags, and shows how that goes.
func (o *upgradeOptions) reinjector(ctx context.Context, s *session) (*upgradehands.Reinjector, error) {
	plan, dir := o.Pacing.Plan(), ""
	if plan.RecreateBarePods {
		var err error
		if dir, err = pacing.ManifestDir(ctx, s.clients, s.host); err != nil {
			return nil, err
		}
	}
	options := o.Pacing.Run()
	var whole *v1alpha1.RestartReport
	options.Chunk, options.ManifestDir, options.Abort = o.Chunk, dir, plugin.Abort(ctx)
	return &upgradehands.Reinjector{
		Clients: s.clients, IstioNamespace: s.namespace, Options: plan, Chunk: o.Chunk,
		GatewayTime: o.Pacing.WorkloadTimeout,
		Left:        func(text string) { fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(text)) },
		Waits:       func(text string) { fmt.Fprintln(o.ErrOut, "waiting:", printing.Escape(text)) },
		Found:       o.notes,
		Carry: func(ctx context.Context, plan *restartplan.Plan) error {
			report, err := o.Pacing.Carry(ctx, o.ErrOut, s.clients, plan, options)
			if err != nil {
				return err
			}
			fmt.Fprint(o.ErrOut, restartreport.Summary(report))
			// Each run of a command may be one of several: a report on disk is of them all.
			whole = restartreport.Join(whole, report)
			if err := o.Pacing.WriteReports(whole); err != nil {
				return err
			}
			return conclude(ctx, report)
		},
	}, nil
}

// notes says what there is to know before workloads are restarted.
func (o *upgradeOptions) notes(found *restartscan.Result, plan *restartplan.Plan) {
	for _, gap := range found.Gaps {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
	for _, i := range plan.Report().Items {
		for _, w := range i.Warnings {
			fmt.Fprintf(o.ErrOut, "warning: %s: %s\n", restarttext.Name(&i), printing.Escape(w))
		}
		if i.Action == v1alpha1.Skip {
			fmt.Fprintf(o.ErrOut, "skipped: %s: %s\n", restarttext.Name(&i), printing.Escape(i.Reason))
		}
	}
}

// conclude is the error of a run that has not done all that it was to do.
func conclude(ctx context.Context, report *v1alpha1.RestartReport) error {
	bad := 0
	for outcome, n := range report.Summary.ByOutcome {
		if !restart.Well(outcome) && outcome != v1alpha1.Skipped {
			bad += n
		}
	}
	switch stopped := report.Summary.Stopped; {
	case errors.Is(ctx.Err(), context.Canceled):
		return &exit.Error{Code: exit.Interrupted, Err: errors.New("interrupted: the same command goes on")}
	case ctx.Err() != nil:
		return fmt.Errorf("restarting: %w", ctx.Err())
	case bad > 0:
		return fmt.Errorf("not restarted: %d of %d workloads; mend them and run the same command again, or `kubectl mesh-canary rollback`", bad, report.Summary.Workloads)
	case stopped != "":
		return fmt.Errorf("stopped: %s; run the same command again, or `kubectl mesh-canary rollback`", stopped)
	}
	return nil
}
