package argo

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// play brings one Rollout nearer to what it asks for.
func (p *player) play(ctx context.Context, key string) error {
	obj, exists, err := p.known.GetByKey(key)
	if err != nil || !exists {
		return err
	}
	var r rollout
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.(*unstructured.Unstructured).Object, &r); err != nil {
		return fmt.Errorf("reading it: %w", err)
	}
	if r.DeletionTimestamp != nil {
		return nil
	}
	set, err := p.ensureSet(ctx, &r)
	if err != nil {
		return err
	}
	restartedAt, err := p.restart(ctx, key, &r, set)
	if err != nil {
		return err
	}
	return p.writeStatus(ctx, &r, set, restartedAt)
}

// ensureSet returns the Rollout's ReplicaSet, created or scaled where that is due.
func (p *player) ensureSet(ctx context.Context, r *rollout) (*appsv1.ReplicaSet, error) {
	sets := p.client.AppsV1().ReplicaSets(r.Namespace)
	for _, obj := range p.sets.List() {
		set := obj.(*appsv1.ReplicaSet)
		if !metav1.IsControlledBy(set, r) {
			continue
		}
		if *set.Spec.Replicas == r.replicas() {
			return set, nil
		}
		scaled := set.DeepCopy()
		*scaled.Spec.Replicas = r.replicas()
		return sets.Update(ctx, scaled, metav1.UpdateOptions{})
	}
	set, err := newSet(r)
	if err != nil {
		return nil, err
	}
	created, err := sets.Create(ctx, set, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) { // the informer has not told of it yet
		return sets.Get(ctx, set.Name, metav1.GetOptions{})
	}
	return created, err
}

func newSet(r *rollout) (*appsv1.ReplicaSet, error) {
	template, err := json.Marshal(r.Spec.Template)
	if err != nil {
		return nil, fmt.Errorf("hashing the template: %w", err)
	}
	sum := fnv.New32a()
	_, _ = sum.Write(template)
	hash, replicas := strconv.FormatUint(uint64(sum.Sum32()), 36), r.replicas()
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: r.Name + "-" + hash, OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(r, kind)},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: &replicas, MinReadySeconds: r.Spec.MinReadySeconds, Selector: r.Spec.Selector.DeepCopy(), Template: *r.Spec.Template.DeepCopy(),
		},
	}
	set.Spec.Template.Labels = with(set.Spec.Template.Labels, hash)
	set.Spec.Selector.MatchLabels = with(set.Spec.Selector.MatchLabels, hash)
	set.Labels = set.Spec.Template.Labels
	return set, nil
}

func with(labels map[string]string, hash string) map[string]string {
	labelled := map[string]string{hashLabel: hash}
	maps.Copy(labelled, labels)
	return labelled
}

// writeStatus says how the Rollout is, unless that is what it says already.
func (p *player) writeStatus(ctx context.Context, r *rollout, set *appsv1.ReplicaSet, restartedAt *metav1.Time) error {
	s, hash := set.Status, set.Labels[hashLabel]
	want := status{
		ObservedGeneration: strconv.FormatInt(r.Generation, 10),
		Replicas:           s.Replicas, UpdatedReplicas: s.Replicas, HPAReplicas: s.Replicas,
		ReadyReplicas: s.ReadyReplicas, AvailableReplicas: s.AvailableReplicas,
		Selector: metav1.FormatLabelSelector(r.Spec.Selector), CurrentPodHash: hash, StableRS: hash,
		RestartedAt: restartedAt, Phase: "Progressing",
	}
	if s.Replicas == r.replicas() && s.AvailableReplicas == r.replicas() {
		want.Phase = "Healthy"
	}
	have, err := json.Marshal(r.Status)
	if err != nil {
		return fmt.Errorf("writing its status: %w", err)
	}
	body, err := json.Marshal(want)
	if err != nil {
		return fmt.Errorf("writing its status: %w", err)
	}
	if string(have) == string(body) {
		return nil
	}
	patch := fmt.Appendf(nil, `{"status":%s}`, body)
	_, err = p.rollouts.Namespace(r.Namespace).Patch(ctx, r.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("writing its status: %w", err)
	}
	return nil
}
