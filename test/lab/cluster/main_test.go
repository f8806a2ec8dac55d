package cluster

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// parentVar makes this test binary play a program that starts a lab in the named directory and is then killed.
const parentVar = "LAB_CLUSTER_TEST_PARENT"

// lab is shared by the tests of this package; each works in a namespace of its own.
var lab *Cluster

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVar); dir != "" {
		beKilled(dir)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	var err error
	if lab, err = Start(ctx, Options{Log: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer lab.Stop()
	if err := lab.InstallIstio(ctx, Istio{Revision: "1-22", Tag: "1.22.0"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// namespace creates a namespace with labels.
func namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := lab.Client().CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ServiceAccount of "+name, func() (bool, string) {
		_, err := lab.Client().CoreV1().ServiceAccounts(name).Get(t.Context(), "default", metav1.GetOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

// apply applies YAML with kubectl.
func apply(t *testing.T, yaml string) {
	t.Helper()
	file := t.TempDir() + "/objects.yaml"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Kubectl(t.Context(), "apply", "-f", file); err != nil {
		t.Fatal(err)
	}
}

// injected asks, without creating anything, for a pod in the namespace and returns it as istiod would have it.
func injected(t *testing.T, namespace string, labels map[string]string) (*corev1.Pod, error) {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "probe", Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}},
	}
	return lab.Client().CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

// proxy returns the istio-proxy of a pod and whether it is a native sidecar.
func proxy(pod *corev1.Pod) (image string, native bool) {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == "istio-proxy" {
			return c.Image, true
		}
	}
	for _, c := range pod.Spec.Containers {
		if c.Name == "istio-proxy" {
			return c.Image, false
		}
	}
	return "", false
}

func wantProxy(t *testing.T, namespace, image string) {
	t.Helper()
	pod, err := injected(t, namespace, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := proxy(pod); got != image {
		t.Errorf("in %s: got proxy %q, want %q", namespace, got, image)
	}
}

func eventually(t *testing.T, what string, done func() (bool, string)) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		ok, last := done()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s; last: %s", what, last)
		}
	}
}
