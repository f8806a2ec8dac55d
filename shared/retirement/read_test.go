package retirement

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// meshOf returns the control planes of revisions 1-22 and 1-23, and a tag of each.
func meshOf(more ...runtime.Object) []runtime.Object {
	return append([]runtime.Object{
		fixture.Injector("1-22"), fixture.Injector("1-23"), fixture.ConfigMap("1-22", "1.22.0"), fixture.ConfigMap("1-23", "1.23.0"),
		fixture.TagInjector("stable", "1-22"), fixture.TagInjector("canary", "1-23"),
	}, more...)
}

func rev(value string) map[string]string { return map[string]string{"istio.io/rev": value} }

func TestNamespacesFollowByLabelTagAndInjection(t *testing.T) {
	going := namespace("going", rev("1-22"))
	now := metav1.Now()
	going.DeletionTimestamp, going.Finalizers = &now, []string{"kubernetes"}
	f := in(meshOf(fixture.TagInjector("default", "1-22"), going,
		namespace("a", rev("stable")), namespace("b", rev("1-22")), namespace("c", map[string]string{"istio-injection": "enabled"}),
		namespace("d", rev("canary")), namespace("e", rev("1-23")), namespace("f", map[string]string{"istio-injection": "disabled", "istio.io/rev": "1-22"}),
		namespace("g", nil), namespace("h", rev("nowhere")))...).read(t)
	want := []Namespace{
		{"a", upgrade.Follows{Form: v1alpha1.ByTag, Tag: "stable", Revision: "1-22"}},
		{"b", upgrade.Follows{Form: v1alpha1.ByRevision, Revision: "1-22"}},
		{"c", upgrade.Follows{Form: v1alpha1.ByDefaultTag, Tag: "default", Revision: "1-22"}},
	}
	if !slices.Equal(f.Namespaces, want) {
		t.Errorf("got %+v", f.Namespaces)
	}
	if !f.Installed || f.Next != "1-23" || len(f.Gaps) > 0 {
		t.Errorf("got %+v", f)
	}
}

func TestTagsPointByWebhookAndByService(t *testing.T) {
	service := func(tag, revision, namespace string) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: "istiod-revision-tag-" + tag, Labels: map[string]string{"istio.io/tag": tag, "istio.io/rev": revision},
		}}
	}
	f := in(meshOf(service("stable", "1-22", "istio-system"), service("half", "1-22", "istio-system"), service("canary", "1-23", "istio-system"),
		service("other", "1-22", "istio-b"), validator("istiod-default-validator", "1-22", "istio-system"))...).read(t)
	want := []Tag{
		{"stable", []string{"MutatingWebhookConfiguration istio-revision-tag-stable", "Service istiod-revision-tag-stable"}},
		{"half", []string{"Service istiod-revision-tag-half"}},
	}
	if !reflect.DeepEqual(f.Tags, want) {
		t.Errorf("got %+v", f.Tags)
	}
	if f.Validator != "istiod-default-validator" {
		t.Errorf("validator %q", f.Validator)
	}
}

func validator(name, revision, istioNamespace string) *admissionv1.ValidatingWebhookConfiguration {
	return &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: rev(revision)},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name: "validation.istio.io", ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: istioNamespace, Name: "istiod"}},
		}},
	}
}

func TestAnotherMeshsRevisionOfTheNameIsItsOwn(t *testing.T) {
	other := fixture.Injector("1-22")
	other.Name += "-b"
	for i := range other.Webhooks {
		other.Webhooks[i].ClientConfig.Service.Namespace = "istio-b"
	}
	f := in(meshOf(other, validator("istiod-default-validator", "1-22", "istio-b"))...).read(t)
	if !slices.Equal(f.Namesakes, []string{"istio-b"}) || f.Validator != "" {
		t.Errorf("got %+v", f)
	}
}

func TestPodsAreCountedForEachWorkloadUnlessTheyHaveRunToTheirEnd(t *testing.T) {
	const old, image = "1-22", "docker.io/istio/proxyv2:1.22.0"
	cart := fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-5d")
	f := in(meshOf(namespace("shop", rev("1-23")), replicaSet("cart-5d", "cart"),
		fixture.Pod("shop/cart-1", cart, fixture.Injected(old, image)),
		fixture.Pod("shop/cart-2", cart, fixture.Injected(old, image), inPhase(corev1.PodPending)),
		fixture.Pod("shop/cart-3", cart, fixture.Injected("1-23", image)),
		fixture.Pod("shop/cart-4", cart, fixture.Injected(old, image), inPhase(corev1.PodFailed)),
		fixture.Pod("shop/bill-1", fixture.ControlledBy("batch/v1", "Job", "bill"), fixture.Injected(old, image), inPhase(corev1.PodSucceeded)),
		fixture.Pod("shop/bare", fixture.Injected(old, image)),
		fixture.Pod("shop/plain"))...).read(t)
	want := []Workload{{"shop", ref("Deployment", "cart"), 2}, {"shop", ref("Pod", "bare"), 1}}
	if !slices.Equal(f.Workloads, want) {
		t.Errorf("got %+v", f.Workloads)
	}
}

func TestTemplatesWhoseNextPodsItWouldInject(t *testing.T) {
	const byNamespace = "namespace label istio.io/rev=1-22 -> revision 1-22"
	const byPod = "pod label istio.io/rev=1-22 -> revision 1-22"
	busy := replicaSet("busy-5d", "busy")
	busy.Namespace = "none"
	f := in(meshOf(namespace("shop", rev("1-22")), namespace("new", rev("1-23")), namespace("none", nil), replicaSet("cart-5d", "cart"),
		fixture.Pod("shop/cart-1", fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-5d"), fixture.Injected("1-22", "proxyv2:1.22.0")),
		deployment("shop", "cart", 1, nil), deployment("shop", "moved", 2, nil), deployment("shop", "off", 0, nil),
		deployment("shop", "never", 0, map[string]string{"sidecar.istio.io/inject": "false"}),
		cronJob("shop", "night", nil), job("paused"), job("done", batchv1.JobComplete), job("broken", batchv1.JobFailed),
		cronJob("new", "night", nil), deployment("new", "labelled", 0, rev("1-22")),
		cronJob("none", "own", rev("1-22")), deployment("none", "runs", 3, rev("1-22")), cronJob("none", "plain", nil),
		// Restarted, its pods would come back to the revision.
		busy, deployment("none", "busy", 1, rev("stable")),
		fixture.Pod("none/busy-1", fixture.ControlledBy("apps/v1", "ReplicaSet", "busy-5d"), fixture.Injected("1-22", "proxyv2:1.22.0")))...).read(t)
	want := []Template{
		{"none", ref("CronJob", "own"), byPod, true, ""},
		{"none", ref("Deployment", "busy"), "pod label istio.io/rev=stable -> tag stable -> revision 1-22", true, "stable"},
		{"none", ref("Deployment", "runs"), byPod, true, ""},
		{"shop", ref("CronJob", "night"), byNamespace, false, ""},
		{"shop", ref("Deployment", "off"), byNamespace, false, ""},
		{"shop", ref("Job", "paused"), byNamespace, false, ""},
	}
	if !slices.Equal(f.Templates, want) {
		t.Errorf("got\n%+v\nwant\n%+v", f.Templates, want)
	}
	if !slices.Equal(f.Workloads, []Workload{{"none", ref("Deployment", "busy"), 1}, {"shop", ref("Deployment", "cart"), 1}}) {
		t.Errorf("got %+v", f.Workloads)
	}
}

func TestGatewaysThatIstiodKeepsAreToldAsSuch(t *testing.T) {
	kept := func(namespace, gateway, revision string) runtime.Object {
		d := deployment(namespace, gateway+"-istio", 1, map[string]string{
			"gateway.istio.io/managed": "istio.io-gateway-controller", "gateway.networking.k8s.io/gateway-name": gateway,
		})
		d.Spec.Template.Annotations["istio.io/rev"] = revision
		d.Spec.Template.Spec.Containers[0] = corev1.Container{Name: "istio-proxy", Image: "docker.io/istio/proxyv2:1.22.0"}
		return d
	}
	f := in(meshOf(namespace("shop", rev("1-22")), namespace("new", rev("1-23")), replicaSet("in-istio-5d", "in-istio"),
		gatewayObject("shop", "in", nil), gatewayObject("new", "out", nil), gatewayObject("new", "named", rev("1-22")), gatewayObject("new", "tagged", rev("stable")),
		gatewayObject("new", "other", rev("canary")),
		kept("shop", "in", "1-22"), kept("new", "out", "1-23"), kept("new", "named", "1-23"),
		fixture.Pod("shop/in-1", fixture.ControlledBy("apps/v1", "ReplicaSet", "in-istio-5d"), fixture.Label("gateway.istio.io/managed", "istio.io-gateway-controller"),
			fixture.Label("gateway.networking.k8s.io/gateway-name", "in"), fixture.Proxy("docker.io/istio/proxyv2:1.22.0"), fixture.Annotation("istio.io/rev", "1-22")))...).read(t)
	if want := []Managed{{"new", "named", "named-istio"}, {"shop", "in", "in-istio"}}; !slices.Equal(f.Managed, want) {
		t.Errorf("managed: got %+v", f.Managed)
	}
	if want := []Gateway{{"new", "named", "1-22", false}, {"new", "tagged", "stable", true}}; !slices.Equal(f.Gateways, want) {
		t.Errorf("labelled: got %+v", f.Gateways)
	}
	if len(f.Workloads) > 0 || len(f.Templates) > 0 {
		t.Errorf("got %+v, %+v", f.Workloads, f.Templates)
	}
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("not yours"))
}

func TestWhatMayNotBeReadIsANeedOfItsOwn(t *testing.T) {
	for resource, missing := range map[string]string{
		"mutatingwebhookconfigurations":   "webhook configurations",
		"validatingwebhookconfigurations": "validatingwebhookconfiguration istiod-default-validator",
		"namespaces":                      "namespaces",
		"gateways":                        "gateways",
		"services":                        "services in istio-system",
		"pods":                            "pods",
		"deployments":                     "deployments.apps in istio-system",
		"statefulsets":                    "the templates of statefulsets.apps",
		"daemonsets":                      "the templates of daemonsets.apps",
		"jobs":                            "the templates of jobs.batch",
		"cronjobs":                        "the templates of cronjobs.batch",
	} {
		t.Run(resource, func(t *testing.T) {
			w := in(meshOf(namespace("shop", nil))...)
			w.fail(resource, forbidden(resource))
			f := w.read(t)
			if len(f.Gaps) == 0 || !slices.ContainsFunc(f.Gaps, func(g gap) bool { return g.Missing == missing }) {
				t.Fatalf("gaps %v", f.Gaps)
			}
			needs := Decide(f)
			if needs[0].Kind != v1alpha1.NeedUnchecked || !strings.Contains(needs[0].Why, "not yours") {
				t.Errorf("got %v", needs)
			}
		})
	}
}

func TestAClusterThatFailsIsAnError(t *testing.T) {
	for _, resource := range []string{"mutatingwebhookconfigurations", "namespaces", "gateways", "pods", "cronjobs", "configmaps"} {
		w := in(meshOf(namespace("shop", nil))...)
		w.fail(resource, apierrors.NewInternalError(errors.New("etcd is gone")))
		if f, err := Read(t.Context(), w.clients(), Options{Revision: "1-22", IstioNamespace: "istio-system", Chunk: 500}); f != nil || err == nil || !strings.Contains(err.Error(), "etcd is gone") {
			t.Errorf("%s: got %v, %v", resource, f, err)
		}
	}
}

func TestEveryIstiodIsAskedWhoIsConnected(t *testing.T) {
	w := in(meshOf(istiodPod("a", "1-22", corev1.PodRunning), istiodPod("b", "1-22", corev1.PodRunning), istiodPod("c", "1-22", corev1.PodPending), istiodPod("d", "1-23", corev1.PodRunning))...)
	var asked []string
	w.istiod = func(at string) (int, string) {
		asked = append(asked, at)
		switch at {
		case "a:15014":
			return http.StatusOK, `[{"proxy":"cart-1.shop","proxy_type":"sidecar"},{"proxy":"cart-2.shop"},{"proxy":"cart-3.shop"},{"proxy":"cart-4.shop"}]`
		case "b:8080":
			return http.StatusOK, `[{"proxy":"cart-5.shop"},{"proxy":"cart-6.shop"}]`
		default:
			return http.StatusNotFound, ""
		}
	}
	c := w.read(t).Connected
	want := Connected{Proxies: 6, Some: []string{"cart-1.shop", "cart-2.shop", "cart-3.shop", "cart-4.shop", "cart-5.shop"}}
	if !reflect.DeepEqual(c, want) || !slices.Equal(asked, []string{"a:15014", "b:15014", "b:8080"}) {
		t.Errorf("got %+v, asked %v", c, asked)
	}
}

func TestAnIstiodThatCannotBeAskedIsNoSilentPass(t *testing.T) {
	for _, c := range []struct {
		rule   string
		answer func(string) (int, string)
		phase  corev1.PodPhase
		want   string
	}{
		{"it wants to know who asks", func(string) (int, string) { return http.StatusUnauthorized, "" }, corev1.PodRunning, "pod a: the server has asked for the client to provide credentials"},
		{"it may not be asked", func(string) (int, string) { return http.StatusForbidden, "" }, corev1.PodRunning, "pod a: "},
		{"it answers something else", func(string) (int, string) { return http.StatusOK, `{"kind":"Status"}` }, corev1.PodRunning, "pod a: its answer is not what istiod answers: it is no list"},
		{"its answer breaks off", func(string) (int, string) { return http.StatusOK, `[{"proxy":"cart-1.shop"},` }, corev1.PodRunning, "pod a: its answer is not what istiod answers: "},
		{"it does not run", nil, corev1.PodPending, "no pod of it runs in namespace istio-system"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := in(meshOf(istiodPod("a", "1-22", c.phase))...)
			w.istiod = c.answer
			f := w.read(t)
			if got := f.Connected; !strings.HasPrefix(got.Unasked, c.want) || got.Proxies != 0 {
				t.Errorf("got %+v", got)
			}
			if needs := Decide(f); needs[len(needs)-1].Kind != v1alpha1.NeedUnasked || needs[len(needs)-1].Blocks() {
				t.Errorf("got %v", needs)
			}
		})
	}
}

func TestWhereTheProxyIsRefusedAnotherWayIsTried(t *testing.T) {
	refuses := func(context.Context, string, string) (io.ReadCloser, error) { return nil, errors.New("who asks?") }
	answers := func(context.Context, string, string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(`[{"proxy":"cart-1.shop"}]`)), nil
	}
	forbids := func(context.Context, string, string) (io.ReadCloser, error) { return nil, errors.New("no forwarding") }
	var c Connected
	if err := c.askPod(t.Context(), []way{refuses, answers}, "a", none); err != nil || c.Proxies != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
	if err := c.askPod(t.Context(), []way{refuses, forbids}, "a", none); err == nil || err.Error() != "no forwarding" || c.Proxies != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func none(string) bool { return false }

// TestGatewaysOfAKSAreNoProxiesToWaitFor: they are connected until AKS removes them with the revision.
func TestGatewaysOfAKSAreNoProxiesToWaitFor(t *testing.T) {
	list := `[{"proxy":"aks-istio-ingressgateway-external-asm-1-22-7d4-x2.aks-istio-ingress"},{"proxy":"cart-1.shop"},{"proxy":"other-7d4-x2.aks-istio-ingress"}]`
	c, err := proxies(strings.NewReader(list), func(proxy string) bool { return aksKept(proxy, "asm-1-22") })
	if want := []string{"cart-1.shop", "other-7d4-x2.aks-istio-ingress"}; err != nil || c.Proxies != 2 || !slices.Equal(c.Some, want) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestNobodyConnectedIsAnAnswer(t *testing.T) {
	w := in(meshOf(istiodPod("a", "1-22", corev1.PodRunning))...)
	w.istiod = func(string) (int, string) { return http.StatusOK, "[]" }
	if c := w.read(t).Connected; !reflect.DeepEqual(c, Connected{}) {
		t.Errorf("got %+v", c)
	}
}
