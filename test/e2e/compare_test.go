package e2e

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

var compareIstioctl = flag.Bool("compare-istioctl", false,
	"also ask `istioctl experimental check-inject` about every case of the truth test, and print the table for the docs")

// tableForDocs prints how often our prediction and istioctl's equal the real injector, as the table in
// docs/design/injection.md.
func tableForDocs(t *testing.T, lab *cluster.Cluster, pods []*corev1.Pod, answers map[string]truth) {
	ours := proxyver(t, lab, "-A")
	theirs := checkInject(t, lab, pods)
	var total, right, rightIstioctl int
	wrong := map[string]int{}
	for _, p := range pods {
		id := p.Namespace + "/" + p.Name
		want := answers[id]
		total++
		if predicted(ours[id]) == want {
			right++
		}
		got := theirs[subject(p)]
		if got.injected == want.injected && got.revision == want.revision {
			rightIstioctl++
		} else {
			wrong[whyWrong(p, got, want)]++
		}
	}
	t.Logf("| | cases | right | |\n|---|---|---|---|\n| kubectl mesh-proxyver | %d | %d | %.1f %% |\n| istioctl experimental check-inject | %d | %d | %.1f %% |",
		total, right, percent(right, total), total, rightIstioctl, percent(rightIstioctl, total))
	for why, n := range wrong {
		t.Logf("istioctl is wrong %d times: %s", n, why)
	}
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

func whyWrong(p *corev1.Pod, got, want truth) string {
	switch {
	case got.injected && !want.injected && p.Spec.HostNetwork:
		return "it does not see the host network"
	case got.injected && !want.injected:
		return "it does not see the annotation sidecar.istio.io/inject"
	default:
		return fmt.Sprintf("it says %v where the injector says %v", got, want)
	}
}

// subject is what check-inject looks at: the namespace and the pod's labels.
func subject(p *corev1.Pod) string {
	var pairs []string
	for _, key := range []string{"sidecar.istio.io/inject", "istio.io/rev"} {
		if v, ok := p.Labels[key]; ok {
			pairs = append(pairs, key+"="+v)
		}
	}
	if len(pairs) == 0 {
		// It insists on some label.
		pairs = []string{"app=any"}
	}
	return p.Namespace + " " + strings.Join(pairs, ",")
}

// checkInject asks istioctl about every distinct subject.
func checkInject(t *testing.T, lab *cluster.Cluster, pods []*corev1.Pod) map[string]truth {
	t.Helper()
	answers := map[string]truth{}
	var distinct []*corev1.Pod
	for _, p := range pods {
		if _, ok := answers[subject(p)]; !ok {
			answers[subject(p)] = truth{}
			distinct = append(distinct, p)
		}
	}
	var mu sync.Mutex
	inParallel(t, distinct, func(ctx context.Context, p *corev1.Pod) error {
		namespace, pairs, _ := strings.Cut(subject(p), " ")
		out, err := lab.Istioctl(ctx, "experimental", "check-inject", "-n", namespace, "-l", pairs)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, line := range strings.Split(out, "\n") {
			if fields := strings.Fields(line); strings.Contains(line, "✔") && len(fields) > 2 {
				answers[subject(p)] = truth{injected: true, revision: fields[1]}
			}
		}
		return nil
	})
	return answers
}
