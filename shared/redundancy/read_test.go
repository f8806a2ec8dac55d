package redundancy

import (
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
)

// gateway is a Deployment of the gateway chart, in the namespace shop.
func gateway(name string, labels, annotations map[string]string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy", Image: "auto"}}},
		}},
	}
}

func read(t *testing.T, f *faulty.Cluster) ([]Deployment, []cluster.Gap) {
	t.Helper()
	m, err := mesh.Read(t.Context(), f.Clients(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found, gaps, err := Read(t.Context(), f.Clients(), m, Options{IstioNamespace: "istio-system", Revisions: []string{"1-22"}, Chunk: 500})
	if err != nil {
		t.Fatal(err)
	}
	return found, gaps
}

func sound() []runtime.Object {
	asks := map[string]string{"inject.istio.io/templates": "gateway"}
	other := istiod(1)
	other.Name, other.Labels = "istiod-1-23", map[string]string{"app": "istiod", "istio.io/rev": "1-23"}
	elsewhere := istiod(1)
	elsewhere.Namespace = "other"
	return []runtime.Object{
		fixture.Injector("1-22"), fixture.ConfigMap("1-22", "1.22.0"), istiod(1), other, elsewhere, scaler(new(int32(1))),
		gateway("ingress", nil, asks), gateway("refused", map[string]string{"sidecar.istio.io/inject": "false"}, asks), gateway("cart", nil, nil),
	}
}

func TestControlPlaneAndGatewaysAreFound(t *testing.T) {
	found, gaps := read(t, faulty.New("1-22", sound()...))
	if len(gaps) > 0 || len(found) != 2 {
		t.Fatalf("got %+v, gaps %v", found, gaps)
	}
	if d := found[0]; d.Name != "istiod" || d.Replicas != 1 || len(d.Autoscalers) != 1 || d.Autoscalers[0] != (Autoscaler{"scaler", 1, 5}) {
		t.Errorf("got %+v", d)
	}
	if d := found[1]; d.Namespace != "shop" || d.Name != "ingress" || d.Replicas != 1 || len(d.Autoscalers) > 0 || d.Unknown != "" {
		t.Errorf("got %+v", d)
	}
}

func TestWhereHPAsMayNotBeReadNothingIsKnownWellEnough(t *testing.T) {
	f := faulty.New("1-22", sound()...)
	f.Fail("horizontalpodautoscalers", apierrors.NewForbidden(schema.GroupResource{Resource: "horizontalpodautoscalers"}, "", errors.New("no")))
	found, _ := read(t, f)
	if len(found) != 2 {
		t.Fatalf("got %+v", found)
	}
	for _, d := range found {
		if !strings.HasPrefix(d.Unknown, "cannot read horizontalpodautoscalers in namespace "+d.Namespace) {
			t.Errorf("got %+v", d)
		}
	}
}

func TestWhatMayNotBeReadIsAGap(t *testing.T) {
	f := faulty.New("1-22", sound()...)
	f.Fail("deployments", apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, "", errors.New("no")))
	if found, gaps := read(t, f); len(found) > 0 || len(gaps) != 1 || gaps[0].Missing != "deployments.apps" {
		t.Errorf("got %+v, %v", found, gaps)
	}
}
