package canary

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// rollbackOptions is what the command line of `rollback` says.
type rollbackOptions struct{ upgradeOptions }

func newRollbackCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &rollbackOptions{newUpgradeOptions(streams)}
	cmd := &cobra.Command{
		Use: "rollback", Short: "Put back what was, and move every pod back",
		Long: rollbackLong, Example: rollbackExample, Args: cobra.NoArgs, RunE: runs(none, o.Validate, o.Run),
	}
	o.addFlags(cmd)
	return cmd
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *rollbackOptions) Validate() error { return o.validate() }

// Run puts back what was. The error says that no upgrade is recorded, what failed, what somebody else has changed and is left as it
// is, or that the answer was no.
func (o *rollbackOptions) Run(ctx context.Context) error {
	return o.changing(ctx, "", func(ctx context.Context, s *session) error {
		if err := s.under(v1alpha1.PhaseStarted, v1alpha1.PhaseCompleting, v1alpha1.PhaseCompleted, v1alpha1.PhaseRollingBack, v1alpha1.PhaseRolledBack); err != nil {
			return err
		}
		if upgrade.Reached(s.upgrade, upgrade.Rollback) {
			return o.already(ctx, s, upgrade.Rollback)
		}
		if !s.installed(s.upgrade.From) {
			return fmt.Errorf("revision %s is not installed any more: install it again, and run the same command", s.upgrade.From)
		}
		if err := o.confirm(ctx, fmt.Sprintf("Go back to revision %s", s.upgrade.From), len(s.upgrade.Namespaces)); err != nil {
			return err
		}
		if err := o.to(ctx, s, upgrade.Rollback); err != nil {
			return err
		}
		return o.conclude(ctx, s, fmt.Sprintf("everything is as it was before, and nothing runs revision %s", s.upgrade.To))
	})
}
