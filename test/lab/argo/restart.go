package argo

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const retry = time.Second

// restart evicts what is due and returns what status.restartedAt is to say.
func (p *player) restart(ctx context.Context, key string, r *rollout, set *appsv1.ReplicaSet) (*metav1.Time, error) {
	at, done := r.Spec.RestartAt, r.Status.RestartedAt
	if at == nil || at.Equal(done) {
		return done, nil
	}
	// A restart begins after its time, not at it.
	if now := time.Now(); !now.After(at.Time) {
		p.queue.AddAfter(key, at.Sub(now)+time.Millisecond)
		return done, nil
	}
	pods, err := p.podsOf(ctx, r, set)
	if err != nil {
		return done, err
	}
	remaining, err := p.evictOld(ctx, r, pods)
	if err != nil {
		return done, err
	}
	if remaining > 0 {
		p.queue.AddAfter(key, retry)
		return done, nil
	}
	return at, nil
}

func (p *player) podsOf(ctx context.Context, r *rollout, set *appsv1.ReplicaSet) ([]corev1.Pod, error) {
	selector := metav1.FormatLabelSelector(r.Spec.Selector)
	list, err := p.client.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("listing its pods: %w", err)
	}
	var pods []corev1.Pod
	for _, pod := range list.Items {
		if metav1.IsControlledBy(&pod, set) {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

// evictOld evicts as many of the pods from before the restart as may go now, and returns how many are left to be asked
// or are on their way out.
func (p *player) evictOld(ctx context.Context, r *rollout, pods []corev1.Pod) (remaining int, err error) {
	canRestart := available(pods, r.Spec.MinReadySeconds) - (r.replicas() - r.atOnce())
	for _, pod := range pods {
		if !pod.CreationTimestamp.Before(r.Spec.RestartAt) {
			continue
		}
		remaining++
		if canRestart <= 0 || pod.DeletionTimestamp != nil {
			continue
		}
		eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
		err := p.client.CoreV1().Pods(pod.Namespace).EvictV1(ctx, eviction)
		if apierrors.IsTooManyRequests(err) { // a PodDisruptionBudget forbids it for now
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("evicting %s: %w", pod.Name, err)
		}
		canRestart--
		remaining--
	}
	return remaining, nil
}

// available counts the pods that have been ready for long enough and stay.
func available(pods []corev1.Pod, minReadySeconds int32) int32 {
	var n int32
	for _, pod := range pods {
		for _, c := range pod.Status.Conditions {
			since := time.Since(c.LastTransitionTime.Time)
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil &&
				since >= time.Duration(minReadySeconds)*time.Second {
				n++
			}
		}
	}
	return n
}
