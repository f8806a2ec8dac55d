package controlplane

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func istiod(rev, image string, labels map[string]string) *appsv1.Deployment {
	l := map[string]string{"app": "istiod", "istio.io/rev": rev}
	for k, v := range labels {
		l[k] = v
	}
	replicas := int32(2)
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istiod-" + rev, Labels: l, Generation: 2, CreationTimestamp: metav1.NewTime(noon)},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "helper", Image: "example.com/helper:9.9.9"}, {Name: "discovery", Image: image},
		}}}},
		Status: appsv1.DeploymentStatus{ReadyReplicas: 1, UpdatedReplicas: 2, ObservedGeneration: 2},
	}
}

func TestTheVersionIsThatOfTheDiscoveryImageElseALabels(t *testing.T) {
	const label, operator = "app.kubernetes.io/version", "operator.istio.io/version"
	for _, c := range []struct {
		image  string
		labels map[string]string
		want   string
	}{
		{"docker.io/istio/pilot:1.22.0", map[string]string{label: "1.0.0"}, "1.22.0"},
		{"mcr.microsoft.com/oss/istio/pilot:1.22.1-distroless", nil, "1.22.1"},
		{"gcr.io/asm/pilot:1.18.2-asm.2", nil, "1.18.2-asm.2"},
		{"docker.io/istio/pilot@sha256:" + strings.Repeat("a", 64), map[string]string{label: "1.23.0"}, "1.23.0"},
		{"docker.io/istio/pilot:latest", map[string]string{operator: "1.21.0"}, "1.21.0"},
		{"docker.io/istio/pilot:latest", map[string]string{operator: "unknown"}, ""},
		{"docker.io/istio/pilot", nil, ""},
	} {
		if got := deploymentOf(istiod("1-22", c.image, c.labels)).Version; got != c.want {
			t.Errorf("%s %v: %q, want %q", c.image, c.labels, got, c.want)
		}
	}
}

func TestWhoseADeploymentIs(t *testing.T) {
	plain := *istiod("", "docker.io/istio/pilot:1.20.0", nil)
	plain.Name = "istiod"
	delete(plain.Labels, "istio.io/rev")
	second := *istiod("1-22", "docker.io/istio/pilot:1.99.0", nil)
	second.Name = "zz"
	got := DeploymentsOf([]appsv1.Deployment{second, plain, *istiod("1-22", "docker.io/istio/pilot:1.22.0", nil)})
	want := Deployments{
		{Namespace: "istio-system", Revision: "default"}: {Name: "istiod", Version: "1.20.0", Replicas: 2, Ready: 1, Updated: 2, Observed: true, Created: noon},
		{Namespace: "istio-system", Revision: "1-22"}:    {Name: "istiod-1-22", Version: "1.22.0", Replicas: 2, Ready: 1, Updated: 2, Observed: true, Created: noon},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

func plane(namespace, rev, version string) Plane {
	return Plane{ControlPlane: revision.ControlPlane{Namespace: namespace, Revision: rev}, Deployment: &Deployment{Version: version}}
}

func TestToWhichRevisionOneMayMove(t *testing.T) {
	for _, c := range []struct {
		rule      string
		namespace string
		versions  []string
		want      string
	}{
		{"two up", "istio-system", []string{"1.22.0", "1.24.0"}, "yes: 1.22.0 to 1.24.0 is two minor versions up"},
		{"two up on AKS", "aks-istio-system", []string{"1.22.0", "1.24.0"}, "no: 1.22.0 to 1.24.0 is two minor versions up; on AKS it may be one at most: go to 1.23 first"},
		{"an unknown one", "istio-system", []string{"1.22.0", ""}, "no: one of the two versions is unknown"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			planes := []Plane{plane(c.namespace, "a", c.versions[0]), plane(c.namespace, "b", c.versions[1]), plane("another-mesh", "c", "1.23.0")}
			moves := Moves(planes[0], planes)
			if len(moves) != 1 || moves[0].To.Revision != "b" {
				t.Fatalf("got %+v", moves)
			}
			got := "no: " + moves[0].Why
			if moves[0].Allowed {
				got = "yes: " + moves[0].Why
			}
			if got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func twoRevisions() *faulty.Cluster {
	return faulty.New("prod", fixture.Injector("1-22"), fixture.Injector("1-23"), fixture.TagInjector("prod", "1-22"),
		fixture.ConfigMap("1-22", "1.22.0"), fixture.ConfigMap("1-23", "1.23.0"), istiod("1-22", "docker.io/istio/pilot:1.22.0", nil),
		fixture.Pod("shop/a", fixture.Injected("1-22", "docker.io/istio/proxyv2:1.22.0")), fixture.Pod("shop/b"))
}

func TestWhatIsInstalled(t *testing.T) {
	got, err := Read(t.Context(), twoRevisions().Clients(), Options{Chunk: 500})
	if err != nil || len(got.Gaps) > 0 || len(got.Planes) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	without, with := got.Planes[0], got.Planes[1]
	if with.Revision != "1-22" || with.Version() != "1.22.0" || !reflect.DeepEqual(with.Tags, []string{"prod"}) || with.Namespaces != 1 || with.Pods != 1 ||
		with.Image != "docker.io/istio/proxyv2:1.22.0" || !with.Created.Equal(noon) {
		t.Errorf("got %+v", with)
	}
	if without.Revision != "1-23" || without.Version() != "" || without.Deployment != nil || without.Namespaces != 0 || without.Pods != 0 {
		t.Errorf("got %+v", without)
	}
}

func TestWhatMayNotBeReadIsAGap(t *testing.T) {
	for resource, missing := range map[string]string{
		"pods": "pods", "deployments": "deployments of istiod in namespace istio-system", "namespaces": "namespaces",
	} {
		c := twoRevisions()
		c.Fail(resource, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("not yours")))
		got, err := Read(t.Context(), c.Clients(), Options{Chunk: 500})
		if err != nil || len(got.Planes) != 2 || len(got.Gaps) == 0 || got.Gaps[0].Missing != missing {
			t.Errorf("%s: %+v, %v", resource, got, err)
		}
	}
}

func TestTwoMeshesMayUseOneNameOfARevision(t *testing.T) {
	here, there := revision.ControlPlane{Namespace: "a", Revision: "1-22"}, revision.ControlPlane{Namespace: "b", Revision: "1-22"}
	would := func(owner revision.ControlPlane) func() revision.ControlPlane {
		return func() revision.ControlPlane { return owner }
	}
	both := []revision.ControlPlane{here, there}
	for _, c := range []struct {
		rev  string
		now  revision.ControlPlane
		want revision.ControlPlane
	}{
		{"1-22", there, there}, {"1-22", revision.ControlPlane{}, here}, {"1-21", there, revision.ControlPlane{Revision: "1-21"}},
	} {
		if got := ownerOf(c.rev, both, would(c.now)); got != c.want {
			t.Errorf("%+v: got %+v", c, got)
		}
	}
}
