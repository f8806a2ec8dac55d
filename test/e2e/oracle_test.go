package e2e

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// truth is what the real API server and the real istiod do to a pod.
type truth struct {
	injected        bool
	revision, image string
	native          bool
}

func (t truth) String() string {
	if !t.injected {
		return "not injected"
	}
	return fmt.Sprintf("revision %s, image %s", t.revision, t.image)
}

// ask puts the pod to the real injector by a server-side dry run.
func ask(ctx context.Context, lab *cluster.Cluster, pod *corev1.Pod) (truth, error) {
	p := pod.DeepCopy()
	p.Name = "ask-" + p.Name
	got, err := lab.Client().CoreV1().Pods(p.Namespace).Create(ctx, p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return truth{}, err
	}
	return observe(got), nil
}

// observe reads what injection did to a pod.
func observe(p *corev1.Pod) truth {
	if _, ok := p.Annotations["sidecar.istio.io/status"]; !ok {
		return truth{}
	}
	t := truth{injected: true, revision: p.Annotations["istio.io/rev"]}
	for _, c := range p.Spec.Containers {
		if c.Name == "istio-proxy" {
			t.image = c.Image
		}
	}
	for _, c := range p.Spec.InitContainers {
		if c.Name == "istio-proxy" {
			t.image, t.native = c.Image, true
		}
	}
	return t
}

// predicted is what the plugin says of injection. An image without injection stands in the pod's own template.
func predicted(i item) truth {
	if !i.Expected.Injected {
		return truth{}
	}
	return truth{injected: i.Expected.Injected, revision: i.Expected.Revision, image: i.Expected.Image}
}

// askAll puts all pods to the real injector.
func askAll(t *testing.T, lab *cluster.Cluster, pods []*corev1.Pod) map[string]truth {
	t.Helper()
	answers := map[string]truth{}
	var mu sync.Mutex
	inParallel(t, pods, func(ctx context.Context, p *corev1.Pod) error {
		got, err := ask(ctx, lab, p)
		mu.Lock()
		defer mu.Unlock()
		got.native = false
		answers[p.Namespace+"/"+p.Name] = got
		return err
	})
	return answers
}

// equalsTruth compares the plugin's prediction for every pod with the real injector's answer.
func equalsTruth(t *testing.T, items map[string]item, answers map[string]truth) {
	t.Helper()
	wrong := 0
	for id, want := range answers {
		i, ok := items[id]
		if !ok {
			t.Fatalf("%s is not in the report", id)
		}
		if got := predicted(i); got != want || i.Status == "unknown" {
			wrong++
			if wrong <= 20 {
				t.Errorf("%s:\n  predicted %v (%s: %s)\n  injector  %v", id, got, i.Status, i.Reason, want)
			}
		}
	}
	t.Logf("%d of %d predictions equal what the real injector does", len(answers)-wrong, len(answers))
}

// eventually tries until nothing is wrong any more, and fails with the last error after the limit.
func eventually(t *testing.T, limit time.Duration, try func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// eventuallyPods waits until a namespace has so many pods.
func eventuallyPods(t *testing.T, lab *cluster.Cluster, namespace string, n int) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		pods, err := lab.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
		if err == nil && len(pods.Items) != n {
			err = fmt.Errorf("%d pods in %s, want %d", len(pods.Items), namespace, n)
		}
		return err
	})
}
