package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// startOptions is what the command line of `start` says.
type startOptions struct {
	upgradeOptions
	chosen
	From, To             string
	StableTag, CanaryTag string
	UseTag, AllowSkip    bool
}

func newStartCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &startOptions{upgradeOptions: newUpgradeOptions(streams)}
	cmd := &cobra.Command{
		Use: "start [NAMESPACE ... | -l SELECTOR] [--to REVISION]", Short: "Record what there is, and move the first namespaces to another revision",
		Long: startLong, Example: startExample, Args: cobra.ArbitraryArgs, RunE: runs(o.Complete, o.Validate, o.Run),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.To, "to", o.To, "The `revision` to move to. Unset, it is the only one that there is to move to.")
	flags.StringVar(&o.From, "from", o.From, "The `revision` to leave. Unset, it is the only other one that namespaces follow.")
	flags.StringVar(&o.StableTag, "stable-tag", o.StableTag, "The `tag` that namespaces follow, and that moves in the end. Unset, it is the only one.")
	flags.StringVar(&o.CanaryTag, "canary-tag", o.CanaryTag, "Have namespaces follow this `tag` meanwhile, and not the new revision itself; it is made for that.")
	flags.BoolVar(&o.UseTag, "use-tag", o.UseTag, "Take a canary tag that exists already, or that namespaces name.")
	flags.BoolVar(&o.AllowSkip, "allow-skip", o.AllowSkip, "Take a step that the version rules forbid; what is risked is said.")
	o.chosen.addFlags(cmd)
	o.upgradeOptions.addFlags(cmd)
	return cmd
}

// Complete takes the namespaces.
func (o *startOptions) Complete(args []string) error { return o.chosen.complete(args) }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *startOptions) Validate() error { return o.upgradeOptions.validate() }

// Run records the upgrade and moves the namespaces. The error says why there can be none, what failed, or that the answer was no.
func (o *startOptions) Run(ctx context.Context) error {
	return o.changing(ctx, o.To, func(ctx context.Context, s *session) error {
		recorded := s.upgrade
		if err := o.begin(s); err != nil {
			return err
		}
		if s.upgrade != recorded {
			skip := v1alpha1.Category("")
			if o.AllowSkip {
				skip = v1alpha1.AboutVersion
			}
			if err := o.gate(ctx, s, skip); err != nil {
				return err
			}
		}
		return o.move(ctx, s, &o.chosen)
	})
}

// begin makes the record, or goes on with the one that there is.
func (o *startOptions) begin(s *session) error {
	if u := s.upgrade; u != nil {
		switch {
		case u.Phase == v1alpha1.PhaseStarted && (o.To == "" || o.To == u.To) && (o.From == "" || o.From == u.From):
			return nil
		case u.Phase != v1alpha1.PhaseCompleted && u.Phase != v1alpha1.PhaseRolledBack:
			next, _ := upgrade.Next(u, s.remaining())
			return fmt.Errorf("an upgrade from %s to %s is under way: `kubectl mesh-canary %s` goes on, and `kubectl mesh-canary rollback` back", u.From, u.To, next)
		}
	}
	to, err := o.target(s)
	if err != nil {
		return err
	}
	u, err := upgrade.Begin(upgrade.Request{
		From: o.From, To: to, IstioNamespace: s.namespace, StableTag: o.StableTag, CanaryTag: o.CanaryTag, UseTag: o.UseTag,
	}, s.seen, s.installed)
	if err != nil {
		return err
	}
	s.upgrade = u
	fmt.Fprintf(o.ErrOut, "Upgrade from revision %s to %s.\n", u.From, u.To)
	return nil
}

// target is the revision to move to. Where none is named, there has to be one only.
func (o *startOptions) target(s *session) (string, error) {
	if o.To != "" {
		return o.To, nil
	}
	used := upgrade.Used(s.seen, s.installed)
	others := slices.DeleteFunc(s.tags.Revisions(s.namespace), func(rev string) bool { return rev == o.From || slices.Contains(used, rev) })
	switch {
	case len(others) == 1:
		return others[0], nil
	case len(others) == 0:
		return "", errors.New("there is no other revision to move to: install one, or name it with --to; see `kubectl mesh-canary revisions`")
	default:
		return "", fmt.Errorf("there are several revisions to move to (%s): name one with --to", strings.Join(others, ", "))
	}
}

// move records namespaces and moves them, and says where the upgrade is then.
func (o *upgradeOptions) move(ctx context.Context, s *session, c *chosen) error {
	names, err := c.of(ctx, s)
	if err != nil {
		return err
	}
	if err := upgrade.Add(s.upgrade, s.seen, s.installed, names); err != nil {
		return err
	}
	if err := o.confirm(ctx, fmt.Sprintf("Move to revision %s", s.upgrade.To), len(names)); err != nil {
		return err
	}
	s.hands.Record(s.upgrade)
	if err := o.recordAddresses(ctx, s); err != nil {
		return err
	}
	if err := s.store.Save(ctx, s.upgrade); err != nil {
		return err
	}
	if err := o.to(ctx, s, upgrade.Advance); err != nil {
		return err
	}
	return o.conclude(ctx, s, "namespaces on revision "+s.upgrade.To+": "+restarttext.Count(len(s.upgrade.Namespaces), "namespace"))
}

// conclude says what was done, and what to type next.
func (o *upgradeOptions) conclude(ctx context.Context, s *session, done string) error {
	var err error
	if s.seen, err = s.hands.Look(ctx); err != nil {
		return err
	}
	next, why := upgrade.Next(s.upgrade, s.remaining())
	fmt.Fprintf(o.ErrOut, "Done: %s.\nNext: kubectl mesh-canary %s   (%s)\n", done, next, why)
	return nil
}
