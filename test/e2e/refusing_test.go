package e2e

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// What follows makes the API server refuse the pods of a namespace.

// awaitServiceAccount waits until a new namespace takes pods.
func awaitServiceAccount(t *testing.T, lab *cluster.Cluster, namespace string) {
	t.Helper()
	eventually(t, patience, func() error {
		_, err := lab.Client().CoreV1().ServiceAccounts(namespace).Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
}

func withQuota(name corev1.ResourceName) func(*testing.T, *cluster.Cluster, string) {
	return func(t *testing.T, lab *cluster.Cluster, namespace string) {
		quota := &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "none"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{name: resource.MustParse("0")}},
		}
		quotas := lab.Client().CoreV1().ResourceQuotas(namespace)
		if _, err := quotas.Create(t.Context(), quota, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, 20*time.Second, func() error {
			q, err := quotas.Get(t.Context(), "none", metav1.GetOptions{})
			if err == nil && len(q.Status.Hard) == 0 {
				err = fmt.Errorf("the quota has no status yet")
			}
			return err
		})
	}
}

func withLimitRange(t *testing.T, lab *cluster.Cluster, namespace string) {
	limits := &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Name: "one"},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")},
		}}},
	}
	if _, err := lab.Client().CoreV1().LimitRanges(namespace).Create(t.Context(), limits, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// terminate deletes the namespace, and keeps it from going.
func terminate(t *testing.T, lab *cluster.Cluster, namespace string) {
	maps := lab.Client().CoreV1().ConfigMaps(namespace)
	held := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "held", Finalizers: []string{"lab.mesh.kubectl.dev/hold"}}}
	if _, err := maps.Create(t.Context(), held, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		held, err := maps.Get(context.Background(), "held", metav1.GetOptions{})
		if err == nil {
			held.Finalizers = nil
			_, err = maps.Update(context.Background(), held, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Error(err)
		}
	})
	deleteNamespace(t, lab, namespace)
}

func deleteNamespace(t *testing.T, lab *cluster.Cluster, namespace string) {
	t.Helper()
	if err := lab.Client().CoreV1().Namespaces().Delete(t.Context(), namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

func withoutNamespace(t *testing.T, lab *cluster.Cluster, namespace string) {
	deleteNamespace(t, lab, namespace)
	eventually(t, time.Minute, func() error {
		_, err := lab.Client().CoreV1().Namespaces().Get(t.Context(), namespace, metav1.GetOptions{})
		if err == nil {
			return fmt.Errorf("namespace %s is not gone", namespace)
		}
		return nil
	})
}

const policyManifest = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations: [{expression: "false", message: not here}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec:
  policyName: %[1]s
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}}
`

func withPolicy(t *testing.T, lab *cluster.Cluster, namespace string) {
	apply(t, lab, fmt.Sprintf(policyManifest, namespace))
	t.Cleanup(func() {
		for _, kind := range []string{"validatingadmissionpolicybinding", "validatingadmissionpolicy"} {
			if _, err := lab.Kubectl(context.Background(), "delete", kind, namespace); err != nil {
				t.Error(err)
			}
		}
	})
}

// withOutage stops the new revision's istiod until the test ends.
func withOutage(t *testing.T, lab *cluster.Cluster, _ string) {
	if err := lab.Outage("", newRevision); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Restore(context.Background(), "", newRevision); err != nil {
			t.Error(err)
		}
	})
}

// withWebhookGone registers a webhook that nobody answers any more.
func withWebhookGone(t *testing.T, lab *cluster.Cluster, namespace string) {
	server := httptest.NewTLSServer(nil)
	c := webhookFor(namespace, server)
	server.Close()
	configurations := lab.Client().AdmissionregistrationV1().MutatingWebhookConfigurations()
	if _, err := configurations.Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := configurations.Delete(context.Background(), c.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}
