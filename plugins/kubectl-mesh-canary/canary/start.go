package canary

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

// startOptions is what the command line of `start` says.
type startOptions struct {
	upgradeOptions
	chosen
	From, To             string
	StableTag, CanaryTag string
	UseTag, AllowSkip    bool
	// MinReplicas is 0 where nothing is raised.
	MinReplicas int32
	toolFlags
}

func newStartCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &startOptions{upgradeOptions: newUpgradeOptions(streams), toolFlags: toolFlags{Flag: "install"}}
	cmd := &cobra.Command{
		Use: "start [NAMESPACE... | -l SELECTOR] [--to REVISION]", Short: "Record what there is, and move the first namespaces",
		Long: startLong, Example: startExample, Args: cobra.ArbitraryArgs, RunE: runs(o.Complete, o.Validate, o.Run),
	}
	flags := cmd.Flags()
	flags.StringVar(&o.To, "to", o.To, "The `revision` to move to. Unset, it is the only one that there is to move to.")
	flags.StringVar(&o.From, "from", o.From, "The `revision` to leave. Unset, it is the only other one that namespaces follow.")
	flags.StringVar(&o.StableTag, "stable-tag", o.StableTag, "The `tag` that namespaces follow, and that moves in the end. Unset, it is the only one.")
	flags.StringVar(&o.CanaryTag, "canary-tag", o.CanaryTag, "Have namespaces follow this `tag` meanwhile, and not the new revision itself; it is made for that.")
	flags.BoolVar(&o.UseTag, "use-tag", o.UseTag, "Take a canary tag that exists already, or that namespaces name.")
	flags.BoolVar(&o.AllowSkip, "allow-skip", o.AllowSkip, "Take a step that the version rules forbid; what is risked is said.")
	flags.Int32Var(&o.MinReplicas, "min-replicas", o.MinReplicas,
		"Give both control planes and their gateways at least this `number` of replicas until the upgrade is completed or rolled back; an HPA's minimum where there is one.")
	o.toolFlags.addFlags(flags, "The `tool` that brings the new revision up first, unless it is there: istioctl or aks, also with arguments of their own, or a command of your own.")
	o.chosen.addFlags(cmd)
	o.upgradeOptions.addFlags(cmd)
	cmd.ValidArgsFunction = o.unmoved(o.mesh, o.toStart)
	return cmd
}

// Complete takes the namespaces.
func (o *startOptions) Complete(args []string) error { return o.chosen.complete(args) }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *startOptions) Validate() error {
	switch {
	case o.MinReplicas < 0:
		return fmt.Errorf("--min-replicas %d: use 0 or more", o.MinReplicas)
	case o.Value != "" && o.To == "":
		return errors.New("--install needs the name of the revision that it brings: add --to")
	}
	if err := o.toolFlags.validate(o.ConfigFlags); err != nil {
		return err
	}
	return o.upgradeOptions.validate()
}

// Run records the upgrade and moves the namespaces. The error says why there can be none, what failed, or that the answer was no.
func (o *startOptions) Run(ctx context.Context) error {
	return o.changing(ctx, o.mesh(), o.start)
}

// mesh is the revision by which the mesh is found: one that is about to be installed is in none yet.
func (o *startOptions) mesh() string {
	if o.Value != "" {
		return ""
	}
	return o.To
}

func (o *startOptions) start(ctx context.Context, s *session) error {
	if o.tool != nil {
		s.coming = o.To
	}
	recorded := s.upgrade
	if err := o.begin(ctx, s); err != nil {
		return err
	}
	if err := o.record(ctx, s, &o.chosen); err != nil {
		return err
	}
	if o.isDryRun() {
		return o.previewStart(ctx, s, s.upgrade != recorded)
	}
	if err := o.confirmMove(ctx, s); err != nil {
		return err
	}
	if err := o.install(ctx, s); err != nil {
		return err
	}
	if err := o.gate(ctx, s, s.upgrade != recorded); err != nil {
		return err
	}
	raise, err := o.toRaise(ctx, s)
	if err != nil {
		return err
	}
	return o.move(ctx, s, func(ctx context.Context) error { return o.raise(ctx, s, raise) })
}

// gate looks for what stands in the way: of one that begins anew, at everything.
func (o *startOptions) gate(ctx context.Context, s *session, anew bool) error {
	if anew {
		return o.gateStart(ctx, s, o.AllowSkip)
	}
	return o.gateAdvance(ctx, s)
}

// previewStart is preview, with what comes before. What is not installed yet has nothing that could be looked at.
func (o *startOptions) previewStart(ctx context.Context, s *session, anew bool) error {
	if !s.runs(s.upgrade.To) {
		return fmt.Errorf("revision %s is not installed yet, so that nothing can be said of what follows: install it, and run the same command again", s.upgrade.To)
	}
	if err := o.gate(ctx, s, anew); err != nil {
		return err
	}
	raise, err := o.toRaise(ctx, s)
	if err != nil {
		return err
	}
	for _, r := range raise {
		fmt.Fprintf(o.ErrOut, "would raise: %s %s in namespace %s from %d to %d replicas\n", strings.ToLower(r.Kind), printing.Escape(r.Name), printing.Escape(r.Namespace), r.Before, r.Wrote)
	}
	s.hands.Record(s.upgrade)
	return o.preview(ctx, s, upgrade.Advance)
}

// begin makes the record, or goes on with the one that there is.
func (o *startOptions) begin(ctx context.Context, s *session) error {
	if u := s.upgrade; u != nil {
		switch {
		case u.Phase == v1alpha1.PhaseStarted && (o.To == "" || o.To == u.To) && (o.From == "" || o.From == u.From):
			return o.sameTags(u)
		case u.Phase != v1alpha1.PhaseCompleted && u.Phase != v1alpha1.PhaseRolledBack:
			return s.underWay()
		}
	}
	if u := s.upgrade; u != nil && u.Phase == v1alpha1.PhaseCompleted && s.runs(u.From) {
		if o.To == u.From {
			return fmt.Errorf("the upgrade from %s to %s is completed and can still be rolled back: `kubectl mesh-canary rollback` goes back to %s", u.From, u.To, u.From)
		}
		return fmt.Errorf("the upgrade from %s to %s is completed and can still be rolled back, which another one would forget: `kubectl mesh-canary retire %s --run` first, "+
			"or forget it with `kubectl delete configmap %s -n %s`", u.From, u.To, u.From, upgradestore.Name, s.namespace)
	}
	to, err := o.target(ctx, s)
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
	// That keeps it from being completed: better known before it is begun.
	if err := upgrade.Outside(u, s.seen, s.installed); err != nil {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(err.Error()))
	}
	return nil
}

// underWay is the error that an upgrade is under way that has to be brought to an end before another.
func (s *session) underWay() error {
	u := s.upgrade
	next, _ := s.next()
	if u.Phase == v1alpha1.PhaseRollingBack {
		return fmt.Errorf("the upgrade from %s to %s is being rolled back: `kubectl mesh-canary rollback` goes on with that", u.From, u.To)
	}
	return fmt.Errorf("an upgrade from %s to %s is under way: `kubectl mesh-canary %s` goes on, and `kubectl mesh-canary rollback` goes back", u.From, u.To, next)
}

// sameTags is an error where a command that goes on names other tags than the upgrade was begun with.
func (o *startOptions) sameTags(u *v1alpha1.CanaryUpgrade) error {
	for _, t := range []struct{ flag, asked, recorded string }{{"--stable-tag", o.StableTag, u.StableTag}, {"--canary-tag", o.CanaryTag, u.CanaryTag}} {
		if t.asked != "" && t.asked != t.recorded {
			return fmt.Errorf("the upgrade that is under way was begun with %s %q, not %q: leave the flag out, or `kubectl mesh-canary rollback` first", t.flag, t.recorded, t.asked)
		}
	}
	return nil
}

// target is the revision to move to. Where none is named, there has to be one only that the version rules allow.
func (o *startOptions) target(ctx context.Context, s *session) (string, error) {
	if o.To != "" {
		return o.To, nil
	}
	from := o.From
	if from == "" {
		used := upgrade.Used(s.seen, s.installed)
		if len(used) != 1 {
			return "", fmt.Errorf("namespaces follow %s: name the revision to leave with --from, or the one to move to with --to", orNone(used))
		}
		from = used[0]
	}
	found, err := controlplane.Read(ctx, s.clients, controlplane.Options{IstioNamespace: s.namespace, Chunk: o.Chunk})
	if err != nil {
		return "", err
	}
	allowed, forbidden := targets(controlplane.Report(found), from)
	switch {
	case len(allowed) == 1:
		fmt.Fprintf(o.ErrOut, "There is one revision to move to: %s.\n", printing.Escape(allowed[0]))
		return allowed[0], nil
	case len(allowed) > 1:
		return "", fmt.Errorf("there are several revisions to move to (%s): name one with --to", strings.Join(allowed, ", "))
	case len(forbidden) > 0:
		return "", fmt.Errorf("there is no revision that may be moved to (%s): see `kubectl mesh-canary revisions`", strings.Join(forbidden, "; "))
	default:
		return "", errors.New("there is no other revision to move to: install one, or have it installed with --to REVISION --install; see `kubectl mesh-canary revisions`")
	}
}

func orNone(revisions []string) string {
	if len(revisions) == 0 {
		return "no revision"
	}
	return "several revisions (" + strings.Join(revisions, ", ") + ")"
}

// targets are the revisions that the version rules allow after another, and why not the others.
func targets(r *v1alpha1.RevisionReport, from string) (allowed, forbidden []string) {
	for _, i := range r.Items {
		if i.Revision != from {
			continue
		}
		for _, m := range i.Moves {
			if m.Allowed {
				allowed = append(allowed, m.To)
			} else {
				forbidden = append(forbidden, m.To+": "+m.Reason)
			}
		}
	}
	return allowed, forbidden
}

// record notes in the record, which is not written yet, the namespaces that are to be moved.
func (o *upgradeOptions) record(ctx context.Context, s *session, c *chosen) error {
	// A tag that somebody else has moved takes its namespaces along: that is the cause to name, not what they follow now.
	if _, kept := upgrade.Steps(s.upgrade, s.seen, upgrade.Advance); upgrade.Blocks(kept) {
		return &upgraderun.KeptError{Kept: kept}
	}
	names, err := c.of(ctx, s)
	if err != nil {
		return err
	}
	return upgrade.Add(s.upgrade, s.seen, s.installed, names)
}

// confirmMove asks before more than one namespace is moved, those that an earlier command has left among them.
func (o *upgradeOptions) confirmMove(ctx context.Context, s *session) error {
	unmoved := 0
	for _, n := range s.upgrade.Namespaces {
		if !n.Moved {
			unmoved++
		}
	}
	return o.confirm(ctx, fmt.Sprintf("Move to revision %s", s.upgrade.To), unmoved)
}

// move writes the record and moves namespaces, and says where the upgrade is then. first comes once the record is written.
func (o *upgradeOptions) move(ctx context.Context, s *session, first func(context.Context) error) error {
	s.hands.Record(s.upgrade)
	if err := o.recordAddresses(ctx, s); err != nil {
		return err
	}
	if err := s.store.Begin(ctx, s.upgrade); err != nil {
		return err
	}
	if err := first(ctx); err != nil {
		return err
	}
	if err := o.to(ctx, s, upgrade.Advance); err != nil {
		return err
	}
	if len(s.upgrade.Namespaces) == 0 {
		return o.conclude(ctx, s, "the upgrade is recorded, and no namespace has moved yet")
	}
	return o.conclude(ctx, s, "namespaces on revision "+s.upgrade.To+": "+restarttext.Count(len(s.upgrade.Namespaces), "namespace"))
}

// conclude says what was done, and what to type next.
func (o *upgradeOptions) conclude(ctx context.Context, s *session, done string) error {
	var err error
	if s.seen, err = s.hands.Look(ctx); err != nil {
		return err
	}
	fmt.Fprintf(o.ErrOut, "Done: %s.\n%s\n", done, typeNext(s.next()))
	return nil
}

// already ends a command that is typed again, be it because the one before was killed when only its last words were missing. What
// somebody else has changed is said again too.
func (o *upgradeOptions) already(ctx context.Context, s *session, goal upgrade.Goal) error {
	if _, kept := upgrade.Steps(s.upgrade, s.seen, goal); upgrade.Blocks(kept) || goal == upgrade.Rollback && len(kept) > 0 {
		return &upgraderun.KeptError{Kept: kept}
	}
	return o.conclude(ctx, s, fmt.Sprintf("the upgrade from %s to %s is %s already", s.upgrade.From, s.upgrade.To, words(s.upgrade.Phase)))
}
