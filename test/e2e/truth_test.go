package e2e

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// absent stands for a label or annotation that is not there.
const absent = "(absent)"

var (
	namespaceInjections = []string{absent, "enabled", "disabled", "other"}
	namespaceRevisions  = []string{absent, oldRevision, newRevision, stableTag, canaryTag, "default", "no-such-revision"}
	podInjects          = []string{absent, "true", "false"}
	podRevisions        = []string{absent, newRevision, stableTag, "no-such-revision"}
	podAnnotations      = []string{absent, "true", "false"}
)

// everyNamespace and everyPod are all combinations of what decides about injection.
func everyNamespace() map[string]labels {
	namespaces := map[string]labels{}
	for i, injection := range namespaceInjections {
		for j, revision := range namespaceRevisions {
			l := labels{}
			put(l, "istio-injection", injection)
			put(l, "istio.io/rev", revision)
			namespaces[fmt.Sprintf("truth-%d-%d", i, j)] = l
		}
	}
	return namespaces
}

func everyPod(namespace string) []*corev1.Pod {
	var pods []*corev1.Pod
	for i, inject := range podInjects {
		for j, revision := range podRevisions {
			for k, annotation := range podAnnotations {
				for l, host := range []bool{false, true} {
					p := newPod(namespace, fmt.Sprintf("p-%d-%d-%d-%d", i, j, k, l))
					put(p.Labels, "sidecar.istio.io/inject", inject)
					put(p.Labels, "istio.io/rev", revision)
					put(p.Annotations, "sidecar.istio.io/inject", annotation)
					p.Spec.HostNetwork = host
					pods = append(pods, p)
				}
			}
		}
	}
	return pods
}

func put(into labels, key, value string) {
	if value != absent {
		into[key] = value
	}
}

// TestPredictionsEqualTheInjector compares, for every combination of labels and annotations, what we predict with what
// the real API server and istiod do: once for pods that were created before Istio came, and again for the same pods
// created after it, which may bear the traces of an injection.
func TestPredictionsEqualTheInjector(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	var pods []*corev1.Pod
	for name, l := range everyNamespace() {
		createNamespace(t, lab, name, l)
		pods = append(pods, everyPod(name)...)
	}
	if len(pods) < 1000 {
		t.Fatalf("only %d cases", len(pods))
	}
	createPods(t, lab, pods...)
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	if err := setTag(t.Context(), lab, "default", oldRevision); err != nil {
		t.Fatal(err)
	}
	answers := askAll(t, lab, pods)
	if *compareIstioctl {
		tableForDocs(t, lab, pods, answers)
	}

	t.Run("of pods that have no proxy", func(t *testing.T) {
		equalsTruth(t, proxyver(t, lab, "-A"), answers)
	})
	t.Run("of pods that were injected", func(t *testing.T) {
		recreate(t, lab, pods)
		equalsTruth(t, proxyver(t, lab, "-A"), answers)
	})
	t.Run("after the tags were moved", func(t *testing.T) {
		for _, tag := range []string{stableTag, "default"} {
			if err := setTag(t.Context(), lab, tag, newRevision); err != nil {
				t.Fatal(err)
			}
		}
		moved := everyPod("truth-0-3") // follows the stable tag
		moved = append(moved, everyPod("truth-1-0")...)
		answers := askAll(t, lab, moved)
		if equal := answers["truth-0-3/p-0-0-0-0"]; equal.revision != newRevision {
			t.Fatalf("the tag did not move: %v", equal)
		}
		items := proxyver(t, lab, "-A")
		equalsTruth(t, items, answers)
		if got := items["truth-0-3/p-0-0-0-0"]; got.Status != "outdated" || got.Expected.Tag != stableTag {
			t.Errorf("a pod injected before its tag moved forward is %s (tag %s), want outdated", got.Status, got.Expected.Tag)
		}
	})
}

// recreate deletes the pods and creates them anew.
func recreate(t *testing.T, lab *cluster.Cluster, pods []*corev1.Pod) {
	t.Helper()
	now := int64(0)
	inParallel(t, pods, func(ctx context.Context, p *corev1.Pod) error {
		return lab.Client().CoreV1().Pods(p.Namespace).Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	})
	createPods(t, lab, pods...)
}
