// Package upgraderun takes a canary upgrade to a goal, step by step, each noted in the record before it is done.
package upgraderun

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// Hands do what the steps say. Each of them can be asked for again what it has done before.
type Hands interface {
	// Look returns what there is in the cluster now.
	Look(ctx context.Context) (upgrade.Seen, error)
	// SetTag points a tag at a revision, and returns once all of it does.
	SetTag(ctx context.Context, name, revision string) error
	// RemoveTag removes a tag that points at a revision. The error says what still follows it.
	RemoveTag(ctx context.Context, name, revision string) error
	// Label gives a namespace its labels, if it is still the one that was seen.
	Label(ctx context.Context, name string, was upgrade.Namespace, labels map[string]string) error
	// Restart restarts what a step of that kind says, and returns nil only once all of it was seen to run what it should.
	Restart(ctx context.Context, s upgrade.Step) error
	// PutBack gives back the replicas that the record says were raised, and takes them out of it. What somebody else has changed is
	// left as it is and returned.
	PutBack(ctx context.Context, u *v1alpha1.CanaryUpgrade, r Recorder) ([]upgrade.Kept, error)
}

// Recorder keeps the record.
type Recorder interface {
	Save(ctx context.Context, u *v1alpha1.CanaryUpgrade) error
}

// Run is one run of a command.
type Run struct {
	Hands    Hands
	Recorder Recorder
	// Began is told each step before it is done.
	Began func(s upgrade.Step)

	// labelled counts how often each namespace was given labels.
	labelled map[string]int
	// last is the last step for a tag, and repeated how often it came again.
	last     upgrade.Step
	repeated int
}

// PutBackError says that somebody gives a namespace its former labels again as often as the upgrade changes them.
type PutBackError struct {
	Namespace string
	// Labels are those that it should have.
	Labels map[string]string
}

// Error says where the labels are to be changed instead.
func (e *PutBackError) Error() string {
	return fmt.Sprintf("the labels of namespace %s are put back each time they are changed, as by a GitOps controller: have it write %s there "+
		"(--dry-run=client -o yaml prints the object), and run the same command again", e.Namespace, upgrade.LabelText(e.Labels))
}

// attempts is how often a namespace is labelled in one run: somebody may have put labels back once for another reason.
const attempts = 3

// KeptError says that somebody else has changed what the upgrade would change.
type KeptError struct {
	Kept []upgrade.Kept
}

// Error says each in a line of its own.
func (e *KeptError) Error() string {
	lines := make([]string, len(e.Kept))
	for i, k := range e.Kept {
		lines[i] = k.String()
	}
	return strings.Join(lines, separate)
}

// separate stands between the parts of an error: in lines of their own, and still apart once they are put into one.
const separate = ";\n"

// To takes an upgrade to its goal; u is the record, and is kept up to date. Before the goal is reached nothing is assumed to be as it
// was: the cluster is looked at before every step. Going forward, it ends at once with a KeptError where somebody else has moved a
// tag; going back, and of everything else, it does what it can, and returns at the end what others have changed. Going back, it does so too
// where something fails.
func (r *Run) To(ctx context.Context, u *v1alpha1.CanaryUpgrade, goal upgrade.Goal) error {
	var left, others []upgrade.Kept
	for {
		seen, err := r.Hands.Look(ctx)
		if err != nil {
			return err
		}
		steps, kept := upgrade.Steps(u, seen, goal)
		if upgrade.Blocks(kept) && goal != upgrade.Rollback {
			return &KeptError{kept}
		}
		if len(kept) > 0 {
			left = kept
		}
		if len(steps) == 0 {
			return asError(append(left, others...))
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.again(steps[0]); err != nil {
			return err
		}
		kept, err = r.take(ctx, u, steps[0], seen)
		others = append(others, kept...)
		switch {
		case err != nil && goal == upgrade.Rollback:
			// What others have changed may be why it failed: pods of a namespace that has lost its label stay where they are.
			return withOthers(asError(append(left, others...)), err)
		case err != nil:
			return err
		}
	}
}

// take notes a step, does it, and notes what it has proven.
func (r *Run) take(ctx context.Context, u *v1alpha1.CanaryUpgrade, s upgrade.Step, seen upgrade.Seen) ([]upgrade.Kept, error) {
	r.Began(s)
	if upgrade.Note(u, s) {
		if err := r.Recorder.Save(ctx, u); err != nil {
			return nil, err
		}
	}
	if s.Kind == upgrade.PutBack {
		return r.Hands.PutBack(ctx, u, r.Recorder)
	}
	err := r.do(ctx, s, seen)
	if kept := (*KeptError)(nil); errors.As(err, &kept) {
		return kept.Kept, nil
	}
	if s.Kind != upgrade.Restart {
		return nil, err
	}
	return nil, r.prove(ctx, u, s, err)
}

// BehindError says which of the namespaces of a Restart have pods that do not run what they should. The others' do.
type BehindError struct {
	Namespaces []string
	// Text names the workloads, and what to do.
	Text string
}

// Error is the text.
func (e *BehindError) Error() string { return e.Text }

// prove records what a Restart has proven, and returns its error. Namespaces count as moved only if they still have the labels that they
// were given: by others, their pods go back at their next start.
func (r *Run) prove(ctx context.Context, u *v1alpha1.CanaryUpgrade, s upgrade.Step, err error) error {
	behind := &BehindError{}
	if err != nil && !errors.As(err, &behind) {
		return err
	}
	if len(s.Namespaces) > 0 {
		seen, lookErr := r.Hands.Look(ctx)
		if lookErr != nil {
			return lookErr
		}
		s.Namespaces = slices.DeleteFunc(slices.Clone(s.Namespaces), func(name string) bool {
			return slices.Contains(behind.Namespaces, name) || !maps.Equal(seen.Namespaces[name].Labels, upgrade.Moved(u))
		})
		if len(s.Namespaces) == 0 {
			return err
		}
	}
	if upgrade.Proved(u, s) {
		return errors.Join(err, r.Recorder.Save(ctx, u))
	}
	return err
}

// again counts a step for a tag that comes directly after itself. The error says that it does not help.
func (r *Run) again(s upgrade.Step) error {
	if s.Kind != upgrade.SetTag && s.Kind != upgrade.RemoveTag {
		r.repeated = 0
		return nil
	}
	if r.last.Kind == s.Kind && r.last.Tag == s.Tag && r.last.Revision == s.Revision {
		r.repeated++
	} else {
		r.repeated = 0
	}
	r.last = s
	if r.repeated >= attempts {
		return fmt.Errorf("tag %s does not become what it should be, however often it is written: see `kubectl mesh-canary tag list`", s.Tag)
	}
	return nil
}

func asError(kept []upgrade.Kept) error {
	if len(kept) == 0 {
		return nil
	}
	return &KeptError{kept}
}

// withOthers puts what others have changed, nil for nothing, before a failure.
func withOthers(others, err error) error {
	if others == nil {
		return err
	}
	return fmt.Errorf("%w"+separate+"%w", others, err)
}

// do does one step that changes the mesh.
func (r *Run) do(ctx context.Context, s upgrade.Step, seen upgrade.Seen) error {
	switch s.Kind {
	case upgrade.SetTag:
		return r.Hands.SetTag(ctx, s.Tag, s.Revision)
	case upgrade.RemoveTag:
		return r.Hands.RemoveTag(ctx, s.Tag, s.Revision)
	case upgrade.Label:
		return r.label(ctx, s, seen)
	case upgrade.Restart:
		return r.Hands.Restart(ctx, s)
	default:
		return nil
	}
}

// label goes through the namespaces in order of their names. One that fails keeps none of the others from their labels, for half of
// them on either side is no better than one.
func (r *Run) label(ctx context.Context, s upgrade.Step, seen upgrade.Seen) error {
	var names []string
	for name := range s.Labels {
		names = append(names, name)
	}
	slices.Sort(names)
	var failures []error
	for _, name := range names {
		if r.labelled == nil {
			r.labelled = map[string]int{}
		}
		if r.labelled[name]++; r.labelled[name] > attempts {
			return &PutBackError{name, s.Labels[name]}
		}
		if err := r.Hands.Label(ctx, name, seen.Namespaces[name], s.Labels[name]); err != nil {
			failures = append(failures, fmt.Errorf("labelling namespace %s: %w", name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}
