package canary

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
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
		Use: "advance NAMESPACE ... | -l SELECTOR | --all", Short: "Move more namespaces to the new revision",
		Long: advanceLong, Example: advanceExample, Args: cobra.ArbitraryArgs, RunE: runs(o.Complete, o.Validate, o.Run),
	}
	cmd.Flags().BoolVar(&o.All, "all", o.All, "Move all namespaces that the upgrade is about.")
	o.chosen.addFlags(cmd)
	o.upgradeOptions.addFlags(cmd)
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

// openUpgrade returns the record of the upgrade that is under way in the mesh of Istio's namespace, nil for none. Who may not read it does
// not hear of it; the error is about one that cannot be read otherwise.
func openUpgrade(ctx context.Context, clients *cluster.Clients, namespace string) (*v1alpha1.CanaryUpgrade, error) {
	u, err := upgradestore.New(clients.Kube.CoreV1(), namespace).Load(ctx)
	switch {
	case apierrors.IsForbidden(err), err == nil && u != nil && (u.Phase == v1alpha1.PhaseCompleted || u.Phase == v1alpha1.PhaseRolledBack):
		return nil, nil
	default:
		return u, err
	}
}

// under returns an error unless an upgrade is under way, in one of the phases.
func (s *session) under(phases ...v1alpha1.Phase) error {
	if s.upgrade == nil {
		return fmt.Errorf("no upgrade is started in the mesh of namespace %s: see `kubectl mesh-canary start --help`", s.namespace)
	}
	for _, phase := range phases {
		if s.upgrade.Phase == phase {
			return nil
		}
	}
	next, why := s.next()
	if next == "" {
		return fmt.Errorf("the upgrade from %s to %s is %s: %s", s.upgrade.From, s.upgrade.To, words(s.upgrade.Phase), why)
	}
	return fmt.Errorf("the upgrade from %s to %s is %s: `kubectl mesh-canary %s` is next (%s)", s.upgrade.From, s.upgrade.To, words(s.upgrade.Phase), next, why)
}
