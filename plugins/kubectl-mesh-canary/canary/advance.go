package canary

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// advanceOptions is what the command line of `advance` says.
type advanceOptions struct {
	upgradeOptions
	chosen
	All bool
}

func newAdvanceCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &advanceOptions{upgradeOptions: newUpgradeOptions(streams)}
	cmd := &cobra.Command{
		Use: "advance NAMESPACE... | -l SELECTOR | --all", Short: "Move more namespaces to the new revision",
		Long: advanceLong, Example: advanceExample, Args: cobra.ArbitraryArgs, RunE: runs(o.Complete, o.Validate, o.Run),
	}
	cmd.Flags().BoolVar(&o.All, "all", o.All, "Move all namespaces that the upgrade is about.")
	o.chosen.addFlags(cmd)
	o.upgradeOptions.addFlags(cmd)
	cmd.ValidArgsFunction = o.unmoved(func() string { return "" }, toAdvance)
	return cmd
}

// Complete takes the namespaces.
func (o *advanceOptions) Complete(args []string) error { return o.chosen.complete(args) }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *advanceOptions) Validate() error {
	named := len(o.names) > 0 || o.selector != ""
	switch {
	case o.All && named:
		return errors.New("--all moves every namespace, and some are named too: use either")
	case !o.All && !named:
		return errors.New("name the namespaces to move, or use -l or --all; `kubectl mesh-canary status` shows those that are left")
	}
	return o.upgradeOptions.validate()
}

// Run moves the namespaces. The error says that no upgrade is started, what failed, or that the answer was no.
func (o *advanceOptions) Run(ctx context.Context) error {
	return o.changing(ctx, "", func(ctx context.Context, s *session) error {
		if err := s.under(v1alpha1.PhaseStarted); err != nil {
			return err
		}
		if o.All {
			o.names = s.remaining()
		}
		if err := o.record(ctx, s, &o.chosen); err != nil {
			return err
		}
		if err := o.gateAdvance(ctx, s); err != nil {
			return err
		}
		if o.isDryRun() {
			s.hands.Record(s.upgrade)
			return o.preview(ctx, s, upgrade.Advance)
		}
		if err := o.confirmMove(ctx, s); err != nil {
			return err
		}
		return o.move(ctx, s, func(context.Context) error { return nil })
	})
}
