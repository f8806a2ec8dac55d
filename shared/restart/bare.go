package restart

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/barepod"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/manifest"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// recreate keeps the manifest of a bare pod, and then deletes it. The injector was asked about one like it before.
func (r *runner) recreate(t *task) {
	t.phase = acting
	later(r, t, func(ctx context.Context) (*kept, error) { return r.keepManifest(ctx, t.step) },
		func(k *kept, err error) {
			switch {
			case err != nil:
				r.fail(t, err.Error())
			case r.halted(t):
				r.warnOf(barepod.Remove(k.manifest.Path))
			default:
				t.saved = k.manifest
				r.takeDown(t, k.pod)
			}
		})
}

// kept is a bare pod whose manifest is safe.
type kept struct {
	pod      *corev1.Pod
	manifest *barepod.Leftover
}

func (r *runner) keepManifest(ctx context.Context, s *restartplan.Step) (*kept, error) {
	var pod *corev1.Pod
	err := persist(ctx, func(ctx context.Context) (err error) {
		pod, err = r.clients.Kube.CoreV1().Pods(s.Namespace).Get(ctx, s.Ref.Name, metav1.GetOptions{})
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading pod %s in namespace %s: %w", s.Ref.Name, s.Namespace, err)
	case pod.UID != s.UID:
		return nil, fmt.Errorf("pod %s in namespace %s is another one by now", pod.Name, pod.Namespace)
	}
	original, err := manifest.Of(pod)
	if err != nil {
		return nil, err
	}
	path, err := barepod.Save(r.o.ManifestDir, pod)
	if err != nil {
		return nil, fmt.Errorf("not deleted, because its manifest cannot be saved: %w", err)
	}
	return &kept{pod: pod, manifest: &barepod.Leftover{Path: path, Pod: original}}, nil
}

// takeDown deletes the pod. Where that fails, it may have happened all the same, and its answer been lost.
func (r *runner) takeDown(t *task, pod *corev1.Pod) {
	t.changed = true
	later(r, t, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, remove(ctx, r.clients.Kube, pod)
	}, func(_ struct{}, err error) {
		if err != nil {
			r.fail(t, fmt.Sprintf("deleting it: %v; %s", err, t.lostPod()))
			return
		}
		t.phase = leaving
	})
}

func (r *runner) warnOf(err error) {
	if err != nil {
		r.warn(err.Error())
	}
}

// lostPod says how to get back a pod that does not exist at the moment.
func (t *task) lostPod() string {
	return "the pod may not exist any more: create it again with `kubectl create -f " + t.saved.Path + "`"
}

// hasLeft creates the pod again once it is gone.
func (r *runner) hasLeft(t *task, state rollout.State) {
	if _, there := r.store.pods[t.step.UID]; there {
		r.tell(t, Progress{Total: 1, Stuck: r.afterWhile(t, "the old pod is still terminating")})
		return
	}
	if len(state.Live()) > 0 {
		t.phase = arriving
		return
	}
	t.phase = acting
	again := t.saved.Pod
	later(r, t, func(ctx context.Context) (*corev1.Pod, error) {
		var created *corev1.Pod
		err := persist(ctx, func(ctx context.Context) (err error) {
			created, err = r.clients.Kube.CoreV1().Pods(again.Namespace).Create(ctx, again, metav1.CreateOptions{FieldManager: dryrun.FieldManager})
			return err
		})
		return created, err
	}, func(_ *corev1.Pod, err error) {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			r.fail(t, fmt.Sprintf("creating it again: %v; %s", err, t.lostPod()))
			return
		}
		t.phase = arriving
	})
}

// arrive waits for the new pod.
func (r *runner) arrive(t *task, state rollout.State, now time.Time) {
	for _, p := range state.Live() {
		if t.before[p.UID] {
			continue
		}
		// It exists again, and nothing is lost any more.
		r.forget(t)
		r.count(t, state)
		r.tell(t, Progress{Done: len(t.replaced), Total: 1, Stuck: p.Trouble.Text})
		switch {
		case p.Trouble.Fatal:
			r.fail(t, "pod "+p.Name+": "+p.Trouble.Text)
		case p.Ready && t.fresh(p):
			r.finish(t, v1alpha1.Restarted, "")
		case p.Ready:
			r.finish(t, v1alpha1.StillOld, r.stillOld(t, state))
		}
		return
	}
}

// forget removes the manifest of a pod that exists again.
func (r *runner) forget(t *task) {
	if t.saved == nil {
		return
	}
	r.warnOf(barepod.Remove(t.saved.Path))
	t.saved = nil
}
