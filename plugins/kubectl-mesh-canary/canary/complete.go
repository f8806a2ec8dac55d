package canary

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderun"
)

// completeOptions is what the command line of `complete` says.
type completeOptions struct {
	upgradeOptions
	toolFlags
}

func newCompleteCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &completeOptions{newUpgradeOptions(streams), toolFlags{Flag: "uninstall"}}
	cmd := &cobra.Command{
		Use: "complete", Short: "Move the rest, the tags, and everything back to its own label",
		Long: completeLong, Example: completeExample, Args: plugin.NoArguments, ValidArgsFunction: completion.None, RunE: runs(none, o.Validate, o.Run),
	}
	o.toolFlags.addFlags(cmd.Flags(), "The `tool` that uninstalls the old revision at the end, if nothing needs it: istioctl or aks, also with arguments of their own, or a command of your own.")
	o.upgradeOptions.addFlags(cmd)
	return cmd
}

func none([]string) error { return nil }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *completeOptions) Validate() error {
	if err := o.toolFlags.validate(o.ConfigFlags); err != nil {
		return err
	}
	return o.upgradeOptions.validate()
}

// Run completes the upgrade, and uninstalls the old revision if that was asked for. The error says that no upgrade is started, what
// stands in the way, what failed, or that the answer was no.
func (o *completeOptions) Run(ctx context.Context) error {
	namespace, old := "", ""
	err := o.changing(ctx, "", func(ctx context.Context, s *session) error {
		err := o.complete(ctx, s)
		if err == nil {
			namespace, old = s.namespace, s.upgrade.From
		}
		return err
	})
	if err != nil || o.isDryRun() {
		return err
	}
	return o.retire(ctx, &o.upgradeOptions, namespace, old)
}

func (o *completeOptions) complete(ctx context.Context, s *session) error {
	switch err := s.under(v1alpha1.PhaseStarted, v1alpha1.PhaseCompleting, v1alpha1.PhaseCompleted); {
	case err != nil:
		return err
	case upgrade.Reached(s.upgrade, upgrade.Complete):
		return o.already(ctx, s, upgrade.Complete)
	}
	if err := o.gateComplete(ctx, s); err != nil {
		return err
	}
	if err := upgrade.Outside(s.upgrade, s.seen, s.installed); err != nil {
		return err
	}
	if err := upgrade.Add(s.upgrade, s.seen, s.installed, s.remaining()); err != nil {
		return err
	}
	s.hands.Record(s.upgrade)
	if o.isDryRun() {
		return o.preview(ctx, s, upgrade.Complete)
	}
	if err := o.confirm(ctx, fmt.Sprintf("Complete the upgrade to revision %s", s.upgrade.To), len(s.upgrade.Namespaces)); err != nil {
		return err
	}
	if err := s.store.Begin(ctx, s.upgrade); err != nil {
		return err
	}
	if err := o.through(ctx, s); err != nil {
		return err
	}
	return o.conclude(ctx, s, fmt.Sprintf("nothing runs revision %s any more", s.upgrade.From))
}

// through completes the upgrade. Replicas that somebody else has changed meanwhile are theirs, and no failure of it.
func (o *completeOptions) through(ctx context.Context, s *session) error {
	err := o.to(ctx, s, upgrade.Complete)
	var kept *upgraderun.KeptError
	if s.upgrade.Phase != v1alpha1.PhaseCompleted || !errors.As(err, &kept) {
		return err
	}
	for _, k := range kept.Kept {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(k.String()))
	}
	return nil
}
