package reinject

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/kubectl/pkg/util/term"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// confirm asks before workloads of more than one namespace are restarted. The error says that the answer was no, or that there is
// nobody to ask.
func (o *Options) confirm(ctx context.Context, plan *restartplan.Plan) error {
	sum := plan.Report().Summary
	if o.Yes || sum.Namespaces < 2 {
		return nil
	}
	what := fmt.Sprintf("%s with %s in %s, about %s", restarttext.Count(sum.Workloads, "workload"), restarttext.Count(sum.Pods, "pod"),
		restarttext.Count(sum.Namespaces, "namespace"), restarttext.Duration(time.Duration(sum.EstimatedSeconds)*time.Second))
	if !(term.TTY{In: o.In}).IsTerminalIn() {
		return fmt.Errorf("this would restart %s: add --yes, or see them first with --dry-run=client", what)
	}
	if err := o.planTable(plan, o.ErrOut); err != nil {
		return err
	}
	yes, err := plugin.Ask(ctx, o.IOStreams, "Restart "+what)
	if err == nil && !yes {
		err = errors.New("nothing was restarted")
	}
	return err
}
