package gateways

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// running is a gateway's pod as "kind/owner revision", in namespace edge.
func running(text string) proxy.Pod {
	owner, revision, _ := strings.Cut(text, " ")
	kind, name, _ := strings.Cut(owner, "/")
	p := fixture.Pod("edge/"+name+"-1", fixture.Proxy("proxyv2", "proxy", "router"), fixture.Annotation("istio.io/rev", revision),
		fixture.Label("app", name), fixture.ControlledBy("apps/v1", kind, name))
	if revision == "" {
		p.Annotations = nil
	}
	if kind == "Deployment" {
		p.OwnerReferences = nil
		fixture.ControlledBy("apps/v1", "ReplicaSet", name+"-5f")(p)
		fixture.Label("pod-template-hash", "5f")(p)
	}
	return proxy.FromPod(p)
}

func TestWhichGatewaysAreOfTheRevisions(t *testing.T) {
	f := &Found{Deployments: []Deployment{
		{Namespace: "edge", Name: "a", Follows: true}, {Namespace: "edge", Name: "b"}, {Namespace: "edge", Name: "empty", Follows: true},
		{Namespace: "edge", Name: "others"}, {Namespace: "other", Name: "a"},
	}}
	var pods []proxy.Pod
	for _, text := range []string{
		"Deployment/a 1-22", "Deployment/a 1-23", "Deployment/b 1-22", "Deployment/others 1-21", "DaemonSet/d 1-23", "Deployment/unlisted 1-22", "DaemonSet/old 1-20", "Deployment/a ",
	} {
		pods = append(pods, running(text))
	}
	pods = append(pods, proxy.Pod{Namespace: "edge", Name: "bare", Annotations: map[string]string{"istio.io/rev": "1-22"}, Type: proxy.Gateway, Container: &proxy.Container{}})
	var got []string
	for _, g := range f.Of(pods, []string{"1-22", "1-23"}) {
		got = append(got, fmt.Sprint(g.Kind, "/", g.Name, " ", g.ByRevision, " ", g.Deployment != nil))
	}
	want := []string{
		"Deployment/a map[:1 1-22:1 1-23:1] true", "Deployment/b map[1-22:1] true", "Pod/bare map[1-22:1] false", "DaemonSet/d map[1-23:1] false",
		"Deployment/empty map[] true", "Deployment/unlisted map[1-22:1] false",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestWhichServicesLeadToGateways(t *testing.T) {
	labels := map[string]string{"app": "gw", "istio": "edge"}
	f := &Found{
		Deployments: []Deployment{{Namespace: "edge", Name: "gw", Labels: labels, Follows: true}},
		Services: []Service{
			{Namespace: "edge", Name: "b", Selector: map[string]string{"istio": "edge"}}, {Namespace: "edge", Name: "a", Selector: labels},
			{Namespace: "edge", Name: "b", Selector: map[string]string{"istio": "edge"}},
			{Namespace: "edge", Name: "other", Selector: map[string]string{"istio": "inner"}}, {Namespace: "edge", Name: "none"},
			{Namespace: "edge", Name: "more", Selector: map[string]string{"istio": "edge", "version": "2"}},
			{Namespace: "shop", Name: "a", Selector: labels},
		},
	}
	var got []string
	for _, s := range f.Reaching(f.Of(nil, nil)) {
		got = append(got, s.Namespace+"/"+s.Name)
	}
	if !reflect.DeepEqual(got, []string{"edge/a", "edge/b"}) {
		t.Errorf("got %v", got)
	}
}

func TestWhereAServiceIsReached(t *testing.T) {
	balanced := func(at ...corev1.LoadBalancerIngress) *corev1.Service {
		s := &corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, ClusterIPs: []string{"10.0.0.1"}}}
		s.Status.LoadBalancer.Ingress = at
		return s
	}
	for want, s := range map[string]*corev1.Service{
		"[1.1.1.1 2.2.2.2]":  balanced(corev1.LoadBalancerIngress{IP: "2.2.2.2"}, corev1.LoadBalancerIngress{IP: "1.1.1.1"}, corev1.LoadBalancerIngress{IP: "1.1.1.1"}),
		"[lb.example]":       balanced(corev1.LoadBalancerIngress{Hostname: "lb.example"}),
		"[10.0.0.1]":         balanced(),
		"[10.0.0.2 fd00::2]": {Spec: corev1.ServiceSpec{ClusterIPs: []string{"fd00::2", "10.0.0.2"}}},
		"[]":                 {Spec: corev1.ServiceSpec{ClusterIPs: []string{corev1.ClusterIPNone}}},
	} {
		if got := fmt.Sprint(addresses(s)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// asking is a Deployment whose pods ask for the gateway's template.
func asking(namespace, name string, labels map[string]string) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"inject.istio.io/templates": "gateway"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy", Image: "auto"}}},
		}},
		Status: appsv1.DeploymentStatus{ReadyReplicas: 1},
	}
}

func sound() *faulty.Cluster {
	app := asking("shop", "app", nil)
	app.Spec.Template.Annotations = nil
	app.Spec.Template.Spec.Containers[0].Name = "app"
	return faulty.New("1-22", fixture.Injector("1-22"), fixture.ConfigMap("1-22", "1.22.0"),
		asking("shop", "gw", map[string]string{"app": "gw"}), asking("shop", "off", map[string]string{"sidecar.istio.io/inject": "false"}),
		asking("unknown", "gw", nil), app,
		&corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "gw"},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "gw"}, ClusterIPs: []string{"10.0.0.1"}},
		})
}

func read(t *testing.T, c *faulty.Cluster) *Found {
	t.Helper()
	m, err := mesh.Read(t.Context(), c.Clients(), mesh.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(t.Context(), c.Clients(), m, Options{IstioNamespace: fixture.IstioNamespace, Revisions: []string{"1-22"}, Chunk: 500})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGatewaysAreReadWithWhatTheyFollow(t *testing.T) {
	f := read(t, sound())
	got := map[string]bool{}
	for _, d := range f.Deployments {
		got[d.Namespace+"/"+d.Name] = d.Follows
	}
	if want := map[string]bool{"shop/gw": true, "shop/off": false, "unknown/gw": false}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(f.Services) != 1 || f.Services[0].Addresses[0] != "10.0.0.1" {
		t.Errorf("got %+v", f.Services)
	}
	// Its namespace was not there when namespaces were read.
	if gaps := f.Gaps(); len(gaps) != 1 || !strings.Contains(gaps[0].Error(), "which revision Deployment gw in namespace unknown follows") {
		t.Errorf("got %v", gaps)
	}
}

func TestWhatMayNotBeReadIsAGap(t *testing.T) {
	c := sound()
	c.Refuse("services", "")
	c.Refuse("deployments", "", "shop")
	f := read(t, c)
	if f.NoDeployments == nil || f.NoServices != nil || len(f.Services) != 1 {
		t.Errorf("got %v and %v, Services %v", f.NoDeployments, f.NoServices, f.Services)
	}
}
