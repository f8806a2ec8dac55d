package proxy

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

const (
	image    = "docker.io/istio/proxyv2:1.22.0"
	status   = "sidecar.istio.io/status"
	override = "proxy.istio.io/overrides"
	managed  = "gateway.istio.io/managed"
)

func initProxy(p *corev1.Pod) {
	p.Spec.InitContainers = append(p.Spec.InitContainers, corev1.Container{Name: ContainerName, Image: image})
}

func cni(p *corev1.Pod) {
	p.Spec.Containers[0] = corev1.Container{Name: "install-cni", Image: "docker.io/istio/install-cni:1.22.0"}
}

func TestTheProxyOfAPodIsFound(t *testing.T) {
	agent := &Container{Image: "docker.io/istio/install-cni:1.22.0"}
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		role    Type
		want    *Container
	}{
		{"a pod without one", nil, Sidecar, nil},
		{"a sidecar among the containers", []fixture.PodOption{fixture.Proxy(image, "proxy", "sidecar")}, Sidecar, &Container{Image: image}},
		{"a native sidecar among the init containers", []fixture.PodOption{fixture.NativeProxy(image)}, Sidecar, &Container{Image: image, Native: true}},
		{"an init container that ends is no native sidecar", []fixture.PodOption{initProxy}, Sidecar, &Container{Image: image}},
		{"a router is a gateway", []fixture.PodOption{fixture.Proxy(image, "proxy", "router")}, Gateway, &Container{Image: image}},
		{"a gateway of the Gateway API", []fixture.PodOption{fixture.Label(managed, "istio.io-gateway-controller"), fixture.Proxy(image)}, Gateway, &Container{Image: image}},
		{"an east-west gateway of ambient mode", []fixture.PodOption{fixture.Label(managed, "istio.io-eastwest-controller"), fixture.Proxy(image)}, Gateway, &Container{Image: image}},
		{"a waypoint", []fixture.PodOption{fixture.Label(managed, "istio.io-mesh-controller"), fixture.Proxy(image)}, Waypoint, &Container{Image: image}},
		{"a managed gateway of another proxy", []fixture.PodOption{fixture.Label(managed, "istio.io-gateway-controller")}, Gateway, nil},
		{"ztunnel", []fixture.PodOption{fixture.Label("app", "ztunnel"), fixture.Proxy(image, "proxy", "ztunnel")}, Ztunnel, &Container{Image: image}},
		{"an application that is called ztunnel", []fixture.PodOption{fixture.Label("app", "ztunnel"), fixture.Injected("1-22", image)}, Sidecar, &Container{Image: image}},
		{"the CNI agent", []fixture.PodOption{fixture.Label("k8s-app", "istio-cni-node"), cni}, CNI, agent},
		{"another container of that name", []fixture.PodOption{cni}, Sidecar, nil},
		{"the agent of another network", []fixture.PodOption{fixture.Label("k8s-app", "calico-node"), cni}, Sidecar, nil},
		{"a pod of that label without the container", []fixture.PodOption{fixture.Label("k8s-app", "istio-cni-node")}, Sidecar, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := FromPod(fixture.Pod("shop/cart-1", c.options...))
			if got.Type != c.role || (got.Container == nil) != (c.want == nil) || c.want != nil && *got.Container != *c.want {
				t.Errorf("%s, %+v; want %s, %+v", got.Type, got.Container, c.role, c.want)
			}
		})
	}
}

func TestAPodIsReadIntoPlainValues(t *testing.T) {
	pod := fixture.Pod("shop/cart-1", fixture.Label("app", "cart"), fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-7d"),
		func(p *corev1.Pod) {
			p.Spec.NodeName, p.Spec.HostNetwork = "node-1", true
			p.Status.Conditions = []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionFalse}, {Type: corev1.PodReady, Status: corev1.ConditionTrue},
			}
		})
	got := FromPod(pod)
	if got.Namespace != "shop" || got.Name != "cart-1" || got.Node != "node-1" || !got.HostNetwork || !got.Ready ||
		got.Phase != corev1.PodRunning || got.Labels["app"] != "cart" || got.Controller.Name != "cart-7d" {
		t.Errorf("got %+v", got)
	}
	bare := FromPod(fixture.Pod("shop/bare"))
	if bare.Controller != nil || bare.Ready || bare.Managed() {
		t.Errorf("got %+v", bare)
	}
}

func TestAPodSaysSinceWhenItIsReady(t *testing.T) {
	created, since := metav1.Unix(1700000000, 0), metav1.Unix(1700000007, 0)
	for _, c := range []struct {
		rule       string
		conditions []corev1.PodCondition
		want       time.Time
	}{
		{"since the condition is true", []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: since}}, since.Time},
		{"not where it is false", []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse, LastTransitionTime: since}}, time.Time{}},
		{"nor where another is true", []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: since}}, time.Time{}},
		{"nor where none says", nil, time.Time{}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := FromPod(fixture.Pod("shop/cart-1", func(p *corev1.Pod) {
				p.UID, p.CreationTimestamp, p.Status.Conditions = "u", created, c.conditions
			}))
			if got.UID != "u" || !got.Created.Equal(created.Time) || !got.ReadySince.Equal(c.want) || got.Ready == c.want.IsZero() {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAPodHasRunToItsEnd(t *testing.T) {
	for phase, want := range map[corev1.PodPhase]bool{
		corev1.PodSucceeded: true, corev1.PodFailed: true, corev1.PodRunning: false, corev1.PodPending: false, corev1.PodUnknown: false,
	} {
		if got := (Pod{Phase: phase}).Terminal(); got != want {
			t.Errorf("%s: %v, want %v", phase, got, want)
		}
	}
}

func TestAContainerThatStillAsksForTheAutoImageIsNoProxy(t *testing.T) {
	for _, c := range []struct {
		options []fixture.PodOption
		want    bool
	}{{nil, false}, {[]fixture.PodOption{fixture.Proxy("auto")}, false}, {[]fixture.PodOption{fixture.NativeProxy("auto")}, false},
		{[]fixture.PodOption{fixture.Proxy(image)}, true}} {
		pod := FromPod(fixture.Pod("shop/cart-1", c.options...))
		if pod.HasProxy() != c.want {
			t.Errorf("%+v has a proxy: %v", pod.Container, pod.HasProxy())
		}
	}
}

func TestAManagedGatewayKnowsItsGateway(t *testing.T) {
	const name, oldName = "gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		want    string
	}{
		{"by its label", []fixture.PodOption{fixture.Label(name, "gw")}, "gw"},
		{"by the label of older releases", []fixture.PodOption{fixture.Label(oldName, "old")}, "old"},
		{"the newer label is stronger", []fixture.PodOption{fixture.Label(name, "gw"), fixture.Label(oldName, "old")}, "gw"},
		{"none", nil, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			pod := FromPod(fixture.Pod("shop/gw-1", append(c.options, fixture.Label(managed, "istio.io-gateway-controller"))...))
			if !pod.Managed() || pod.GatewayName() != c.want {
				t.Errorf("managed %v, Gateway %q", pod.Managed(), pod.GatewayName())
			}
		})
	}
}

func TestAProxyIsInThePodsOwnTemplateWhereNothingInjectedIt(t *testing.T) {
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		want    bool
	}{
		{"no proxy", nil, false},
		{"a proxy", []fixture.PodOption{fixture.Proxy(image)}, true},
		{"a native one", []fixture.PodOption{fixture.NativeProxy(image)}, true},
		{"one with a revision of its own", []fixture.PodOption{fixture.Proxy(image), fixture.Annotation("istio.io/rev", "1-22")}, true},
		{"one that was injected", []fixture.PodOption{fixture.Injected("1-22", image)}, false},
		{"a malformed status is one all the same", []fixture.PodOption{fixture.Proxy(image), fixture.Annotation(status, "")}, false},
		{"a container that asks for the auto image", []fixture.PodOption{fixture.Proxy(AutoImage)}, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := FromPod(fixture.Pod("shop/cart-1", c.options...)).InOwnTemplate(); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestAPodThatHasBeenDeletedIsTerminating(t *testing.T) {
	deleted := fixture.Pod("shop/cart-1", func(p *corev1.Pod) { now := metav1.Now(); p.DeletionTimestamp = &now })
	if !FromPod(deleted).Terminating || FromPod(fixture.Pod("shop/cart-1")).Terminating {
		t.Error("the deletion's time says so")
	}
}

func TestTheRevisionOfAProxy(t *testing.T) {
	proxyAnd := func(more ...fixture.PodOption) []fixture.PodOption { return append(more, fixture.Proxy(image)) }
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		want    string
	}{
		{"the annotation istio.io/rev", proxyAnd(fixture.Annotation("istio.io/rev", "1-22")), "1-22"},
		{"the annotation before the status", proxyAnd(fixture.Annotation("istio.io/rev", "1-22"), fixture.Annotation(status, `{"revision":"1-9"}`)), "1-22"},
		{"the status where there is no annotation", proxyAnd(fixture.Annotation(status, `{"revision":"1-9"}`)), "1-9"},
		{"a status of before revisions", proxyAnd(fixture.Annotation(status, `{"version":"0a1b","containers":["istio-proxy"]}`)), "default"},
		{"a status of before it had a revision, and the label", proxyAnd(fixture.Annotation(status, `{"version":"0a1b"}`), fixture.Label("istio.io/rev", "1-6")), "1-6"},
		{"the status before the label", proxyAnd(fixture.Annotation(status, `{"revision":"1-9"}`), fixture.Label("istio.io/rev", "prod")), "1-9"},
		{"a malformed status", proxyAnd(fixture.Annotation(status, `{`)), ""},
		{"a malformed status, whatever the label", proxyAnd(fixture.Annotation(status, `{`), fixture.Label("istio.io/rev", "1-6")), ""},
		{"the pod's label is a wish, not a fact", proxyAnd(fixture.Label("istio.io/rev", "1-22")), ""},
		{"a proxy that was not injected", proxyAnd(), ""},
		{"a pod without a proxy", []fixture.PodOption{fixture.Annotation("istio.io/rev", "1-22")}, ""},
		{"a proxy that was never injected", []fixture.PodOption{fixture.Proxy("auto"), fixture.Annotation("istio.io/rev", "1-22")}, ""},
		{"ztunnel has none", proxyAnd(fixture.Label("app", "ztunnel"), fixture.Annotation("istio.io/rev", "1-22")), ""},
		{"the CNI agent has none", []fixture.PodOption{fixture.Label("k8s-app", "istio-cni-node"), cni, fixture.Annotation("istio.io/rev", "1-22")}, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := FromPod(fixture.Pod("shop/cart-1", c.options...)).Revision(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestARevisionLabelMayBeInjectedWhereNothingElseNamesTheRevision(t *testing.T) {
	labelled := fixture.Label("istio.io/rev", "1-9")
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		want    bool
	}{
		{"injected by 1.6 to 1.8", []fixture.PodOption{labelled, fixture.Annotation(status, `{"version":"0a1b","containers":["istio-proxy"]}`)}, true},
		{"injected by 1.9 and 1.10", []fixture.PodOption{labelled, fixture.Annotation(status, `{"containers":["istio-proxy"]}`)}, true},
		{"injected before, without a label", []fixture.PodOption{fixture.Annotation(status, `{"version":"0a1b"}`)}, false},
		{"injected since 1.11", []fixture.PodOption{labelled, fixture.Annotation(status, `{"revision":"1-11"}`)}, false},
		{"injected, and annotated with it", []fixture.PodOption{labelled, fixture.Annotation(status, `{}`), fixture.Annotation("istio.io/rev", "1-22")}, false},
		{"never injected", []fixture.PodOption{labelled}, false},
		{"a malformed status", []fixture.PodOption{labelled, fixture.Annotation(status, `{`)}, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := FromPod(fixture.Pod("shop/cart-1", c.options...)).RevisionLabelMayBeInjected(); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestTheImageOfThePodsOwnTemplate(t *testing.T) {
	const own = "example.com/own:1"
	injected := fixture.Injected("1-22", image)
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		want    string
		err     string
	}{
		{"no container of its own", nil, "", ""},
		{"a container of its own, not injected yet", []fixture.PodOption{fixture.Proxy(own)}, own, ""},
		{"a native one", []fixture.PodOption{fixture.NativeProxy(own)}, own, ""},
		{"auto is no image", []fixture.PodOption{fixture.Proxy("auto")}, "", ""},
		{"an injected container is not the pod's own", []fixture.PodOption{injected}, "", ""},
		{"injection remembers what it replaced", []fixture.PodOption{injected, fixture.Annotation(override, `{"containers":[{"name":"istio-proxy","image":"example.com/own:1"}]}`)}, own, ""},
		{"among the init containers too", []fixture.PodOption{injected, fixture.Annotation(override, `{"initContainers":[{"name":"istio-proxy","image":"example.com/own:1"}]}`)}, own, ""},
		{"an override without an image", []fixture.PodOption{injected, fixture.Annotation(override, `{"containers":[{"name":"istio-proxy","resources":{}}]}`)}, "", ""},
		{"an override of auto", []fixture.PodOption{injected, fixture.Annotation(override, `{"containers":[{"name":"istio-proxy","image":"auto"}]}`)}, "", ""},
		{"an override of another container", []fixture.PodOption{injected, fixture.Annotation(override, `{"containers":[{"name":"istio-init","image":"x"}]}`)}, "", ""},
		{"malformed overrides", []fixture.PodOption{injected, fixture.Annotation(override, `{`)}, "", "annotation proxy.istio.io/overrides is malformed"},
		{"a malformed status", []fixture.PodOption{fixture.Proxy(own), fixture.Annotation(status, `[]`)}, "", "annotation sidecar.istio.io/status is malformed"},
		{"a malformed status of a pod without a proxy", []fixture.PodOption{fixture.Annotation(status, `[]`)}, "", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := FromPod(fixture.Pod("shop/cart-1", c.options...)).OwnImage()
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.HasPrefix(err.Error(), c.err) {
				t.Errorf("got %q, %v; want %q, %q", got, err, c.want, c.err)
			}
		})
	}
}

func FuzzAnnotationsOfInjection(f *testing.F) {
	f.Add(`{"containers":["istio-proxy"],"revision":"1-22"}`, `{"containers":[{"name":"istio-proxy","image":"a/b:1"}]}`)
	f.Add(`{}`, `{"initContainers":[{"name":"istio-proxy","image":"auto"}]}`)
	f.Add(`null`, `null`)
	f.Add(`[]`, `{"containers":{}}`)
	f.Add(`{"revision":7}`, `"`)
	f.Fuzz(func(t *testing.T, statusText, overrideText string) {
		pod := FromPod(fixture.Pod("shop/cart-1", fixture.Proxy(image),
			fixture.Annotation(status, statusText), fixture.Annotation(override, overrideText)))
		revision, injected, err := pod.InjectionStatus()
		if err != nil && (injected || revision != "") {
			t.Errorf("a malformed status says %q, %v", revision, injected)
		}
		if err == nil && pod.Revision() == "" {
			t.Error("an injected proxy without a revision")
		}
		own, err := pod.OwnImage()
		if err != nil && own != "" || own == AutoImage {
			t.Errorf("own image %q, %v", own, err)
		}
	})
}

func TestAPodKeepsOnlyTheAnnotationsThatAreRead(t *testing.T) {
	pod := &corev1.Pod{}
	pod.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"}
	if got := FromPod(pod).Annotations; got != nil {
		t.Errorf("got %v", got)
	}
	pod.Annotations["sidecar.istio.io/inject"] = "true"
	if got := FromPod(pod).Annotations; len(got) != 1 || got["sidecar.istio.io/inject"] != "true" || len(pod.Annotations) != 2 {
		t.Errorf("got %v of %v", got, pod.Annotations)
	}
}
