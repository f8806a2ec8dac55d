package canary

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

// recorded is a mesh with two revisions, a gateway with a Service, and an upgrade whose record is just made.
func recorded(t *testing.T) *faulty.Cluster {
	t.Helper()
	istiod := func(rev string) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
			Namespace: fixture.IstioNamespace, Name: "istiod-" + rev, Labels: map[string]string{"app": "istiod", "istio.io/rev": rev},
		}}
	}
	shop := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: "shop", Labels: rev("prod")}}
	gw := fixture.Pod("shop/gw-5f-1", fixture.Injected("1-22", "proxyv2:1.22.0"), fixture.Label("app", "gw"), fixture.Label("pod-template-hash", "5f"),
		fixture.ControlledBy("apps/v1", "ReplicaSet", "gw-5f"))
	gw.Spec.Containers[1].Args = []string{"proxy", "router"}
	objects := []runtime.Object{
		fixture.Injector("1-22"), fixture.Injector("1-23"), fixture.TagInjector("prod", "1-22"), fixture.ConfigMap("1-22", "1.22.0"),
		istiod("1-22"), istiod("1-23"), shop, gw, fixture.Pod("shop/cart", fixture.Injected("1-22", "proxyv2:1.22.0")),
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "gw"},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "gw"}, ClusterIPs: []string{"10.0.0.1"}},
		},
	}
	c := faulty.New("prod", objects...)
	u := &v1alpha1.CanaryUpgrade{Phase: v1alpha1.PhaseStarted, From: "1-22", To: "1-23", IstioNamespace: fixture.IstioNamespace, StableTag: "prod"}
	u.Tags = []v1alpha1.UpgradeTag{{Name: "prod", Before: "1-22"}}
	hands := &upgradehands.Hands{Clients: c.Clients(), Namespace: fixture.IstioNamespace}
	if gaps, err := hands.RecordAddresses(t.Context(), u, pageSize); err != nil || len(gaps) > 0 {
		t.Fatalf("got %v, %v", gaps, err)
	}
	if err := upgradestore.New(c.Kube.CoreV1(), fixture.IstioNamespace).Save(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return c
}

func readMoment(t *testing.T, c *faulty.Cluster) *moment {
	t.Helper()
	m, err := newStatusReader(c.Clients(), fixture.IstioNamespace, pageSize).read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// wantLines wants lines of a status that begin so, with single spaces.
func wantLines(t *testing.T, m *moment, want ...string) {
	t.Helper()
	text := asPrinted(t, m, "")
	single := "\n" + strings.ReplaceAll(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' }), " "), " \n", "\n")
	for _, line := range want {
		if !strings.Contains(single, "\n"+line) {
			t.Errorf("there is no line %q:\n%s", line, text)
		}
	}
}

func TestAStatusIsRead(t *testing.T) {
	c := recorded(t)
	m := readMoment(t, c)
	if len(m.gaps) > 0 {
		t.Errorf("got %v", m.gaps)
	}
	wantLines(t, m, "1-22 unknown 0/1 prod", "1-23 unknown 0/1 -", "shop deployment/gw 0/1 1-22", "shop gw 10.0.0.1 the same",
		"shop to move 0/2 0/2 1-22 prod istio.io/rev=prod", "Next: kubectl mesh-canary advance shop --bare-pods=recreate # ")
	s, err := c.Kube.CoreV1().Services("shop").Get(t.Context(), "gw", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{Hostname: "lb.example"}}
	if _, err := c.Kube.CoreV1().Services("shop").Update(t.Context(), s, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	wantLines(t, readMoment(t, c), "shop gw lb.example differs: 10.0.0.1")
}

func TestAStatusSaysWhatMayNotBeRead(t *testing.T) {
	for _, f := range []struct {
		resource string
		in       []string
		want     []string
	}{
		{"services", []string{"", "shop"}, []string{"shop gw unknown 10.0.0.1", "shop deployment/gw 0/1 1-22", "warning: cannot read services"}},
		{"pods", []string{"", "shop"}, []string{"shop to move unknown unknown 1-22", "warning: cannot read pods"}},
		{"deployments", []string{"", "shop", fixture.IstioNamespace}, []string{"1-22 unknown unknown prod", "shop deployment/gw unknown 1-22", "warning: cannot read deployments"}},
		{"mutatingwebhookconfigurations", []string{""}, []string{"1-22 unknown 0/1 unknown", "shop gw 10.0.0.1 the same", "Next: unknown"}},
		{"namespaces", []string{""}, []string{"1-22 unknown 0/1 unknown", "Next: unknown", "warning: cannot read tags and namespaces"}},
	} {
		t.Run(f.resource, func(t *testing.T) {
			c := recorded(t)
			c.Refuse(f.resource, f.in...)
			m := readMoment(t, c)
			if len(m.gaps) == 0 {
				t.Error("there is no gap")
			}
			wantLines(t, m, f.want...)
		})
	}
}

func TestNothingButTheRecordIsReadWhereThereIsNone(t *testing.T) {
	c := faulty.New("prod")
	if m := readMoment(t, c); m.upgrade != nil || len(c.Kube.Actions()) != 1 {
		t.Errorf("got %+v after %v", m.upgrade, c.Kube.Actions())
	}
}

func TestAddressesAreRecordedOnce(t *testing.T) {
	c := recorded(t)
	u := readMoment(t, c).upgrade
	if len(u.Addresses) != 1 || u.Addresses[0].Service != "gw" || u.Addresses[0].Addresses[0] != "10.0.0.1" {
		t.Errorf("got %+v", u.Addresses)
	}
	asked := len(c.Kube.Actions())
	hands := &upgradehands.Hands{Clients: c.Clients(), Namespace: fixture.IstioNamespace}
	if gaps, err := hands.RecordAddresses(t.Context(), u, pageSize); err != nil || gaps != nil || len(c.Kube.Actions()) != asked {
		t.Errorf("got %v, %v and %d requests", gaps, err, len(c.Kube.Actions())-asked)
	}
}
