package cluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAnnotationsDecideWhatBecomesOfAPod(t *testing.T) {
	namespace(t, "fates", rev("1-22"))
	for _, c := range []struct{ name, annotations, want string }{
		{"plain", `{}`, "Running ready app=running"},
		{"crash", `{lab.mesh.kubectl.dev/fail: crash-loop}`, "Running unready app=CrashLoopBackOff restarted"},
		{"pull", `{lab.mesh.kubectl.dev/fail: image-pull}`, "Pending unready app=ImagePullBackOff"},
		{"proxy", `{lab.mesh.kubectl.dev/fail: image-pull, lab.mesh.kubectl.dev/fail-container: istio-proxy}`,
			"Pending unready app=PodInitializing istio-proxy=ImagePullBackOff"},
		{"never", `{lab.mesh.kubectl.dev/ready-never: "true"}`, "Running unready app=running"},
		{"later", `{lab.mesh.kubectl.dev/fail: crash-loop, lab.mesh.kubectl.dev/when-image: ":1.23."}`, "Running ready app=running"},
	} {
		t.Run(c.name, func(t *testing.T) {
			apply(t, fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: fates, annotations: %s},
				spec: {containers: [{name: app, image: "app:1"}]}}`, c.name, c.annotations))
			eventually(t, c.want, func() (bool, string) {
				got := describe(pod(t, "fates", c.name))
				return got == c.want, got
			})
		})
	}
}

func TestASlowPodBecomesReadyAfterItsDelay(t *testing.T) {
	namespace(t, "slow", nil)
	apply(t, `{apiVersion: v1, kind: Pod, metadata: {name: slow, namespace: slow, annotations: {lab.mesh.kubectl.dev/ready-delay: 3s}},
		spec: {containers: [{name: app, image: "app:1"}]}}`)
	since := time.Now()
	eventually(t, "an unready pod that runs", func() (bool, string) {
		got := describe(pod(t, "slow", "slow"))
		return got == "Running unready app=running", got
	})
	eventually(t, "a ready pod", func() (bool, string) {
		got := describe(pod(t, "slow", "slow"))
		return got == "Running ready app=running", got
	})
	if took := time.Since(since); took < 2*time.Second {
		t.Errorf("ready after %s", took)
	}
}

func TestASlowPodGoesAfterItsDelay(t *testing.T) {
	namespace(t, "leaving", nil)
	for name, annotations := range map[string]string{"slow": "{lab.mesh.kubectl.dev/delete-delay: 3s}", "quick": "{}"} {
		apply(t, fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: leaving, annotations: %s},
			spec: {containers: [{name: app, image: "app:1"}]}}`, name, annotations))
		eventually(t, "a ready pod", func() (bool, string) {
			got := describe(pod(t, "leaving", name))
			return got == "Running ready app=running", got
		})
	}
	since := time.Now()
	for _, name := range []string{"slow", "quick"} {
		if err := lab.Client().CoreV1().Pods("leaving").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	awaitGone(t, "leaving", "quick")
	if p := pod(t, "leaving", "slow"); p.DeletionTimestamp == nil {
		t.Error("the slow pod was not asked to go")
	}
	awaitGone(t, "leaving", "slow")
	if took := time.Since(since); took < 3*time.Second {
		t.Errorf("gone after %s", took)
	}
}

func awaitGone(t *testing.T, namespace, name string) {
	t.Helper()
	eventually(t, name+" to be gone", func() (bool, string) {
		_, err := lab.Client().CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
}

func TestAJobCompletesUnlessItIsToRunForever(t *testing.T) {
	namespace(t, "jobs", rev("1-22"))
	job := `{apiVersion: batch/v1, kind: Job, metadata: {name: %s, namespace: jobs}, spec: {template: {metadata: {annotations: %s},
		spec: {restartPolicy: Never, containers: [{name: app, image: "app:1"}]}}}}` + "\n---\n"
	apply(t, fmt.Sprintf(job, "short", `{}`)+fmt.Sprintf(job, "long", `{lab.mesh.kubectl.dev/run: forever}`))
	eventually(t, "the short Job to complete", func() (bool, string) {
		j, err := lab.Client().BatchV1().Jobs("jobs").Get(t.Context(), "short", metav1.GetOptions{})
		return err == nil && j.Status.Succeeded == 1, fmt.Sprint(err)
	})
	eventually(t, "the long Job to run", func() (bool, string) {
		j, err := lab.Client().BatchV1().Jobs("jobs").Get(t.Context(), "long", metav1.GetOptions{})
		return err == nil && j.Status.Active == 1 && *j.Status.Ready == 1, fmt.Sprint(err)
	})
}

func TestIstiodDeploysAGateway(t *testing.T) {
	namespace(t, "gateways", nil)
	apply(t, `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: gw, namespace: gateways},
		spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}}`)
	eventually(t, "the Gateway's Deployment", func() (bool, string) {
		list, err := lab.Client().AppsV1().Deployments("gateways").List(t.Context(), metav1.ListOptions{LabelSelector: "gateway.istio.io/managed"})
		if err != nil || len(list.Items) != 1 {
			return false, fmt.Sprint(err)
		}
		return list.Items[0].Status.ReadyReplicas == 1, "no pod is ready"
	})
}

func pod(t *testing.T, namespace, name string) *corev1.Pod {
	t.Helper()
	p, err := lab.Client().CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// describe tells phase, readiness, the state of the container "app", and which init container is stuck.
func describe(p *corev1.Pod) string {
	words := []string{string(p.Status.Phase), "unready"}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			words[1] = "ready"
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		switch {
		case c.Name != "app":
		case c.State.Waiting != nil:
			words = append(words, "app="+c.State.Waiting.Reason)
		case c.State.Running != nil:
			words = append(words, "app=running")
		}
		if c.RestartCount > 0 && c.LastTerminationState.Terminated != nil {
			words = append(words, "restarted")
		}
	}
	for _, c := range p.Status.InitContainerStatuses {
		if c.State.Waiting != nil {
			words = append(words, c.Name+"="+c.State.Waiting.Reason)
		}
	}
	return strings.Join(words, " ")
}
