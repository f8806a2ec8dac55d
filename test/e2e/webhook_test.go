package e2e

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// verdict is what a webhook of a test's own makes of a pod that is to be created.
type verdict func(*corev1.Pod) *admissionv1.AdmissionResponse

// changing lets the pod in as the function leaves it.
func changing(t *testing.T, change func(*corev1.Pod)) verdict {
	return func(p *corev1.Pod) *admissionv1.AdmissionResponse {
		change(p)
		return patched(t, map[string]any{"/metadata": p.ObjectMeta, "/spec": p.Spec})
	}
}

// patched lets the pod in with values replaced, by their path.
func patched(t *testing.T, values map[string]any) *admissionv1.AdmissionResponse {
	t.Helper()
	var operations []map[string]any
	for path, value := range values {
		operations = append(operations, map[string]any{"op": "replace", "path": path, "value": value})
	}
	patch, err := json.Marshal(operations)
	if err != nil {
		t.Error(err)
	}
	kind := admissionv1.PatchTypeJSONPatch
	return &admissionv1.AdmissionResponse{Allowed: true, Patch: patch, PatchType: &kind}
}

// denying refuses every pod.
func denying(message string) verdict {
	return func(*corev1.Pod) *admissionv1.AdmissionResponse {
		return &admissionv1.AdmissionResponse{Result: &metav1.Status{Message: message}}
	}
}

// sleeping answers too late: the API server waits for a second.
func sleeping(*corev1.Pod) *admissionv1.AdmissionResponse {
	time.Sleep(1500 * time.Millisecond)
	return &admissionv1.AdmissionResponse{Allowed: true}
}

// webhookName is the name of the tests' own webhook, in the API server's messages.
const webhookName = "after.lab.mesh.kubectl.dev"

// interpose registers, until the test ends, a webhook of the test's own for the pods that are created in the namespace.
// The API server calls it after Istio's, because it goes by the names of configurations. It returns once it is called.
func interpose(t *testing.T, lab *cluster.Cluster, namespace string, v verdict) {
	t.Helper()
	interposeAs(t, lab, "zz-after-istio-", namespace, v)
}

// interposeAs registers the webhook in a configuration whose name begins like this, which says when it is called.
func interposeAs(t *testing.T, lab *cluster.Cluster, name, namespace string, v verdict) {
	t.Helper()
	var calls atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		review(t, w, r, v)
	}))
	t.Cleanup(server.Close)
	configurations := lab.Client().AdmissionregistrationV1().MutatingWebhookConfigurations()
	c := webhookFor(namespace, server)
	c.Name = name + namespace
	if _, err := configurations.Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := configurations.Delete(context.Background(), c.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	probe := newPod(namespace, "probe")
	for deadline := time.Now().Add(20 * time.Second); calls.Load() == 0; time.Sleep(50 * time.Millisecond) {
		// What becomes of it does not matter: it may well be denied.
		_, err := ask(t.Context(), lab, probe)
		if time.Now().After(deadline) {
			t.Fatalf("the API server does not call the test's own webhook: %v", err)
		}
	}
}

func webhookFor(namespace string, server *httptest.Server) *registrationv1.MutatingWebhookConfiguration {
	none, fail, second := registrationv1.SideEffectClassNone, registrationv1.Fail, int32(1)
	return &registrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "zz-after-istio-" + namespace},
		Webhooks: []registrationv1.MutatingWebhook{{
			Name: webhookName,
			ClientConfig: registrationv1.WebhookClientConfig{
				URL:      &server.URL,
				CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
			},
			Rules: []registrationv1.RuleWithOperations{{
				Operations: []registrationv1.OperationType{registrationv1.Create},
				Rule:       registrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
			NamespaceSelector:       &metav1.LabelSelector{MatchLabels: labels{corev1.LabelMetadataName: namespace}},
			SideEffects:             &none,
			FailurePolicy:           &fail,
			TimeoutSeconds:          &second,
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
}

func review(t *testing.T, w http.ResponseWriter, r *http.Request, v verdict) {
	var asked admissionv1.AdmissionReview
	var pod corev1.Pod
	err := json.NewDecoder(r.Body).Decode(&asked)
	if err == nil {
		err = json.Unmarshal(asked.Request.Object.Raw, &pod)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := v(&pod)
	response.UID = asked.Request.UID
	if err := json.NewEncoder(w).Encode(admissionv1.AdmissionReview{TypeMeta: asked.TypeMeta, Response: response}); err != nil {
		// Whoever asked has gone: it was told too late.
		t.Logf("answering the API server: %v", err)
	}
}
