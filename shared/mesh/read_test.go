package mesh

import (
	"errors"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

	networkingapi "istio.io/api/networking/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	istionetworking "istio.io/client-go/pkg/apis/networking/v1beta1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// following is a cluster with revision 1-22, which its namespace shop follows. Only its faults are simulated here; what a
// sound cluster answers is for the tests with real ones.
func following(configMap *corev1.ConfigMap) *faulty.Cluster {
	return faulty.New("1-22", fixture.Injector("1-22"), configMap)
}

func read(t *testing.T, c *faulty.Cluster, options Options) (*Mesh, error) {
	t.Helper()
	return Read(t.Context(), c.Clients(), options)
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("not yours"))
}

func cart() proxy.Pod { return proxy.FromPod(fixture.Pod("shop/cart-1")) }

func gateway() proxy.Pod {
	return proxy.FromPod(fixture.Pod("shop/gw-1", fixture.Label("gateway.istio.io/managed", "istio.io-gateway-controller"),
		fixture.Label("gateway.networking.k8s.io/gateway-name", "gw"), fixture.Proxy("docker.io/istio/proxyv2:1.22.0")))
}

func TestWhatMayNotBeReadLeavesTheRestReadable(t *testing.T) {
	for _, c := range []struct {
		resource       string
		missing        string
		cart, gateway  injection.Outcome
		injectorsKnown bool
	}{
		{"mutatingwebhookconfigurations", "webhook configurations", injection.Unknown, injection.Unknown, false},
		{"namespaces", "namespaces", injection.Unknown, injection.Unknown, true},
		{"configmaps", "configmap istio-system/istio-sidecar-injector-1-22", injection.Unknown, injection.Unknown, true},
		{"proxyconfigs", "proxyconfigs", injection.Unknown, injection.NotInjected, true},
		{"gateways", "gateways", injection.Injected, injection.Unknown, true},
		{"validatingwebhookconfigurations", "validatingwebhookconfiguration istiod-default-validator", injection.Injected, injection.NotInjected, true},
		{"services", "services in istio-system", injection.Injected, injection.Unknown, true},
	} {
		t.Run(c.resource, func(t *testing.T) {
			f := following(fixture.ConfigMap("1-22", "1.22.0"))
			f.Fail(c.resource, forbidden(c.resource))
			m, err := read(t, f, Options{})
			if err != nil {
				t.Fatal(err)
			}
			// ConfigMaps are read by name, and listed for the defaults of Gateway classes.
			want := 1
			if c.resource == "configmaps" {
				want = 2
			}
			if gaps := m.Gaps(); len(gaps) != want || gaps[0].Missing != c.missing || !apierrors.IsForbidden(gaps[0].Err) {
				t.Errorf("gaps %v", gaps)
			}
			if m.InjectorsKnown() != c.injectorsKnown {
				t.Errorf("injectors known: %v", m.InjectorsKnown())
			}
			if d := m.Decide(cart()); d.Outcome != c.cart || d.Outcome == injection.Unknown && !strings.Contains(d.Reason, "cannot read "+c.missing) {
				t.Errorf("a pod: %+v", d)
			}
			if d := m.Decide(gateway()); d.Outcome != c.gateway {
				t.Errorf("a managed gateway: %+v", d)
			}
		})
	}
}

func TestAClusterThatFailsIsAnError(t *testing.T) {
	for resource, want := range map[string]string{
		"mutatingwebhookconfigurations": "reading webhook configurations: ", "namespaces": "reading namespaces: ",
		"configmaps": "reading configmap", "proxyconfigs": "reading proxyconfigs: ",
		"gateways": "reading gateways: ", "services": "reading services in istio-system: ",
		"validatingwebhookconfigurations": "reading validatingwebhookconfiguration istiod-default-validator: ",
	} {
		t.Run(resource, func(t *testing.T) {
			f := following(fixture.ConfigMap("1-22", "1.22.0"))
			f.Fail(resource, apierrors.NewInternalError(errors.New("etcd is gone")))
			if m, err := read(t, f, Options{}); err == nil || m != nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "etcd is gone") {
				t.Errorf("got %v, %v", m, err)
			}
		})
	}
}

func TestABrokenConfigMapIsOneControlPlanesMatter(t *testing.T) {
	for _, c := range []struct {
		rule, reason string
		change       func(*corev1.ConfigMap)
	}{
		{"without values", `ConfigMap istio-system/istio-sidecar-injector-1-22: key "values": global.hub, global.tag and global.proxy.image are all missing`,
			func(cm *corev1.ConfigMap) { delete(cm.Data, "values") }},
		{"not there", "ConfigMap istio-system/istio-sidecar-injector-1-22 does not exist", func(cm *corev1.ConfigMap) { cm.Name = "other" }},
	} {
		t.Run(c.rule, func(t *testing.T) {
			cm := fixture.ConfigMap("1-22", "1.22.0")
			c.change(cm)
			m, err := read(t, following(cm), Options{})
			if err != nil {
				t.Fatal(err)
			}
			d := m.Decide(cart())
			if d.Outcome != injection.Unknown || d.Reason != "namespace label istio.io/rev=1-22 -> revision 1-22: "+c.reason || len(m.Gaps()) != 0 {
				t.Errorf("got %+v, gaps %v", d, m.Gaps())
			}
			if v := m.ExpectedVersion(revision.ControlPlane{Namespace: "istio-system", Revision: "1-22"}); v != "" {
				t.Errorf("version %q", v)
			}
			if !m.Installed("1-22") || m.Installed("1-23") {
				t.Error("the revision is installed all the same")
			}
		})
	}
}

func TestAPodOfANamespaceThatWasNotThereIsUnknown(t *testing.T) {
	m, err := read(t, following(fixture.ConfigMap("1-22", "1.22.0")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	late := cart()
	late.Namespace = "late"
	if d := m.Decide(late); d != injection.UnknownDecision("namespace late was not there when namespaces were read") {
		t.Errorf("got %+v", d)
	}
}

func TestWhoMayReadNoNamespaceIsToldOfTheLesserRight(t *testing.T) {
	for namespace, want := range map[string]string{"": "to list", "shop": "to get"} {
		f := following(fixture.ConfigMap("1-22", "1.22.0"))
		for _, verb := range []string{"get", "list"} {
			f.Clients().Metadata.(*metadatafake.FakeMetadataClient).PrependReactor(verb, "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "", errors.New("not yours to "+verb))
			})
		}
		m, err := read(t, f, Options{Namespace: namespace})
		if err != nil {
			t.Fatal(err)
		}
		if gaps := m.Gaps(); len(gaps) != 1 || !strings.HasSuffix(gaps[0].Error(), want) {
			t.Errorf("of namespace %q, gaps %v, want one that ends in %q", namespace, gaps, want)
		}
	}
}

// add creates a ProxyConfig in the namespace shop.
func add(t *testing.T, f *faulty.Cluster, spec *networkingapi.ProxyConfig) {
	t.Helper()
	c := &istionetworking.ProxyConfig{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "c"}}
	c.Spec.Selector, c.Spec.Image = spec.Selector, spec.Image
	if _, err := f.Istio.NetworkingV1beta1().ProxyConfigs("shop").Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestProxyConfigsAreReadByNamespaceWhereTheClustersMayNotBe(t *testing.T) {
	debug := &networkingapi.ProxyImage{ImageType: "debug"}
	f := following(fixture.ConfigMap("1-22", "1.22.0"))
	add(t, f, &networkingapi.ProxyConfig{Image: debug})
	f.Istio.PrependReactor("list", "proxyconfigs", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return a.GetNamespace() == "", nil, forbidden("proxyconfigs")
	})
	m, err := read(t, f, Options{Namespace: "shop"})
	if err != nil || len(m.Gaps()) != 0 {
		t.Fatalf("gaps %v, %v", m.Gaps(), err)
	}
	if d := m.Decide(cart()); d.Image != "docker.io/istio/proxyv2:1.22.0-debug" {
		t.Errorf("got %+v", d)
	}
}

func TestAProxyConfigWhoseSelectorIsEmptyHoldsForNothing(t *testing.T) {
	f := following(fixture.ConfigMap("1-22", "1.22.0"))
	add(t, f, &networkingapi.ProxyConfig{
		Image: &networkingapi.ProxyImage{ImageType: "debug"}, Selector: &typeapi.WorkloadSelector{},
	})
	m, err := read(t, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d := m.Decide(cart()); d.Image != "docker.io/istio/proxyv2:1.22.0" {
		t.Errorf("got %+v", d)
	}
}

func TestAProxyConfigIsForTheRevisionOfItsLabel(t *testing.T) {
	const plain = "docker.io/istio/proxyv2:1.22.0"
	for _, c := range []struct {
		rule   string
		labels map[string]string
		want   string
	}{
		{"for all without one", map[string]string{"app": "x"}, plain + "-debug"},
		{"for its own", map[string]string{"istio.io/rev": "1-22"}, plain + "-debug"},
		{"for another", map[string]string{"istio.io/rev": "1-23"}, plain},
		{"for none where it is empty", map[string]string{"istio.io/rev": ""}, plain},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := following(fixture.ConfigMap("1-22", "1.22.0"))
			addTo(t, f, "shop", c.labels)
			m, err := read(t, f, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if d := m.Decide(cart()); d.Image != c.want {
				t.Errorf("got %+v, want image %s", d, c.want)
			}
		})
	}
}

// addTo creates in the namespace a ProxyConfig for the image type debug.
func addTo(t *testing.T, f *faulty.Cluster, namespace string, labels map[string]string) {
	t.Helper()
	c := &istionetworking.ProxyConfig{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "c", Labels: labels}}
	c.Spec.Image = &networkingapi.ProxyImage{ImageType: "debug"}
	if _, err := f.Istio.NetworkingV1beta1().ProxyConfigs(namespace).Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestTheRootNamespaceIsReadWhereDiscoverySelectorsMayLeaveItOut(t *testing.T) {
	const plain, selective = "docker.io/istio/proxyv2:1.22.0", "discoverySelectors: [{matchExpressions: [{key: istio.io/rev, operator: Exists}]}]"
	selected := map[string]string{"istio.io/rev": "1-22"}
	internal := apierrors.NewInternalError(errors.New("etcd is gone"))
	for _, c := range []struct {
		rule, mesh string
		namespace  string
		labels     map[string]string
		err        error
		reads      int
		image      string
		gap        string
		failure    string
	}{
		{"it is selected", selective, "shop", selected, nil, 1, plain + "-debug", "", ""},
		{"it is not", selective, "shop", nil, nil, 1, plain, "", ""},
		{"it is not there", selective, "shop", nil, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "istio-system"), 1, plain, "", ""},
		{"it may not be read", selective, "shop", nil, forbidden("namespaces"), 1, "", "namespace istio-system", ""},
		{"the cluster fails", selective, "shop", nil, internal, 1, "", "", "reading namespace istio-system: "},
		{"without selectors it need not be read", "", "shop", nil, internal, 0, plain + "-debug", "", ""},
		{"nor where all namespaces are", selective, "", nil, internal, 0, plain, "", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			mesh := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istio-1-22"}, Data: map[string]string{"mesh": c.mesh}}
			f := faulty.New("1-22", fixture.Injector("1-22"), fixture.ConfigMap("1-22", "1.22.0"), mesh)
			addTo(t, f, "istio-system", nil)
			reads := 0
			f.Clients().Metadata.(*metadatafake.FakeMetadataClient).PrependReactor("get", "namespaces", func(a clienttesting.Action) (bool, runtime.Object, error) {
				if a.(clienttesting.GetAction).GetName() != "istio-system" {
					return false, nil, nil
				}
				reads++
				return true, &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "istio-system", Labels: c.labels}}, c.err
			})
			m, err := read(t, f, Options{Namespace: c.namespace})
			if reads != c.reads {
				t.Errorf("read %d times, want %d", reads, c.reads)
			}
			if c.failure != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.failure) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			d := m.Decide(cart())
			if d.Image != c.image || (c.gap != "") != (d.Outcome == injection.Unknown) || !strings.Contains(d.Reason, c.gap) {
				t.Errorf("got %+v", d)
			}
			if gaps := m.Gaps(); (len(gaps) == 1) != (c.gap != "") || len(gaps) > 0 && gaps[0].Missing != c.gap {
				t.Errorf("gaps %v", gaps)
			}
		})
	}
}

func TestAGatewayIsDeployedByHandByItsAddresses(t *testing.T) {
	address := func(kind string) any { return map[string]any{"type": kind, "value": "x"} }
	for _, c := range []struct {
		rule      string
		addresses []any
		want      bool
	}{
		{"none", nil, false},
		{"an IP address", []any{address("IPAddress")}, false},
		{"one without a type", []any{map[string]any{"value": "10.0.0.1"}}, false},
		{"a host name", []any{address("Hostname")}, true},
		{"several, of whatever type", []any{address("IPAddress"), address("IPAddress")}, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := deployedByHand(c.addresses); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestControlPlanesAreThoseThatInjectorsCallEachOnce(t *testing.T) {
	elsewhere := fixture.Injector("1-22")
	elsewhere.Name = "elsewhere"
	byURL, url := fixture.Injector("managed"), "https://istiod.example.com"
	for i := range elsewhere.Webhooks {
		elsewhere.Webhooks[i].ClientConfig.Service.Namespace = "aks-istio-system"
	}
	for i := range byURL.Webhooks {
		byURL.Webhooks[i].ClientConfig = admissionv1.WebhookClientConfig{URL: &url}
	}
	f := faulty.New("", fixture.Injector("1-23"), fixture.Injector("1-22"), fixture.TagInjector("prod", "1-23"),
		fixture.TagInjector("left", "1-21"), elsewhere, byURL)
	m, err := read(t, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []revision.ControlPlane{{Revision: "managed"}, {Namespace: "aks-istio-system", Revision: "1-22"},
		{Namespace: "istio-system", Revision: "1-21"}, {Namespace: "istio-system", Revision: "1-22"}, {Namespace: "istio-system", Revision: "1-23"}}
	if got := m.ControlPlanes(); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}
