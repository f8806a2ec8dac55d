package restart

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// finish ends a task, once what was changed for the time of the restart is put back.
func (r *runner) finish(t *task, outcome v1alpha1.Outcome, message string) {
	if t.phase == restoring {
		return
	}
	if !r.raisedNow(t) {
		r.end(t, outcome, message)
		return
	}
	t.pending = &ending{outcome: outcome, message: message}
	r.restore(t)
}

// raisedNow says whether the workload runs at more replicas than its owner wants.
func (r *runner) raisedNow(t *task) bool {
	switch {
	case !t.step.Surge:
		return false
	case t.step.Autoscaler != nil:
		return t.raised || t.step.Autoscaler.Left
	default:
		w := r.store.workloads[t.step.Key()]
		return w != nil && (t.raised || surged(w))
	}
}

// restoreLimit is how long it is tried to put back what was changed, whatever time the workload has left.
const restoreLimit = 2 * time.Minute

// restore puts back what was changed for the time of the restart.
func (r *runner) restore(t *task) {
	t.phase = restoring
	t.cancel()
	t.ctx, t.cancel = context.WithTimeout(r.ctx, restoreLimit)
	w, autoscaler, namespace := r.store.workloads[t.step.Key()], t.step.Autoscaler, t.step.Namespace
	// What an HPA gives a second replica bears no mark of its own.
	ours := surged
	if autoscaler != nil {
		restarted := t.changed || autoscaler.Left
		ours = func(*rollout.Workload) bool { return restarted }
	}
	// Once its rollout is complete, the pods of the newest template all serve, and there are no others.
	complete := t.pending.outcome == v1alpha1.Restarted || t.pending.outcome == v1alpha1.Awaited
	later(r, t, func(ctx context.Context) (restoration, error) {
		done, err := restoration{after: w}, error(nil)
		if w != nil && !complete {
			if done.after, done.undone, err = secure(ctx, r.clients, w, ours); err != nil && !apierrors.IsNotFound(err) {
				return done, err
			}
		}
		if autoscaler != nil {
			return done, restoreAutoscaler(ctx, r.clients.Kube, namespace, autoscaler.Name)
		}
		done.after, err = restoreReplicas(ctx, r.clients, done.after)
		return done, err
	}, func(done restoration, err error) { r.restored(t, done, err) })
}

// restoration is what has become of a Deployment when it is put back.
type restoration struct {
	after *rollout.Workload
	// undone is true where its template is the one from before the restart.
	undone bool
}

func (r *runner) restored(t *task, done restoration, err error) {
	r.store.answer(done.after)
	if done.undone {
		t.pending.message = strings.TrimPrefix(t.pending.message+"; its restart is undone: only a pod from before serves", "; ")
	}
	if err == nil || apierrors.IsNotFound(err) {
		r.end(t, t.pending.outcome, t.pending.message)
		return
	}
	message := fmt.Sprintf("its replicas are not put back: %v; run the same command again, which puts them back", err)
	if t.pending.message != "" {
		message = t.pending.message + "; " + message
	}
	r.end(t, v1alpha1.Failed, message)
}

// overtakings is how often a change is made anew that somebody else's has overtaken.
const overtakings = 5

// surged says whether a Deployment runs at more replicas than its owner wants.
func surged(w *rollout.Workload) bool {
	_, is := w.Surged()
	return is
}

// restoreReplicas gives a Deployment back the replicas that it had. One that does not bear the mark is read first: the answer to
// the patch that left it may have been lost.
func restoreReplicas(ctx context.Context, c *cluster.Clients, w *rollout.Workload) (*rollout.Workload, error) {
	if w == nil {
		return nil, nil
	}
	var err error
	for range overtakings {
		if surged(w) {
			var after *rollout.Workload
			if after, err = sendPatch(ctx, c, w, putBack(w), metav1.PatchOptions{}); !overtaken(err) {
				return after, err
			}
		}
		now, readErr := read(ctx, c, w)
		if readErr != nil || !surged(now) {
			return now, readErr
		}
		w = now
	}
	return nil, err
}
