package restart

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/barepod"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// phase is where a task stands.
type phase int

const (
	// waiting for its turn.
	queued phase = iota
	// the injector is asked.
	asking
	// what is to be done is found out from what the watches bring.
	deciding
	// an HPA was told to give it a second replica, which is awaited.
	raising
	// a request is under way that changes something.
	acting
	// its own controller replaces its pods.
	rolling
	// its pods are evicted one at a time.
	evicting
	// a bare pod was deleted, and is awaited to be gone, then to be ready again.
	leaving
	arriving
	// what was changed for the time of the restart is put back.
	restoring
	ended
)

// task is one workload of a run.
type task struct {
	step  *restartplan.Step
	phase phase

	began, deadline time.Time
	// ctx ends with the time that the workload may take.
	ctx    context.Context
	cancel context.CancelFunc

	// calls counts the calls that it has made: the outcome of an earlier one no longer matters.
	calls int
	// moved is when it last came any further.
	moved time.Time

	// expected is what its pods should run: the injector's answer, or the prediction where it could not be asked.
	expected v1alpha1.Expected
	// before holds the pods that it had when its turn came, evicted those that are on their way out for all that is known.
	before, evicted map[types.UID]bool
	// want is how many pods there should be of a controller that does not say.
	want int
	// generation is what the workload's spec has to be at least for its status to tell anything.
	generation int64
	// overtaken counts the patches that somebody else's change came before.
	overtaken int
	// changed is true once it was told to replace its pods: until then it is only waited for.
	changed bool
	// held is true while what a partition holds back is evicted.
	held bool
	// failing is what keeps pods from being created, and since when.
	failing      string
	failingSince time.Time
	// retryAt is when a refused eviction may be asked for again, refusal why it was refused.
	retryAt time.Time
	refusal string
	// raised is true once it, or its HPA, was told to have a second replica, whether or not that has arrived.
	raised bool
	// saved is the manifest of a bare pod that does not exist at the moment.
	saved *barepod.Leftover

	// told is the progress that was told last.
	told     Progress
	note     string
	pending  *ending
	result   *v1alpha1.RestartResult
	replaced map[types.UID]bool
}

// ending is how a task is going to end once what it has changed is put back.
type ending struct {
	outcome v1alpha1.Outcome
	message string
}

// under says whether a task is under way.
func (t *task) under() bool { return t.phase != queued && t.phase != ended }

// begun says whether anything was changed for it, or is about to be, or its pods are being replaced already.
func (t *task) begun() bool {
	return t.changed || t.raised || t.saved != nil || t.phase == acting || t.phase == rolling || t.phase == restoring
}

// watches says whether it is what the watches bring that decides what is next: while a call is under way that is its outcome,
// and a bare pod has to go before it can come again.
func (t *task) watches() bool {
	return t.phase == deciding || t.phase == raising || t.phase == rolling || t.phase == evicting
}

// fresh says whether a pod runs what is expected.
func (t *task) fresh(p rollout.Pod) bool {
	return t.step.Action == v1alpha1.PutBack || matches(p, t.expected)
}

// stale says whether a pod is to be replaced: it runs something else or, where all are to be, was there before.
func (t *task) stale(p rollout.Pod) bool {
	return !t.fresh(p) || t.step.Force && !t.changed && t.before[p.UID]
}

// old says whether a pod is to be evicted. What came since is not, whatever it runs: it would never end.
func (t *task) old(state rollout.State) func(rollout.Pod) bool {
	return func(p rollout.Pod) bool {
		switch {
		case !t.before[p.UID]:
			return false
		case t.held && !state.Held(p):
			return false
		case !t.held && state.Held(p) && !t.step.EvictHeld:
			return false
		default:
			return !t.fresh(p) || t.step.Force
		}
	}
}
