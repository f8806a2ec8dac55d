package manifest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

func status(json string) fixture.PodOption {
	return fixture.Annotation("sidecar.istio.io/status", json)
}

// proxyWith is a proxy with plain variables, given as name and value in turn.
func proxyWith(pairs ...string) fixture.PodOption {
	return func(p *corev1.Pod) {
		c := corev1.Container{Name: "istio-proxy", Image: "istio/proxyv2:1.22.0"}
		for i := 0; i < len(pairs); i += 2 {
			c.Env = append(c.Env, corev1.EnvVar{Name: pairs[i], Value: pairs[i+1]})
		}
		p.Spec.Containers = append(p.Spec.Containers, c)
	}
}

func readiness(handler corev1.ProbeHandler) fixture.PodOption {
	return func(p *corev1.Pod) { p.Spec.Containers[0].ReadinessProbe = &corev1.Probe{ProbeHandler: handler} }
}

func stopHook(handler corev1.LifecycleHandler) fixture.PodOption {
	return func(p *corev1.Pod) { p.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{PreStop: &handler} }
}

func volumes(names ...string) fixture.PodOption {
	return func(p *corev1.Pod) {
		for _, n := range names {
			p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: n})
		}
	}
}

func mounting(volume, path string) fixture.PodOption {
	return func(p *corev1.Pod) {
		c := &p.Spec.Containers[0]
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: path})
	}
}

func pullSecrets(names ...string) fixture.PodOption {
	return func(p *corev1.Pod) {
		for _, n := range names {
			p.Spec.ImagePullSecrets = append(p.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: n})
		}
	}
}

func httpGet(path string, port int32) *corev1.HTTPGetAction {
	return &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)}
}

type options = []fixture.PodOption

const injectedProxy = `{"containers":["istio-proxy"],"revision":"1-22"}`

func TestWhatInjectionDoesIsUndone(t *testing.T) {
	for _, c := range []struct {
		rule            string
		running, before options
	}{
		{"a pod that was not injected stays as it is",
			options{fixture.Label("security.istio.io/tlsMode", "istio"), fixture.Proxy("own:1")},
			options{fixture.Label("security.istio.io/tlsMode", "istio"), fixture.Proxy("own:1")}},
		{"the proxy goes", options{fixture.Injected("1-22", "istio/proxyv2:1.22.0")}, nil},
		{"a native one too",
			options{fixture.NativeProxy("istio/proxyv2:1.22.0"), status(`{"initContainers":["istio-init","istio-proxy"],"containers":null}`)}, nil},
		{"the template's own proxy comes back, and asks for the image again",
			options{proxyWith(), status(injectedProxy), fixture.Annotation("proxy.istio.io/overrides", `{"containers":[{"name":"istio-proxy","args":["x"]}]}`)},
			options{fixture.Proxy("auto", "x")}},
		{"one that was made a native sidecar comes back among the containers",
			options{fixture.NativeProxy("own:1"), status(`{"initContainers":["istio-proxy"]}`),
				fixture.Annotation("proxy.istio.io/overrides", `{"initContainers":[{"name":"istio-proxy","image":"own:1"}]}`)},
			options{fixture.Proxy("own:1")}},
		{"one that was a native sidecar stays one",
			options{fixture.NativeProxy("istio/proxyv2:1.22.0"), status(`{"initContainers":["istio-proxy"]}`),
				fixture.Annotation("proxy.istio.io/overrides", `{"initContainers":[{"name":"istio-proxy","image":"own:1","restartPolicy":"Always"}]}`)},
			options{fixture.NativeProxy("own:1")}},
		{"volumes and pull secrets go by name",
			options{proxyWith(), volumes("data", "istio-envoy"), pullSecrets("mine", "istios"),
				status(`{"containers":["istio-proxy"],"volumes":["istio-envoy"],"imagePullSecrets":["istios"]}`)},
			options{volumes("data"), pullSecrets("mine")}},
		{"a volume that is still mounted stays",
			options{proxyWith(), volumes("istio-data"), mounting("istio-data", "/d"), status(`{"containers":["istio-proxy"],"volumes":["istio-data"]}`)},
			options{volumes("istio-data"), mounting("istio-data", "/d")}},
		{"derived labels go, others stay",
			options{proxyWith(), status(injectedProxy), fixture.Label("app", "cart"), fixture.Label("version", "v2"), fixture.Label("security.istio.io/tlsMode", "istio"),
				fixture.Label("service.istio.io/canonical-name", "cart"), fixture.Label("service.istio.io/canonical-revision", "v2")},
			options{fixture.Label("app", "cart"), fixture.Label("version", "v2")}},
		{"the recommended labels come before the short ones",
			options{proxyWith(), status(injectedProxy), fixture.Label("app", "a"), fixture.Label("app.kubernetes.io/name", "b"), fixture.Label("service.istio.io/canonical-name", "a")},
			options{fixture.Label("app", "a"), fixture.Label("app.kubernetes.io/name", "b"), fixture.Label("service.istio.io/canonical-name", "a")}},
		{"the name of the workload serves where no label does, and is made to fit",
			options{proxyWith("ISTIO_META_WORKLOAD_NAME", strings.Repeat("w", 62)+"-x"), status(injectedProxy), fixture.Label("service.istio.io/canonical-name", strings.Repeat("w", 62))},
			nil},
		{"the label of mutual TLS is the user's own under other templates",
			options{status(injectedProxy), fixture.Annotation("inject.istio.io/templates", "grpc-agent"), fixture.Label("security.istio.io/tlsMode", "istio")},
			options{fixture.Annotation("inject.istio.io/templates", "grpc-agent"), fixture.Label("security.istio.io/tlsMode", "istio")}},
		{"the default container goes where it is the first",
			options{proxyWith(), status(injectedProxy), fixture.Annotation("kubectl.kubernetes.io/default-container", "app"), fixture.Annotation("kubectl.kubernetes.io/default-logs-container", "other")},
			options{fixture.Annotation("kubectl.kubernetes.io/default-logs-container", "other")}},
		{"scrape annotations come back",
			options{proxyWith("ISTIO_PROMETHEUS_ANNOTATIONS", `{"scrape":"true","path":"","port":"9090"}`), status(injectedProxy),
				fixture.Annotation("prometheus.io/scrape", "true"), fixture.Annotation("prometheus.io/path", "/stats/prometheus"), fixture.Annotation("prometheus.io/port", "15020")},
			options{fixture.Annotation("prometheus.io/scrape", "true"), fixture.Annotation("prometheus.io/port", "9090")}},
		{"the secure port goes where the proxy was told it",
			options{proxyWith("ENVOY_SECURE_MERGED_METRICS_PORT", "15092"), status(injectedProxy), fixture.Annotation("prometheus.istio.io/secure-port", "15092")}, nil},
		{"a TCP probe comes back",
			options{readiness(corev1.ProbeHandler{HTTPGet: httpGet("/app-health/app/readyz", 15020)}), status(injectedProxy),
				proxyWith("ISTIO_KUBE_APP_PROBERS", `{"/app-health/app/readyz":{"tcpSocket":{"port":80}}}`)},
			options{readiness(corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(80)}})}},
		{"a hook comes back",
			options{stopHook(corev1.LifecycleHandler{HTTPGet: httpGet("/app-lifecycle/app/prestopz", 15020)}), status(injectedProxy),
				proxyWith("ISTIO_KUBE_APP_PROBERS", `{"/app-lifecycle/app/prestopz":{"httpGet":{"path":"/bye","port":80}}}`)},
			options{stopHook(corev1.LifecycleHandler{HTTPGet: httpGet("/bye", 80)})}},
		{"a probe that the proxy knows nothing of stays",
			options{readiness(corev1.ProbeHandler{HTTPGet: httpGet("/app-health/app/readyz", 15020)}), status(injectedProxy), proxyWith("ISTIO_KUBE_APP_PROBERS", `{}`)},
			options{readiness(corev1.ProbeHandler{HTTPGet: httpGet("/app-health/app/readyz", 15020)})}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			running := fixture.Pod("shop/cart-1", c.running...)
			unchanged := running.DeepCopy()
			got, err := Of(running)
			if err != nil {
				t.Fatal(err)
			}
			want := fixture.Pod("shop/cart-1", c.before...)
			if !equality.Semantic.DeepEqual(got.Spec, want.Spec) || !equality.Semantic.DeepEqual(got.Labels, want.Labels) ||
				!equality.Semantic.DeepEqual(got.Annotations, want.Annotations) {
				t.Errorf("got  %s\nwant %s", text(got), text(want))
			}
			if !equality.Semantic.DeepEqual(running, unchanged) {
				t.Error("the pod itself was changed")
			}
		})
	}
}

func text(p *corev1.Pod) string {
	out, err := json.Marshal(p)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

func TestWhatIsMalformedIsNamed(t *testing.T) {
	for _, c := range []struct {
		rule    string
		running options
		want    string
	}{
		{"the status", options{status("{")}, "annotation sidecar.istio.io/status is malformed"},
		{"the overrides", options{status("{}"), fixture.Annotation("proxy.istio.io/overrides", "[]")}, "annotation proxy.istio.io/overrides is malformed"},
		{"the probes", options{status("{}"), proxyWith("ISTIO_KUBE_APP_PROBERS", "x")}, "the proxy's variable ISTIO_KUBE_APP_PROBERS is malformed"},
		{"the scrape configuration", options{status("{}"), proxyWith("ISTIO_PROMETHEUS_ANNOTATIONS", "x"), fixture.Annotation("prometheus.io/path", "/stats/prometheus")},
			"the proxy's variable ISTIO_PROMETHEUS_ANNOTATIONS is malformed"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := Of(fixture.Pod("shop/cart-1", c.running...))
			if err == nil || !strings.HasPrefix(err.Error(), "finding the manifest of pod shop/cart-1: "+c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatTheServerSetsIsTakenOut(t *testing.T) {
	now, seconds, priority := metav1.NewTime(time.Unix(1, 0)), int64(300), int32(0)
	policy := corev1.PreemptLowerPriority
	running := fixture.Pod("shop/cart-1", fixture.Label("app", "cart"), fixture.Label("topology.kubernetes.io/zone", "a"),
		fixture.Annotation("cni.projectcalico.org/podIP", "10.0.0.1/32"), fixture.ControlledBy("apps/v1", "ReplicaSet", "cart"))
	running.UID, running.ResourceVersion, running.Generation, running.CreationTimestamp = "u", "7", 1, now
	running.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
	running.GenerateName, running.Finalizers = "cart-", []string{"example.com/keep"}
	running.Spec = corev1.PodSpec{
		NodeName: "node-1", ServiceAccountName: "default", DeprecatedServiceAccount: "default",
		Priority: &priority, PreemptionPolicy: &policy, Overhead: corev1.ResourceList{},
		EphemeralContainers: []corev1.EphemeralContainer{{}},
		Tolerations: []corev1.Toleration{
			{Key: "node.kubernetes.io/not-ready", Operator: "Exists", Effect: "NoExecute", TolerationSeconds: &seconds},
			{Key: "dedicated", Operator: "Exists"},
		},
		Volumes: []corev1.Volume{
			{Name: "kube-api-access-abcde", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}},
			{Name: "default-token-abcde", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "default-token-abcde"}}},
			{Name: "data"},
		},
		Containers: []corev1.Container{{Name: "app", VolumeMounts: []corev1.VolumeMount{
			{Name: "kube-api-access-abcde", MountPath: tokenMountPath}, {Name: "data", MountPath: "/data"},
		}}},
	}
	got, err := Of(running)
	if err != nil {
		t.Fatal(err)
	}
	want := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-1", GenerateName: "cart-", Labels: map[string]string{"app": "cart"},
			OwnerReferences: running.OwnerReferences, Finalizers: running.Finalizers},
		Spec: corev1.PodSpec{
			Tolerations: []corev1.Toleration{{Key: "dedicated", Operator: "Exists"}},
			Volumes:     []corev1.Volume{{Name: "data"}},
			Containers:  []corev1.Container{{Name: "app", VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}}},
		},
	}
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", text(got), text(want))
	}
}

// FuzzOf: whatever stands in annotations and variables, a manifest or an error is found.
func FuzzOf(f *testing.F) {
	f.Add(injectedProxy, `{"containers":[{"name":"istio-proxy"}]}`, `{"/app-health/app/readyz":null}`, `{"targets":[{"port":"1"}]}`)
	f.Add(`null`, `{"initContainers":[{"name":"istio-proxy"},{"name":"istio-proxy"}]}`, `{}`, `{}`)
	f.Fuzz(func(t *testing.T, injected, own, probers, scraped string) {
		running := fixture.Pod("shop/cart-1", proxyWith("ISTIO_KUBE_APP_PROBERS", probers, "ISTIO_PROMETHEUS_ANNOTATIONS", scraped),
			readiness(corev1.ProbeHandler{HTTPGet: httpGet("/app-health/app/readyz", 15020)}), status(injected),
			fixture.Annotation("proxy.istio.io/overrides", own), fixture.Annotation("prometheus.io/path", "/stats/prometheus"))
		got, err := Of(running)
		if err != nil {
			return
		}
		if _, left := got.Annotations["sidecar.istio.io/status"]; left {
			t.Errorf("the status is left: %s", text(got))
		}
		again, err := Of(got)
		if err != nil || !equality.Semantic.DeepEqual(again, got) {
			t.Errorf("a manifest's manifest is another: %v\n%s\n%s", err, text(got), text(again))
		}
	})
}
