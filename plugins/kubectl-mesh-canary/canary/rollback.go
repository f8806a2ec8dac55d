package canary

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// rollbackOptions is what the command line of `rollback` says.
type rollbackOptions struct {
	upgradeOptions
	toolFlags
}

func newRollbackCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &rollbackOptions{newUpgradeOptions(streams), toolFlags{Flag: "uninstall"}}
	cmd := &cobra.Command{
		Use: "rollback", Short: "Put back what was, and move every pod back",
		Long: rollbackLong, Example: rollbackExample, Args: plugin.NoArguments, ValidArgsFunction: completion.None, RunE: runs(none, o.Validate, o.Run),
	}
	o.toolFlags.addFlags(cmd.Flags(), "The `tool` that uninstalls the new revision at the end, if nothing needs it: istioctl or aks, also with arguments of their own, or a command of your own.")
	o.upgradeOptions.addFlags(cmd)
	return cmd
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *rollbackOptions) Validate() error {
	if err := o.toolFlags.validate(o.ConfigFlags); err != nil {
		return err
	}
	return o.upgradeOptions.validate()
}

// Run puts back what was, and uninstalls the new revision if that was asked for. The error says that no upgrade is recorded, what
// failed, what somebody else has changed and is left as it is, or that the answer was no.
func (o *rollbackOptions) Run(ctx context.Context) error {
	namespace, left := "", ""
	err := o.changing(ctx, "", func(ctx context.Context, s *session) error {
		err := o.rollback(ctx, s)
		if err == nil {
			namespace, left = s.namespace, s.upgrade.To
		}
		return err
	})
	if err != nil || o.isDryRun() {
		return err
	}
	return o.retire(ctx, &o.upgradeOptions, namespace, left)
}

func (o *rollbackOptions) rollback(ctx context.Context, s *session) error {
	switch err := s.under(v1alpha1.PhaseStarted, v1alpha1.PhaseCompleting, v1alpha1.PhaseCompleted, v1alpha1.PhaseRollingBack, v1alpha1.PhaseRolledBack); {
	case err != nil:
		return err
	case upgrade.Reached(s.upgrade, upgrade.Rollback):
		return o.already(ctx, s, upgrade.Rollback)
	case !s.installed(s.upgrade.From):
		return fmt.Errorf("revision %s is not installed any more: install it again, and run the same command", s.upgrade.From)
	case o.isDryRun():
		return o.preview(ctx, s, upgrade.Rollback)
	}
	if err := o.gateRollback(ctx, s); err != nil {
		return err
	}
	if err := o.confirm(ctx, fmt.Sprintf("Go back to revision %s", s.upgrade.From), len(s.upgrade.Namespaces)); err != nil {
		return err
	}
	if err := o.to(ctx, s, upgrade.Rollback); err != nil {
		return err
	}
	return o.conclude(ctx, s, fmt.Sprintf("everything is as it was before, and nothing that is to run revision %s runs revision %s", s.upgrade.From, s.upgrade.To))
}
