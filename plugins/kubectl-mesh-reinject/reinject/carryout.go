package reinject

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/probe"
	"github.com/kubectl-mesh/kubectl-mesh/shared/progress"
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
	report, err := o.watched(ctx, clients, plan, options)
	if err != nil {
		return err
	}
	if err := o.printResults(report); err != nil {
		return err
	}
	fmt.Fprint(o.ErrOut, restartreport.Summary(report))
	if err := o.writeReports(report); err != nil {
		return err
	}
	return o.conclude(ctx, found, plan, report)
}

// watched runs the plan while probes run and progress is shown.
func (o *Options) watched(ctx context.Context, clients *cluster.Clients, plan *restartplan.Plan, options restart.Options) (*v1alpha1.RestartReport, error) {
	display := progress.New(o.ErrOut)
	defer display.Close()
	options.Observe = display.Observe
	var prober *probe.Prober
	if p, asked := o.Pacing.Probe(); asked {
		prober = probe.Start(context.WithoutCancel(ctx), p)
		defer prober.Stop()
		stop := make(chan string, 1)
		options.Stop = stop
		go func() { stop <- (<-prober.Breached()).String() }()
	}
	report, err := restart.Run(ctx, clients, plan, options)
	if err == nil && prober != nil {
		report.Probes = prober.Stop()
	}
	return report, err
}

func (o *Options) writeReports(report *v1alpha1.RestartReport) error {
	for _, path := range o.Pacing.Reports {
		if err := restartreport.WriteFile(path, report); err != nil {
			return err
		}
	}
	return nil
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
