package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

var recordRefusals = flag.Bool("record-refusals", false,
	"write what the API server says to the refused pods into shared/dryrun/testdata, for the tests there")

// refusalCase is one reason for which the API server does not create a pod.
type refusalCase struct {
	name      string
	namespace labels
	// prepare makes the API server refuse.
	prepare func(t *testing.T, lab *cluster.Cluster, namespace string)
	options []podOption
	user    string
	// class, webhook and a part of the cause are what must be told.
	class, webhook, cause string
	injector              bool
}

const istiodOfOld = "rev.namespace.sidecar-injector.istio.io"

var refusalCases = []refusalCase{
	{name: "pod-security", namespace: labels{"pod-security.kubernetes.io/enforce": "restricted"},
		class: "pod-security", cause: `violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false`},
	{name: "quota-exceeded", prepare: withQuota(corev1.ResourcePods), class: "quota", cause: "exceeded quota: none, requested: pods=1"},
	{name: "quota-unmet", prepare: withQuota(corev1.ResourceLimitsCPU), class: "quota", cause: "failed quota: none: must specify limits.cpu for: app"},
	{name: "limit-range", prepare: withLimitRange, options: []podOption{withCPU("2")}, class: "denied",
		cause: "maximum cpu usage per Container is 1, but limit is 2"},
	{name: "service-account", options: []podOption{withServiceAccount("gone")}, class: "no-service-account",
		cause: `error looking up service account refuse-service-account/gone: serviceaccount "gone" not found`},
	{name: "rbac", user: "may-not-create-pods", class: "forbidden",
		cause: `User "may-not-create-pods" cannot create resource "pods" in API group "" in the namespace "refuse-rbac"`},
	{name: "terminating", prepare: terminate, class: "namespace-terminating", cause: "unable to create new content in namespace refuse-terminating"},
	{name: "no-namespace", prepare: withoutNamespace, class: "no-namespace", cause: `namespaces "refuse-no-namespace" not found`},
	{name: "invalid", options: []podOption{withoutContainers}, class: "invalid", cause: "spec.containers: Required value"},
	{name: "policy", prepare: withPolicy, class: "denied", cause: "ValidatingAdmissionPolicy 'refuse-policy' with binding 'refuse-policy' denied request: not here"},
	{name: "malformed-annotation", namespace: labels{"istio.io/rev": oldRevision},
		options: []podOption{withAnnotation("sidecar.istio.io/interceptionMode", "MAGIC")},
		class:   "webhook-denied", webhook: istiodOfOld, injector: true, cause: "interceptionMode"},
	{name: "no-template", namespace: labels{"istio.io/rev": oldRevision},
		options: []podOption{withAnnotation("inject.istio.io/templates", "no-such")},
		class:   "webhook-denied", webhook: istiodOfOld, injector: true, cause: `requested template "no-such" not found`},
	{name: "outage", namespace: labels{"istio.io/rev": newRevision}, prepare: withOutage,
		class: "webhook-failed", webhook: istiodOfOld, injector: true, cause: "https://istiod-1-23.istio-system.svc:443/inject"},
	{name: "webhook-denies", prepare: withWebhook(denying("not on\nFridays")), class: "webhook-denied", webhook: webhookName, cause: "not on Fridays"},
	{name: "webhook-says-nothing", prepare: withWebhook(denying("")), class: "webhook-denied", webhook: webhookName, cause: "without explanation"},
	{name: "webhook-sleeps", prepare: withWebhook(sleeping), class: "webhook-failed", webhook: webhookName, cause: "context deadline exceeded"},
	{name: "webhook-gone", prepare: withWebhookGone, class: "webhook-failed", webhook: webhookName, cause: "connection refused"},
	{name: "webhook-breaks", prepare: withBrokenWebhook, class: "server-error", cause: "Internal error occurred"},
}

// TestWhyAPodWouldBeRefused makes the real API server refuse pods for every reason that is told apart.
func TestWhyAPodWouldBeRefused(t *testing.T) {
	lab := sharedLab(t)
	for _, c := range refusalCases {
		t.Run(c.name, func(t *testing.T) {
			namespace := "refuse-" + c.name
			createNamespace(t, lab, namespace, c.namespace)
			awaitServiceAccount(t, lab, namespace)
			if c.prepare != nil {
				c.prepare(t, lab, namespace)
			}
			pod := newPod(namespace, "app", c.options...)
			c.awaitRefusal(t, lab, pod)
			got := askPod(t, lab, c.user, pod)
			if got.Class != c.class || got.Webhook != c.webhook || got.Injector != c.injector || !strings.Contains(got.Cause, c.cause) {
				t.Errorf("told %+v\nwant %s of %q: %s", got, c.class, c.webhook, c.cause)
			}
			if got.Injected || strings.Contains(got.Error, "\n") || strings.Contains(got.Cause, "\n") {
				t.Errorf("told %+v", got)
			}
		})
	}
}

// awaitRefusal waits until the API server, which takes up changes a moment later, refuses the pod, and records what it says.
func (c refusalCase) awaitRefusal(t *testing.T, lab *cluster.Cluster, pod *corev1.Pod) {
	t.Helper()
	config := lab.RESTConfig()
	config.Impersonate.UserName = c.user
	config.WarningHandler = rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	var status apierrors.APIStatus
	eventually(t, 20*time.Second, func() error {
		_, err := client.CoreV1().Pods(pod.Namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if !errors.As(err, &status) {
			return errors.New("the pod is not refused: " + errorText(err))
		}
		return nil
	})
	if !*recordRefusals {
		return
	}
	text, err := json.MarshalIndent(status.Status(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	recorded := strings.ReplaceAll(string(text), lab.Dir(), "/lab") + "\n"
	writeFile(t, filepath.Join("..", "..", "shared", "dryrun", "testdata", c.name+".json"), recorded)
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func withCPU(limit string) podOption {
	return func(p *corev1.Pod) {
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(limit)}
	}
}

func withServiceAccount(name string) podOption {
	return func(p *corev1.Pod) { p.Spec.ServiceAccountName = name }
}

func withoutContainers(p *corev1.Pod) { p.Spec.Containers = nil }

func withWebhook(v verdict) func(*testing.T, *cluster.Cluster, string) {
	return func(t *testing.T, lab *cluster.Cluster, namespace string) { interpose(t, lab, namespace, v) }
}

// withBrokenWebhook answers with a patch that does not apply.
func withBrokenWebhook(t *testing.T, lab *cluster.Cluster, namespace string) {
	interpose(t, lab, namespace, func(*corev1.Pod) *admissionv1.AdmissionResponse {
		return patched(t, map[string]any{"/no/such/path": 1})
	})
}
