package cluster

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Load is many Deployments that are all alike.
type Load struct {
	Namespaces  int
	Deployments int               // in each namespace
	Replicas    int               // of each Deployment
	Labels      map[string]string // on the namespaces
	Annotations map[string]string // on the pods
	Prefix      string            // of the namespaces' names; "" is "load"
}

const (
	loadLabel   = "lab.mesh.kubectl.dev/load"
	parallel    = 16
	loadedPause = time.Second
)

// Load creates the namespaces and Deployments, leaving those that exist, and waits until every pod is ready. The
// error says which could not be created or how many were not ready when ctx ended.
func (c *Cluster) Load(ctx context.Context, l Load) error {
	if l.Prefix == "" {
		l.Prefix = "load"
	}
	work, creating := errgroup.WithContext(ctx)
	work.SetLimit(parallel)
	for n := range l.Namespaces {
		name := fmt.Sprintf("%s-%d", l.Prefix, n+1)
		if err := c.createLoadNamespace(creating, name, l); err != nil {
			_ = work.Wait()
			return err
		}
		for d := range l.Deployments {
			work.Go(func() error { return c.createDeployment(creating, name, fmt.Sprintf("app-%d", d+1), l) })
		}
	}
	if err := work.Wait(); err != nil {
		return err
	}
	return c.awaitLoad(ctx, l)
}

func (c *Cluster) createLoadNamespace(ctx context.Context, name string, l Load) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: l.Labels}}
	_, err := c.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating namespace %s: %w", name, err)
	}
	return nil
}

func (c *Cluster) createDeployment(ctx context.Context, namespace, name string, l Load) error {
	replicas, labels := int32(l.Replicas), map[string]string{"app": name}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{loadLabel: l.Prefix}},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: l.Annotations},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example.com/app:1.0"}}},
			},
		},
	}
	_, err := c.client.AppsV1().Deployments(namespace).Create(ctx, d, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("creating Deployment %s/%s: %w", namespace, name, err)
	}
	return nil
}

// awaitLoad counts ready replicas instead of pods, whose list is the heaviest thing a loaded API server can be asked.
func (c *Cluster) awaitLoad(ctx context.Context, l Load) error {
	selector := metav1.ListOptions{LabelSelector: loadLabel + "=" + l.Prefix}
	for start, said := time.Now(), time.Now(); ; {
		list, err := c.client.AppsV1().Deployments("").List(ctx, selector)
		if err != nil {
			return fmt.Errorf("waiting for the load: %w", err)
		}
		want, have := 0, 0
		for _, d := range list.Items {
			want += int(*d.Spec.Replicas)
			have += int(d.Status.ReadyReplicas)
		}
		if have >= want {
			c.log.say("%d pods are ready after %s", have, time.Since(start).Round(100*time.Millisecond))
			return nil
		}
		if time.Since(said) > 10*time.Second {
			c.log.say("%d of %d pods are ready", have, want)
			said = time.Now()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the load: %w; %d of %d pods are ready", context.Cause(ctx), have, want)
		case <-time.After(loadedPause):
		}
	}
}
