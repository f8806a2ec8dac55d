package e2e

import (
	"context"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

type labels = map[string]string

// createNamespace makes a namespace that goes when the test ends.
func createNamespace(t *testing.T, lab *cluster.Cluster, name string, l labels) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: l}}
	if _, err := lab.Client().CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, now := context.Background(), int64(0)
		err := lab.Client().CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
		// The namespace goes in its own time; its pods must not be in the next test's report.
		err = lab.Client().CoreV1().Pods(name).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{})
		if err != nil {
			t.Error(err)
		}
	})
}

func relabel(t *testing.T, lab *cluster.Cluster, namespace string, args ...string) {
	t.Helper()
	if _, err := lab.Kubectl(t.Context(), append([]string{"label", "--overwrite", "namespace", namespace}, args...)...); err != nil {
		t.Fatal(err)
	}
}

// podOption changes a pod that is being built.
type podOption func(*corev1.Pod)

// newPod builds a pod of one container that no scheduler takes on: it stays Pending, which costs the lab nothing.
func newPod(namespace, name string, options ...podOption) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels{}, Annotations: labels{}},
		Spec: corev1.PodSpec{
			SchedulerName: "none",
			Containers:    []corev1.Container{{Name: "app", Image: "registry.example.com/app:1"}},
		},
	}
	for _, o := range options {
		o(p)
	}
	return p
}

func withLabel(k, v string) podOption      { return func(p *corev1.Pod) { p.Labels[k] = v } }
func withAnnotation(k, v string) podOption { return func(p *corev1.Pod) { p.Annotations[k] = v } }
func onHostNetwork(p *corev1.Pod)          { p.Spec.HostNetwork = true }
func scheduled(p *corev1.Pod)              { p.Spec.SchedulerName = "" }

// withOwnProxy gives the pod's template an istio-proxy container of its own.
func withOwnProxy(image string) podOption {
	return func(p *corev1.Pod) {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "istio-proxy", Image: image})
	}
}

// createPods creates pods, several at a time.
func createPods(t *testing.T, lab *cluster.Cluster, pods ...*corev1.Pod) {
	t.Helper()
	inParallel(t, pods, func(ctx context.Context, p *corev1.Pod) error {
		_, err := lab.Client().CoreV1().Pods(p.Namespace).Create(ctx, p, metav1.CreateOptions{})
		return err
	})
}

func inParallel(t *testing.T, pods []*corev1.Pod, do func(context.Context, *corev1.Pod) error) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(8)
	for _, p := range pods {
		group.Go(func() error {
			if err := do(ctx, p); err != nil {
				return fmt.Errorf("pod %s/%s: %w", p.Namespace, p.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// newDeployment builds a Deployment whose pods are like the pod that the options make.
func newDeployment(namespace, name string, replicas int32, options ...podOption) *appsv1.Deployment {
	p := newPod(namespace, "", append([]podOption{scheduled, withLabel("app", name)}, options...)...)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels{"app": name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: p.Labels, Annotations: p.Annotations}, Spec: p.Spec,
			},
		},
	}
}

func createDeployment(t *testing.T, lab *cluster.Cluster, d *appsv1.Deployment) {
	t.Helper()
	if _, err := lab.Client().AppsV1().Deployments(d.Namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitRollout(t, lab, "deployment/"+d.Name, d.Namespace)
}

func awaitRollout(t *testing.T, lab *cluster.Cluster, workload, namespace string) {
	t.Helper()
	if _, err := lab.Kubectl(t.Context(), "rollout", "status", workload, "-n", namespace, "--timeout=90s"); err != nil {
		t.Fatal(err)
	}
}

// apply hands a manifest to kubectl.
func apply(t *testing.T, lab *cluster.Cluster, manifest string) {
	t.Helper()
	file := t.TempDir() + "/manifest.yaml"
	writeFile(t, file, manifest)
	if _, err := lab.Kubectl(t.Context(), "apply", "-f", file); err != nil {
		t.Fatal(err)
	}
}

func deleteManagedControlPlane(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	err := lab.Client().AdmissionregistrationV1().MutatingWebhookConfigurations().
		Delete(context.Background(), "managed-injector", metav1.DeleteOptions{})
	if err != nil {
		t.Error(err)
	}
}
