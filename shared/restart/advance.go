package restart

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// hold is how long pods that cannot be created count as a passing trouble, such as an istiod that is being replaced.
const hold = 5 * time.Second

// state is what is known of the task's workload. Pods that were evicted are on their way out, even if no watch has said so.
func (r *runner) state(t *task) rollout.State {
	state := r.store.state(t.step.Key(), t.step.UID)
	if t.step.Ref.Kind == "Pod" && t.step.Ref.Group == "" {
		if uid, ok := r.store.bare[t.step.Namespace+"/"+t.step.Ref.Name]; ok {
			state.Pods = append(state.Pods, r.store.pods[uid])
		}
	}
	for i := range state.Pods {
		if t.evicted[state.Pods[i].UID] {
			state.Pods[i].Terminating = true
		}
	}
	return state
}

// isGone says whether the workload was deleted, or another one has its name.
func (r *runner) isGone(t *task, state rollout.State) bool {
	switch {
	case rollout.Known(t.step.Ref):
		return state.Workload == nil || state.Workload.Deleting
	case t.step.Ref.Kind == "Pod" && t.step.Ref.Group == "":
		return len(state.Live()) == 0
	default:
		return len(state.Pods) == 0 && t.phase == queued
	}
}

// advance looks at what has become of a task, and does what is next.
func (r *runner) advance(t *task) {
	state := r.state(t)
	if t.watches() && r.isGone(t, state) {
		r.gone(t)
		return
	}
	now := time.Now()
	switch t.phase {
	case deciding:
		r.decide(t, state)
	case raising:
		r.raisedEnough(t, state)
	case rolling:
		r.roll(t, state, now)
	case evicting:
		r.evictNext(t, state, now)
	case leaving:
		r.hasLeft(t, state)
	case arriving:
		r.arrive(t, state, now)
	}
	// A request that is under way ends with the time, and says by then what it was.
	if t.under() && now.After(t.deadline) && !slices.Contains([]phase{asking, acting, restoring}, t.phase) {
		r.timeOut(t)
	}
}

// gone ends a task whose workload is deleted. What was changed beside it, such as an HPA, is put back all the same.
func (r *runner) gone(t *task) { r.finish(t, v1alpha1.Gone, "it was deleted meanwhile") }

func (r *runner) timeOut(t *task) {
	if t.step.Action == v1alpha1.PutBack {
		r.finish(t, v1alpha1.ReplicasPutBack, "")
		return
	}
	r.finish(t, v1alpha1.TimedOut, fmt.Sprintf("not done within %s", r.o.WorkloadTimeout)+r.standing(t))
}

// standing says what a task that is not done waits for, or how far it has come.
func (r *runner) standing(t *task) string {
	text := ""
	switch {
	case t.told.Stuck != "":
		text = ": " + t.told.Stuck
	case t.told.Total > 0:
		text = fmt.Sprintf(": %d of %d pods are done", t.told.Done, t.told.Total)
	}
	if t.saved != nil {
		text += "; " + t.lostPod()
	}
	return text
}

// decide finds out whether the workload takes a change, or only patience.
func (r *runner) decide(t *task, state rollout.State) {
	w := state.Workload
	if w.Paused {
		r.fail(t, "its rollout was paused: see `kubectl rollout resume "+w.Ref.String()+" -n "+w.Namespace+"`")
		return
	}
	switch state.Need(t.stale) {
	case rollout.Observation:
		r.tell(t, Progress{Total: w.Replicas, Stuck: r.afterWhile(t, "its controller has not seen its newest spec yet")})
	case rollout.Change:
		if t.step.Action == v1alpha1.Await {
			t.step.Method = t.step.Otherwise
		}
		switch {
		case t.step.Method == "":
			r.fail(t, "what replaces its pods is stale itself, and its strategy is Recreate: see --allow-downtime")
		case t.step.Method == v1alpha1.ByEviction:
			t.phase = evicting
		case !r.halted(t):
			r.change(t, state)
		}
	default:
		if r.o.NoWait {
			r.finish(t, v1alpha1.Started, "its pods are being replaced already")
			return
		}
		t.generation, t.phase = w.Generation, rolling
		r.advance(t)
	}
}

// halted ends a task that nothing was changed for yet, where no more is to be begun.
func (r *runner) halted(t *task) bool {
	if r.stopped == "" || t.changed || t.raised {
		return false
	}
	r.finish(t, v1alpha1.NotStarted, r.stopped)
	return true
}

// change patches the workload.
func (r *runner) change(t *task, state rollout.State) {
	w := state.Workload
	p := r.patchFor(t, state)
	t.phase, t.raised = acting, t.raised || surges(t.step, w)
	later(r, t, func(ctx context.Context) (*rollout.Workload, error) {
		return sendPatch(ctx, r.clients, w, p, metav1.PatchOptions{})
	}, func(after *rollout.Workload, err error) { r.patched(t, w, after, err) })
}

// patchFor is what a task's method changes in its workload.
func (r *runner) patchFor(t *task, state rollout.State) patch {
	if t.step.Method == v1alpha1.ByGracePeriod {
		g := rollout.NextGracePeriod(state.Workload, state.Sets, func(s rollout.Set) bool {
			return slices.ContainsFunc(state.Pods, s.Has)
		})
		t.step.GracePeriod = &g
	}
	return stepPatch(t.step, state.Workload)
}

// patched takes the outcome of a patch.
func (r *runner) patched(t *task, before, after *rollout.Workload, err error) {
	switch {
	case err == nil:
		r.store.answer(after)
		t.changed, t.generation, t.phase = true, after.Generation, rolling
		if r.o.NoWait {
			r.finish(t, v1alpha1.Started, "")
		}
	case apierrors.IsNotFound(err):
		r.gone(t)
	case overtaken(err):
		r.reread(t, before, err)
	default:
		t.raised = t.raised && !isAnswer(err)
		r.fail(t, fmt.Sprintf("patching %s in namespace %s: %v", t.step.Ref, t.step.Namespace, err))
	}
}

// reread looks at a workload that somebody else has changed before the patch, and decides anew. Where nobody has, the patch
// itself is at fault.
func (r *runner) reread(t *task, before *rollout.Workload, refused error) {
	t.overtaken++
	later(r, t, func(ctx context.Context) (*rollout.Workload, error) { return read(ctx, r.clients, before) },
		func(now *rollout.Workload, err error) {
			switch {
			case apierrors.IsNotFound(err):
				r.gone(t)
			case err != nil:
				r.fail(t, fmt.Sprintf("reading %s in namespace %s: %v", t.step.Ref, t.step.Namespace, err))
			case now.Generation == before.Generation && now.ResourceVersion == before.ResourceVersion, t.overtaken >= overtakings:
				r.fail(t, fmt.Sprintf("patching %s in namespace %s: %v", t.step.Ref, t.step.Namespace, refused))
			default:
				r.store.answer(now)
				t.phase = deciding
			}
		})
}

// roll looks at how far the workload's own controller is.
func (r *runner) roll(t *task, state rollout.State, now time.Time) {
	if state.Workload.Generation < t.generation {
		return
	}
	p := state.Progress(t.fresh, now)
	r.count(t, state)
	r.tellRollout(t, p)
	switch {
	case t.step.Action == v1alpha1.PutBack && (p.Complete || p.Failed != "" || state.Workload.Replicas != surgeReplicas):
		r.finish(t, v1alpha1.ReplicasPutBack, "")
	case p.Failed != "":
		r.fail(t, p.Failed)
	case r.cannotCreate(t, p, now):
	case p.Complete && p.Old > 0:
		r.finish(t, v1alpha1.StillOld, r.stillOld(t, state))
	case p.Complete && t.step.EvictHeld && !t.held:
		t.held, t.phase = true, evicting
		r.advance(t)
	case p.Complete && t.changed:
		r.finish(t, v1alpha1.Restarted, r.heldBack(t, state))
	case p.Complete:
		r.finish(t, v1alpha1.Awaited, r.heldBack(t, state))
	}
}

// heldBack says what a partition has kept from being replaced.
func (r *runner) heldBack(t *task, state rollout.State) string {
	n := 0
	for _, p := range state.Live() {
		if state.Held(p) && !t.fresh(p) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("its partition still holds back pods: %d (see --include-partitioned)", n)
}

func (r *runner) stillOld(t *task, state rollout.State) string {
	for _, p := range state.Live() {
		if !t.fresh(p) && !state.Held(p) {
			return fmt.Sprintf("rolled out, but pod %s runs %s, and %s was expected", p.Name,
				running(v1alpha1.Expected{Image: p.Image, Revision: p.Revision}), running(t.expected))
		}
	}
	return "rolled out, but some pods do not run what was expected"
}

// cannotCreate fails a task whose pods cannot be created, if that does not pass.
func (r *runner) cannotCreate(t *task, p rollout.Progress, now time.Time) bool {
	why := cmp.Or(p.CreateFailure, t.note)
	if why == "" || p.Missing == 0 {
		t.failing = ""
		return false
	}
	if t.failing == "" {
		t.failingSince = now
	}
	t.failing = why
	if t.told.Stuck == "" {
		r.tell(t, Progress{Done: t.told.Done, Total: t.told.Total, Stuck: "pods cannot be created: " + why})
	}
	if now.Sub(t.failingSince) < hold {
		return false
	}
	r.fail(t, "its pods cannot be created: "+why)
	return true
}

// evictNext evicts the next pod if it is time.
func (r *runner) evictNext(t *task, state rollout.State, now time.Time) {
	want := t.want
	if state.Workload != nil {
		want = state.Workload.Replicas
	}
	e := state.Eviction(t.old(state), t.fresh, want, now)
	r.count(t, state)
	if e.Next != nil && t.refusal != "" {
		e.Stuck = t.refusal
		// A budget that allows nothing may never allow anything.
		if r.halted(t) {
			return
		}
	}
	r.tellRollout(t, e.Progress)
	switch {
	case e.Failed != "":
		r.fail(t, e.Failed)
	case e.Old > 0 && r.newOld(t, state):
		r.finish(t, v1alpha1.StillOld, r.stillOld(t, state))
	case r.cannotCreate(t, e.Progress, now):
	case e.Complete && !t.changed:
		r.unchanged(t)
	case e.Complete:
		r.finish(t, v1alpha1.Restarted, r.heldBack(t, state))
	case e.Next != nil && now.After(t.retryAt) && !r.halted(t):
		r.evict(t, *e.Next)
	}
}

// newOld says whether a pod that came since is ready and does not run what is expected.
func (r *runner) newOld(t *task, state rollout.State) bool {
	for _, p := range state.Live() {
		if !t.before[p.UID] && p.Ready && !t.fresh(p) {
			return true
		}
	}
	return false
}

// again is after how long a refused eviction is asked for again, unless something has changed that may have freed the budget.
const again = 15 * time.Second

func (r *runner) evict(t *task, pod rollout.Pod) {
	t.phase = acting
	later(r, t, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, evict(ctx, r.clients.Kube, pod, nil)
	}, func(_ struct{}, err error) {
		t.phase = evicting
		switch {
		case err == nil:
			t.changed, t.refusal, t.moved = true, "", time.Now()
			t.evicted[pod.UID] = true
		case refusedByBudget(err):
			t.refusal, t.retryAt = "pod "+pod.Name+": "+budget(err), time.Now().Add(again)
		default:
			r.fail(t, fmt.Sprintf("evicting pod %s in namespace %s: %v", pod.Name, pod.Namespace, err))
		}
	})
}

// count notes the pods that have come new.
func (r *runner) count(t *task, state rollout.State) {
	for _, p := range state.Live() {
		if !t.before[p.UID] && p.Ready {
			t.replaced[p.UID] = true
		}
	}
}

// usual is how long what happens in any rollout may last before it is worth mentioning.
const usual = 20 * time.Second

// afterWhile returns a text once a task has come no further for a while, and nothing before.
func (r *runner) afterWhile(t *task, text string) string {
	if time.Since(t.moved) < usual {
		return ""
	}
	return text
}

// tellRollout leaves it to the end of a task to say why it has failed.
func (r *runner) tellRollout(t *task, p rollout.Progress) {
	if p.Failed != "" {
		return
	}
	if p.Usual {
		p.Stuck = r.afterWhile(t, p.Stuck)
	}
	r.tell(t, Progress{Done: p.Done, Total: p.Total, Stuck: p.Stuck})
}

// tell says how far a task is, if that has changed.
func (r *runner) tell(t *task, p Progress) {
	if p.Done != t.told.Done {
		t.moved = time.Now()
	}
	if p != t.told {
		t.told = p
		r.observe(Event{Kind: WorkloadChanged, Item: &t.step.RestartItem, Progress: p})
	}
}

// fail ends a task for a cause. What is cut off because its time is over has not failed of itself.
func (r *runner) fail(t *task, cause string) {
	if time.Now().After(t.deadline) {
		r.finish(t, v1alpha1.TimedOut, fmt.Sprintf("not done within %s: %s", r.o.WorkloadTimeout, cause))
		return
	}
	r.finish(t, v1alpha1.Failed, cause)
}
