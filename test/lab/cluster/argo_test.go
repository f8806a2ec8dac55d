package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/argo"
)

const rolloutManifest = `{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: web, namespace: rollouts}, spec: {
	replicas: 3, strategy: {canary: {}}, selector: {matchLabels: {app: web}},
	template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: "app:1"}]}}}}`

const budgetManifest = `{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: rollouts},
	spec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}}`

func TestARolloutRestartsItsPodsWhereABudgetAllowsIt(t *testing.T) {
	if err := lab.InstallArgoRollouts(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := argo.Play(t.Context(), lab.RESTConfig(), os.Stderr); err != nil {
		t.Fatal(err)
	}
	namespace(t, "rollouts", nil)
	apply(t, rolloutManifest)
	awaitRollout(t, `{"observedGeneration":"1","phase":"Healthy","readyReplicas":3,"restartedAt":""}`)
	before := podsByUID(t)

	apply(t, budgetManifest)
	eventually(t, "the budget to be reckoned", func() (bool, string) {
		b, err := lab.Client().PolicyV1().PodDisruptionBudgets("rollouts").Get(t.Context(), "web", metav1.GetOptions{})
		return err == nil && b.Status.CurrentHealthy == 3, fmt.Sprint(err)
	})
	// Times have whole seconds, and pods of the very second of a restart count as new.
	at := time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)
	patch := fmt.Sprintf(`{"spec":{"restartAt":%q}}`, at)
	if _, err := lab.Kubectl(t.Context(), "patch", "rollout", "web", "-n", "rollouts", "--type=merge", "-p", patch); err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second)
	awaitRollout(t, `{"observedGeneration":"2","phase":"Healthy","readyReplicas":3,"restartedAt":""}`)
	if after := podsByUID(t); left(before, after) != 3 {
		t.Errorf("the budget allows no eviction, but %d of 3 pods are left", left(before, after))
	}
	if _, err := lab.Kubectl(t.Context(), "delete", "pdb", "web", "-n", "rollouts"); err != nil {
		t.Fatal(err)
	}
	awaitRollout(t, fmt.Sprintf(`{"observedGeneration":"2","phase":"Healthy","readyReplicas":3,"restartedAt":%q}`, at))
	if after := podsByUID(t); left(before, after) != 0 || len(after) != 3 {
		t.Errorf("%d of 3 pods are left, there are %d", left(before, after), len(after))
	}
}

// awaitRollout waits until the Rollout's status is as wanted.
func awaitRollout(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, func() (bool, string) {
		out, err := lab.Kubectl(t.Context(), "get", "rollout", "web", "-n", "rollouts", "-o", "json")
		if err != nil {
			return false, err.Error()
		}
		var r struct {
			Status struct {
				ObservedGeneration string `json:"observedGeneration"`
				Phase              string `json:"phase"`
				ReadyReplicas      int    `json:"readyReplicas"`
				RestartedAt        string `json:"restartedAt"`
			} `json:"status"`
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			return false, err.Error()
		}
		got, err := json.Marshal(r.Status)
		return err == nil && string(got) == want, string(got)
	})
}

// podsByUID returns the Rollout's pods that are not on their way out.
func podsByUID(t *testing.T) map[string]corev1.Pod {
	t.Helper()
	list, err := lab.Client().CoreV1().Pods("rollouts").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pods := map[string]corev1.Pod{}
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			pods[string(p.UID)] = p
		}
	}
	return pods
}

// left counts the pods of before that are there still.
func left(before, after map[string]corev1.Pod) int {
	n := 0
	for uid := range before {
		if _, ok := after[uid]; ok {
			n++
		}
	}
	return n
}
