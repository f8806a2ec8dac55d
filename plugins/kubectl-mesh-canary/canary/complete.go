package canary

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// completeOptions is what the command line of `complete` says.
type completeOptions struct{ upgradeOptions }

func newCompleteCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &completeOptions{newUpgradeOptions(streams)}
	cmd := &cobra.Command{
		Use: "complete", Short: "Move the rest, the tags, and everything back to its own label",
		Long: completeLong, Example: completeExample, Args: cobra.NoArgs, RunE: runs(none, o.Validate, o.Run),
	}
	o.addFlags(cmd)
	return cmd
}

func none([]string) error { return nil }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *completeOptions) Validate() error { return o.validate() }

// Run completes the upgrade. The error says that none is started, what stands in the way, what failed, or that the answer was no.
func (o *completeOptions) Run(ctx context.Context) error {
	return o.changing(ctx, "", func(ctx context.Context, s *session) error {
		if err := s.under(v1alpha1.PhaseStarted, v1alpha1.PhaseCompleting, v1alpha1.PhaseCompleted); err != nil {
			return err
		}
		if upgrade.Reached(s.upgrade, upgrade.Complete) {
			return o.already(ctx, s, upgrade.Complete)
		}
		if err := o.gate(ctx, s, "", v1alpha1.AboutControlPlane); err != nil {
			return err
		}
		if err := upgrade.Outside(s.upgrade, s.seen, s.installed); err != nil {
			return err
		}
		if err := upgrade.Add(s.upgrade, s.seen, s.installed, s.remaining()); err != nil {
			return err
		}
		if err := o.confirm(ctx, fmt.Sprintf("Complete the upgrade to revision %s", s.upgrade.To), len(s.upgrade.Namespaces)); err != nil {
			return err
		}
		s.hands.Record(s.upgrade)
		if err := s.store.Save(ctx, s.upgrade); err != nil {
			return err
		}
		if err := o.to(ctx, s, upgrade.Complete); err != nil {
			return err
		}
		return o.conclude(ctx, s, fmt.Sprintf("nothing runs revision %s any more", s.upgrade.From))
	})
}
