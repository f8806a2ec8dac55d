package preflight

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
)

// twoRevisions is a cluster with revisions 1-22 and 1-23, whose namespace shop follows the former. Only its faults are simulated
// here; what a sound cluster answers is for the tests with real ones.
func twoRevisions() *faulty.Cluster {
	objects := []runtime.Object{fixture.Injector("1-22"), fixture.Injector("1-23"), fixture.ConfigMap("1-22", "1.22.0"), fixture.ConfigMap("1-23", "1.23.0")}
	for _, rev := range []string{"1-22", "1-23"} {
		replicas := int32(1)
		objects = append(objects, &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istiod-" + rev, Labels: set{"app": "istiod", "istio.io/rev": rev}},
			Spec: appsv1.DeploymentSpec{Replicas: &replicas, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
				{Name: "discovery", Image: "docker.io/istio/pilot:" + strings.ReplaceAll(rev, "-", ".") + ".0"},
			}}}},
			Status: appsv1.DeploymentStatus{ReadyReplicas: 1, UpdatedReplicas: 1},
		})
	}
	return faulty.New("1-22", objects...)
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("not yours"))
}

func read(t *testing.T, c *faulty.Cluster) (*Facts, error) {
	t.Helper()
	return Read(t.Context(), c.Clients(), Options{To: "1-23", Chunk: 500})
}

// TestWhatMayNotBeReadIsAFinding: nothing is passed over in silence, and the rest is checked all the same.
func TestWhatMayNotBeReadIsAFinding(t *testing.T) {
	for resource, missing := range map[string]string{
		"namespaces": "namespaces", "configmaps": "configmap istio-system/istio-1-23", "pods": "pods",
		"deployments": "deployments of istiod in namespace istio-system", "statefulsets": "statefulsets", "cronjobs": "cronjobs",
		"poddisruptionbudgets": "poddisruptionbudgets", "horizontalpodautoscalers": "horizontalpodautoscalers",
		"envoyfilters": "envoyfilters", "virtualservices": "virtualservices", "gateways": "gateways", "replicasets": "replicasets",
	} {
		t.Run(resource, func(t *testing.T) {
			c := twoRevisions()
			c.Fail(resource, forbidden(resource))
			facts, err := read(t, c)
			if err != nil {
				t.Fatal(err)
			}
			var unchecked []string
			for _, f := range Check(*facts) {
				if f.Category == v1alpha1.Unchecked {
					unchecked = append(unchecked, f.Message)
				}
			}
			says := func(text string) bool {
				return strings.HasPrefix(text, "could not be checked: cannot read "+missing+": ")
			}
			if !slices.ContainsFunc(unchecked, says) {
				t.Errorf("nothing says that %s are missing: %q", missing, unchecked)
			}
		})
	}
}

func TestWithoutWebhookConfigurationsNothingIsTold(t *testing.T) {
	c := twoRevisions()
	c.Fail("mutatingwebhookconfigurations", forbidden("mutatingwebhookconfigurations"))
	_, err := read(t, c)
	if err == nil || !strings.HasPrefix(err.Error(), "nothing can be told: cannot read webhook configurations: ") {
		t.Errorf("got %v", err)
	}
}

func TestAClusterThatFailsEndsTheReading(t *testing.T) {
	for _, resource := range []string{"pods", "deployments", "poddisruptionbudgets", "configmaps", "namespaces"} {
		t.Run(resource, func(t *testing.T) {
			c := twoRevisions()
			c.Fail(resource, errors.New("broken"))
			if _, err := read(t, c); err == nil || !strings.Contains(err.Error(), "broken") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAKindThatTheClusterLacksHasNoObjects(t *testing.T) {
	c := twoRevisions()
	for _, resource := range []string{"envoyfilters", "virtualservices", "gateways"} {
		c.Fail(resource, apierrors.NewNotFound(schema.GroupResource{Resource: resource}, ""))
	}
	facts, err := read(t, c)
	if err != nil || len(facts.Gaps) > 0 {
		t.Errorf("%v, gaps %v", err, facts)
	}
}

func TestAKindThatOlderClustersServeInAnotherVersionIsAGap(t *testing.T) {
	c := twoRevisions()
	c.Fail("poddisruptionbudgets", apierrors.NewNotFound(schema.GroupResource{Resource: "poddisruptionbudgets"}, ""))
	facts, err := read(t, c)
	if err != nil || len(facts.Gaps) != 1 || facts.Gaps[0].Missing != "poddisruptionbudgets" {
		t.Errorf("%v, gaps %v", err, facts.Gaps)
	}
}

// TestWaitingForTheTargetReadsNothingElse: it is asked again and again.
func TestWaitingForTheTargetReadsNothingElse(t *testing.T) {
	scaled := func(c *faulty.Cluster) {
		istiod, err := c.Kube.AppsV1().Deployments("istio-system").Get(t.Context(), "istiod-1-23", metav1.GetOptions{})
		if err == nil {
			istiod.Status.ReadyReplicas = 0
			_, err = c.Kube.AppsV1().Deployments("istio-system").Update(t.Context(), istiod, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []struct {
		rule, to string
		change   func(*faulty.Cluster)
		want     string
	}{
		{"it serves", "1-23", func(*faulty.Cluster) {}, ""},
		{"it is not ready", "1-23", scaled, "0 of 1 replica of istiod are ready"},
		{"it is not installed", "1-24", func(*faulty.Cluster) {}, "revision 1-24 is not installed: no injector is its own"},
	} {
		t.Run(s.rule, func(t *testing.T) {
			c := twoRevisions()
			s.change(c)
			for _, resource := range []string{
				"replicasets", "jobs", "statefulsets", "daemonsets", "cronjobs", "poddisruptionbudgets", "horizontalpodautoscalers", "envoyfilters", "virtualservices",
			} {
				c.Fail(resource, errors.New("not to be read"))
			}
			c.OnList("pods", func() error { return errors.New("not to be read") })
			got, err := Missing(t.Context(), c.Clients(), Options{To: s.to, From: "1-22", Chunk: 500})
			if err != nil || got != s.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestWaitingForTheTargetEndsWithAClusterThatFails(t *testing.T) {
	for _, resource := range []string{"mutatingwebhookconfigurations", "deployments"} {
		c := twoRevisions()
		c.Fail(resource, errors.New("broken"))
		if _, err := Missing(t.Context(), c.Clients(), Options{To: "1-23", From: "1-22", Chunk: 500}); err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("%s: got %v", resource, err)
		}
	}
}
