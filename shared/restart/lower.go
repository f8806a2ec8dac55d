package restart

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	deploymentutil "k8s.io/kubectl/pkg/util/deployment"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// lowering is what has to come before a Deployment goes back to one replica.
type lowering int

const (
	// nothing has to: the pod that stays is one that serves, or none does.
	safe lowering = iota
	// its template has to be again that of the pods that serve.
	undoing
	// its controller has to take away the pods that do not serve.
	clearing
	// its template was changed otherwise too, so that it is not ours to undo.
	foreign
)

// lower says what has to come before a Deployment of several replicas goes back to one. Its controller then takes the pods of older
// ReplicaSets away first, and a strategy that allows one pod to be missing does not have it wait for the others to serve: where only
// pods of an older template do, nobody would. newest is the ReplicaSet of its template, nil if there is none yet, others are those
// beside it that should have pods. It returns also the ReplicaSet whose template has to come back. Source: scale and rolloutRolling
// in k8s.io/kubernetes/pkg/controller/deployment.
func lower(d *appsv1.Deployment, newest *appsv1.ReplicaSet, others []*appsv1.ReplicaSet) (lowering, *appsv1.ReplicaSet) {
	if newest != nil && newest.Status.ReadyReplicas > 0 {
		if slices.ContainsFunc(others, func(o *appsv1.ReplicaSet) bool { return !o.CreationTimestamp.Before(&newest.CreationTimestamp) }) {
			return clearing, nil
		}
		return safe, nil
	}
	serving := slices.IndexFunc(others, func(o *appsv1.ReplicaSet) bool { return o.Status.ReadyReplicas > 0 })
	if serving < 0 {
		return safe, nil
	}
	if !sameButForRestart(&d.Spec.Template, &others[serving].Spec.Template) {
		return foreign, nil
	}
	return undoing, others[serving]
}

// sameButForRestart says whether two templates differ only in what a restart sets.
func sameButForRestart(a, b *corev1.PodTemplateSpec) bool {
	return equality.Semantic.DeepEqual(withoutRestart(a), withoutRestart(b))
}

func withoutRestart(t *corev1.PodTemplateSpec) *corev1.PodTemplateSpec {
	t = t.DeepCopy()
	delete(t.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(t.Annotations, rollout.RestartedAt)
	t.Spec.TerminationGracePeriodSeconds = nil
	return t
}

// undo is the patch that gives a Deployment the template of one of its ReplicaSets, and takes with it the notes of a grace period
// that is the owner's own again.
func undo(w *rollout.Workload, set *appsv1.ReplicaSet) patch {
	template := set.Spec.Template.DeepCopy()
	delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	p := append(unedited(w), operation{Op: "replace", Path: "/spec/template", Value: template})
	grace := template.Spec.TerminationGracePeriodSeconds
	if grace == nil || w.Annotations[rollout.OwnGracePeriod] != strconv.FormatInt(*grace, 10) {
		return p
	}
	for _, note := range []string{rollout.OwnGracePeriod, rollout.SetGracePeriod} {
		if _, noted := w.Annotations[note]; noted {
			p = append(p, operation{Op: "remove", Path: objectAnnotations + key(note)})
		}
	}
	return p
}

// look is after how long it is looked again at what a controller is to clear.
const look = 500 * time.Millisecond

var errForeign = errors.New("only a pod of its older template serves, which it would take away first, and its template was changed " +
	"otherwise too: see `kubectl rollout undo`")

// secure has a Deployment keep the pod that serves when it goes back to one replica, and says whether its restart had to be undone
// for that. ours says whether it was given its second replica by a restart. It returns the Deployment as it is then; an error says
// why it may not go back.
func secure(ctx context.Context, c *cluster.Clients, w *rollout.Workload, ours func(*rollout.Workload) bool) (now *rollout.Workload, undone bool, err error) {
	for {
		if now, err = read(ctx, c, w); err != nil {
			return nil, undone, err
		}
		d, is := now.Object.(*appsv1.Deployment)
		if !is || now.Replicas != surgeReplicas || !ours(now) {
			return now, undone, nil
		}
		others, newest, err := replicaSetsOf(ctx, c, d)
		if err != nil {
			return now, undone, err
		}
		switch next, set := lower(d, newest, others); next {
		case safe:
			// What its controller makes of the template as it is, is seen once it says so.
			if now.Observes() {
				return now, undone, nil
			}
		case foreign:
			return now, undone, errForeign
		case undoing:
			_, err := sendPatch(ctx, c, now, undo(now, set), metav1.PatchOptions{})
			if err != nil && !overtaken(err) {
				return now, undone, fmt.Errorf("undoing its restart: %w", err)
			}
			undone = undone || err == nil
		}
		select {
		case <-ctx.Done():
			return now, undone, errors.New("its controller has not caught up with its template")
		case <-time.After(look):
		}
	}
}

// replicaSetsOf returns the ReplicaSet of a Deployment's template, nil if there is none, and the others that should have pods.
func replicaSetsOf(ctx context.Context, c *cluster.Clients, d *appsv1.Deployment) (others []*appsv1.ReplicaSet, newest *appsv1.ReplicaSet, err error) {
	err = persist(ctx, func(context.Context) error {
		others, _, newest, err = deploymentutil.GetAllReplicaSets(d, c.Kube.AppsV1())
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("listing its ReplicaSets: %w", err)
	}
	return others, newest, nil
}
