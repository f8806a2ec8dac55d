package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// manifests are pods, by name, in which injection changes all that it can change.
var manifests = map[string][]podOption{
	"plain":           nil,
	"scheduled":       {scheduled},
	"labelled":        {withLabel("app", "cart"), withLabel("version", "v2"), withLabel("security.istio.io/tlsMode", "disabled")},
	"canonical":       {withLabel("app", "cart"), withLabel("service.istio.io/canonical-name", "other")},
	"probed":          {withProbes},
	"probed-init":     {withProbes, withNativeHelper},
	"probed-as-is":    {withProbes, withAnnotation("sidecar.istio.io/rewriteAppHTTPProbers", "false")},
	"scraped":         {withAnnotation("prometheus.io/scrape", "true"), withAnnotation("prometheus.io/port", "9090"), withAnnotation("prometheus.io/path", "/m")},
	"scraped-ports":   {withAnnotation("prometheus.istio.io/scrape-targets", "9090:/a,9091:/b")},
	"scraped-not":     {withAnnotation("prometheus.io/scrape", "false"), withAnnotation("prometheus.io/port", "9090")},
	"not-native":      {withAnnotation("sidecar.istio.io/nativeSidecar", "false"), withProbes},
	"held":            {withAnnotation("sidecar.istio.io/nativeSidecar", "false"), withAnnotation("proxy.istio.io/config", "holdApplicationUntilProxyStarts: true")},
	"own-image":       {withOwnProxy("example.com/own:1")},
	"own-auto":        {withOwnProxy("auto")},
	"own-plain":       {withOwnProxy("auto"), withAnnotation("sidecar.istio.io/nativeSidecar", "false")},
	"own-native":      {withOwnNativeProxy("example.com/own:2")},
	"gateway":         {withAnnotation("inject.istio.io/templates", "gateway"), asGateway, withSysctl},
	"two-templates":   {withAnnotation("inject.istio.io/templates", "sidecar,gateway"), withAnnotation("sidecar.istio.io/nativeSidecar", "false"), withOwnProxy("auto"), withSysctl},
	"grpc":            {withAnnotation("inject.istio.io/templates", "grpc-agent"), withProbes},
	"grpc-simple":     {withAnnotation("inject.istio.io/templates", "grpc-simple"), withLabel("security.istio.io/tlsMode", "istio")},
	"volumes":         {withVolumes},
	"default-account": {withServiceAccount("default"), withAnnotation("kubectl.kubernetes.io/default-container", "other")},
	"hbone":           {withAnnotation("proxy.istio.io/config", `proxyMetadata: {ISTIO_META_ENABLE_HBONE: "true"}`)},
	"pull-secrets":    {func(p *corev1.Pod) { p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "mine"}} }},
	"tolerating":      {withTolerations},
	"not-injected":    {withLabel("sidecar.istio.io/inject", "false"), withProbes},
}

func withProbes(p *corev1.Pod) {
	http := &corev1.HTTPGetAction{Path: "/live", Port: intstr.FromInt32(8443), Scheme: corev1.URISchemeHTTPS,
		HTTPHeaders: []corev1.HTTPHeader{{Name: "X-A", Value: "b"}}}
	c := &p.Spec.Containers[0]
	c.Ports = []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}}
	c.LivenessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: http}, PeriodSeconds: 7}
	c.ReadinessProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(8080)}}}
	c.StartupProbe = &corev1.Probe{ProbeHandler: corev1.ProbeHandler{GRPC: &corev1.GRPCAction{Port: 9000}}}
	c.Lifecycle = &corev1.Lifecycle{
		PreStop:   &corev1.LifecycleHandler{HTTPGet: http.DeepCopy()},
		PostStart: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"true"}}},
	}
}

func withNativeHelper(p *corev1.Pod) {
	always := corev1.ContainerRestartPolicyAlways
	p.Spec.InitContainers = []corev1.Container{{Name: "helper", Image: "registry.example.com/helper:1", RestartPolicy: &always,
		StartupProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/up", Port: intstr.FromInt32(81)}}}}}
}

func withSysctl(p *corev1.Pod) {
	p.Spec.SecurityContext = &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}}}
}

// withVolumes has a volume that injection uses as well.
func withVolumes(p *corev1.Pod) {
	p.Spec.Volumes = []corev1.Volume{
		{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "istio-data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
	}
	p.Spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/a"}, {Name: "istio-data", MountPath: "/b"}}
}

func withTolerations(p *corev1.Pod) {
	minute := int64(60)
	p.Spec.Tolerations = []corev1.Toleration{
		{Key: "dedicated", Operator: corev1.TolerationOpExists},
		{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &minute},
	}
}

// TestAPodsManifestIsFoundAgain creates pods from known manifests. What is found of them afterwards must be taken by the
// real API server as their manifest is: where nothing injects, and where the real istiod does.
func TestAPodsManifestIsFoundAgain(t *testing.T) {
	lab := sharedLab(t)
	const injecting, bystanding = "manifest", "manifest-plain"
	createNamespace(t, lab, injecting, labels{"istio.io/rev": oldRevision})
	createNamespace(t, lab, bystanding, nil)
	awaitServiceAccount(t, lab, injecting)
	awaitServiceAccount(t, lab, bystanding)
	for name, options := range manifests {
		t.Run(name, func(t *testing.T) {
			written := newPod(injecting, name, options...)
			createPods(t, lab, written)
			if written.Spec.SchedulerName == "" {
				awaitRunning(t, lab, written)
			}
			running, err := lab.Client().CoreV1().Pods(injecting).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if injected := observe(running).injected; injected != (name != "not-injected") {
				t.Fatalf("injected: %v", injected)
			}
			found := manifestOf(t, lab, running)
			for _, namespace := range []string{injecting, bystanding} {
				if got, want := wouldBe(t, lab, namespace, found), wouldBe(t, lab, namespace, written); got != want {
					t.Errorf("in namespace %s:\n%s", namespace, difference(got, want))
				}
			}
			hasNothingOfTheServers(t, found)
		})
	}
}

// TestWhatCannotBeToldFromTheUsersOwnIsSetAgainAllTheSame: with the CNI, injection writes annotations that a user may
// write too. They stay in the manifest, and a new injection comes to the same.
func TestWhatCannotBeToldFromTheUsersOwnIsSetAgainAllTheSame(t *testing.T) {
	lab := sharedLab(t)
	const namespace = "manifest-cni"
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	awaitServiceAccount(t, lab, namespace)
	configure(t, lab, oldRevision, func(_, values settings) { values["pilot"].(settings)["cni"] = settings{"enabled": true} })
	for name, options := range map[string][]podOption{
		"plain": nil, "ports": {withAnnotation("traffic.sidecar.istio.io/excludeInboundPorts", "3306")},
	} {
		written := newPod(namespace, name, options...)
		createPods(t, lab, written)
		running, err := lab.Client().CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if running.Annotations["traffic.sidecar.istio.io/includeInboundPorts"] == "" {
			t.Fatalf("the injector does not provide for the CNI: %v", running.Annotations)
		}
		if got, want := wouldBe(t, lab, namespace, manifestOf(t, lab, running)), wouldBe(t, lab, namespace, written); got != want {
			t.Errorf("%s:\n%s", name, difference(got, want))
		}
	}
}

func awaitRunning(t *testing.T, lab *cluster.Cluster, p *corev1.Pod) {
	t.Helper()
	if _, err := lab.Kubectl(t.Context(), "wait", "--for=condition=Ready", "pod/"+p.Name, "-n", p.Namespace, "--timeout=60s"); err != nil {
		t.Fatal(err)
	}
}

func manifestOf(t *testing.T, lab *cluster.Cluster, running *corev1.Pod) *corev1.Pod {
	t.Helper()
	r := runAsker(t, lab, "", "manifest", running)
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	var found corev1.Pod
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil {
		t.Fatal(err)
	}
	return &found
}

var randomVolume = regexp.MustCompile(`kube-api-access-[a-z0-9]{5}`)

// wouldBe is what the API server would make of a pod, less what is different each time.
func wouldBe(t *testing.T, lab *cluster.Cluster, namespace string, p *corev1.Pod) string {
	t.Helper()
	p = p.DeepCopy()
	p.Namespace, p.Name = namespace, "again"
	made, err := lab.Client().CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		t.Fatal(err)
	}
	byName := func(a, b corev1.Container) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(made.Spec.Containers, byName)
	text, err := yaml.Marshal(map[string]any{"labels": made.Labels, "annotations": made.Annotations, "spec": made.Spec})
	if err != nil {
		t.Fatal(err)
	}
	return randomVolume.ReplaceAllString(string(text), "kube-api-access")
}

// difference shows the lines that only one of two texts has.
func difference(got, want string) string {
	var out strings.Builder
	for _, side := range []struct{ sign, text, other string }{{"+", got, want}, {"-", want, got}} {
		other := strings.Split(side.other, "\n")
		for line := range strings.SplitSeq(side.text, "\n") {
			if !slices.Contains(other, line) {
				fmt.Fprintf(&out, "%s %s\n", side.sign, line)
			}
		}
	}
	return out.String()
}

func hasNothingOfTheServers(t *testing.T, found *corev1.Pod) {
	t.Helper()
	text, err := yaml.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	for _, trace := range []string{
		"uid:", "resourceVersion:", "creationTimestamp: \"", "managedFields:", "nodeName:", "kube-api-access", "podIP",
		"sidecar.istio.io/status", "proxy.istio.io/overrides", "istio.io/rev:", "canonical-revision", "app-health", "app-lifecycle",
		"priority:", "preemptionPolicy:", "serviceAccountName:", "tolerationSeconds: 300", "conditions:",
	} {
		if strings.Contains(string(text), trace) {
			t.Errorf("%q is left:\n%s", trace, text)
		}
	}
}
