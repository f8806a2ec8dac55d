package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// tag is what the namespaces follow; prefix is how their names begin.
const tag, prefix = "pace", "pace"

// revisions are those that the tag moves between.
var revisions = [2]string{"1-22", "1-23"}

const (
	movePatience = 30 * time.Second
	moveInterval = 100 * time.Millisecond
)

// makeStale moves the tag to the other revision. Nothing else is under way then: whatever ran before has awaited its pods.
func (p *pace) makeStale(ctx context.Context) error {
	p.moves++
	return moveTag(ctx, p.lab, revisions[p.moves%len(revisions)])
}

// moveTag moves the tag with istioctl, and returns once the API server calls the other injector.
func moveTag(ctx context.Context, lab *cluster.Cluster, revision string) error {
	if _, err := lab.Istioctl(ctx, "tag", "set", tag, "--revision", revision, "--overwrite", "-y"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, movePatience)
	defer cancel()
	for {
		got, err := injectedBy(ctx, lab)
		if err == nil && got == revision {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("tag %s leads to %q, and not to %s: %w", tag, got, revision, err)
		case <-time.After(moveInterval):
		}
	}
}

// injectedBy returns the revision that injects a pod which follows the tag.
func injectedBy(ctx context.Context, lab *cluster.Cluster) (string, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "which", Labels: map[string]string{"istio.io/rev": tag}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/app:1.0"}}},
	}
	created, err := lab.Client().CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return "", err
	}
	return created.Annotations["istio.io/rev"], nil
}
