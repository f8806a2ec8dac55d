package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// escapes would clear a terminal, set its title and begin a line that looks like one of ours.
const escapes = "\x1b[2J\x1b]0;owned\x07\u009b31m\r\nerror: all is well\u202e"

// hostilePods are such as no API server would accept.
func hostilePods(namespace string) []corev1.Pod {
	isController := true
	var pods []corev1.Pod
	for i := range 3 {
		p := newPod(namespace, fmt.Sprintf("pod-%d%s", i, escapes), withOwnProxy("docker.io/istio/proxyv2:1.22.0"+escapes),
			withLabel("sidecar.istio.io/inject", "true"), withLabel("istio.io/rev", "rev"+escapes), withAnnotation("istio.io/rev", "rev"+escapes))
		p.Spec.NodeName = "node" + escapes
		p.Status.Phase = corev1.PodPhase("Running" + escapes)
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Kind" + escapes, Name: "owner" + escapes, Controller: &isController}}
		switch i {
		case 1:
			p.Annotations["sidecar.istio.io/status"] = `{"revision": "` + escapes + `"}`
		case 2:
			p.Annotations["sidecar.istio.io/status"] = `{"revision": "other"}`
			p.Labels["istio.io/rev"] = oldRevision
		}
		pods = append(pods, *p)
	}
	return pods
}

// answerPods answers every request for pods with these.
func answerPods(pods []corev1.Pod) intercept.Fault {
	return intercept.When(intercept.Of("pods"), func(w http.ResponseWriter, r *intercept.Request) {
		intercept.WriteObject(w, r, http.StatusOK, &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: "1"}, Items: pods})
	})
}

// TestNothingInThePodsWritesToTheTerminal has names, labels, images and annotations full of control characters.
func TestNothingInThePodsWritesToTheTerminal(t *testing.T) {
	lab := sharedLab(t)
	const namespace = "escapes"
	createNamespace(t, lab, namespace, nil)
	pods := hostilePods(namespace)
	g := openGate(t, lab, answerPods(pods))
	run := func(args ...string) result { return g.run(append([]string{"-n", namespace, "--all"}, args...)...) }

	for _, format := range []string{"", "wide", "name"} {
		for _, by := range []string{"pod", "workload", "namespace", "node", "version", "revision"} {
			t.Run(format+" by "+by, func(t *testing.T) { wantPlain(t, run("--by", by, "-o", format)) })
		}
	}
	t.Run("custom columns", func(t *testing.T) {
		wantPlain(t, run("-o", "custom-columns=POD:.pod,NODE:.node,REV:.proxy.revision,WHY:.reason,PROXY:.proxy"))
	})
	t.Run("json", func(t *testing.T) {
		r := run("-o", "json")
		wantPlain(t, r)
		items := itemsOf(t, r)
		for _, p := range pods {
			if got := items[namespace+"/"+p.Name]; got.Pod != p.Name || got.Node != "node"+escapes {
				t.Errorf("%q became %+v", p.Name, got)
			}
		}
	})
	t.Run("errors", func(t *testing.T) { namesInErrors(t, lab, pods) })
}

// namesInErrors has a list break off after such a pod.
func namesInErrors(t *testing.T, lab *cluster.Cluster, pods []corev1.Pod) {
	t.Helper()
	g := openGate(t, lab, intercept.When(intercept.Of("pods"), func(w http.ResponseWriter, r *intercept.Request) {
		if r.Later() {
			intercept.Text(http.StatusForbidden, "text/plain", escapes)(w, r)
			return
		}
		intercept.WriteObject(w, r, http.StatusOK, &corev1.PodList{ListMeta: metav1.ListMeta{Continue: "more"}, Items: pods})
	}))
	r := g.run("-n", pods[0].Namespace, "-o", "json")
	wantPlain(t, r)
	wantNoDocument(t, r.stdout)
	if want := "error: reading pods: the list broke off after pod escapes/pod-2\\x1b[2J"; r.code != 1 || !strings.HasPrefix(r.stderr, want) {
		t.Errorf("exit %d, stderr %q", r.code, r.stderr)
	}
}

// wantPlain expects no control characters, and no line that the cluster wrote.
func wantPlain(t *testing.T, r result) {
	t.Helper()
	for name, text := range map[string]string{"stdout": r.stdout, "stderr": r.stderr} {
		bad := func(c rune) bool { return c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Cf, c)) }
		// JSON holds the bidirectional mark as it is; every line of it stands in quotes.
		if json.Valid([]byte(text)) && text != "" {
			bad = func(c rune) bool { return c != '\n' && c < ' ' }
		}
		if at := strings.IndexFunc(text, bad); at >= 0 {
			t.Errorf("%s has %q: %q", name, text[at:at+1], text)
		}
		if strings.Contains(text, "\nerror: all is well") {
			t.Errorf("%s has a line of the cluster's: %q", name, text)
		}
	}
	if r.stdout == "" && r.stderr == "" {
		t.Error("nothing was printed")
	}
}

// TestPodsOfAnySizeAreRead compares the answer about pods with that about the same pods when each has a thousand
// containers more, and annotations of megabytes.
func TestPodsOfAnySizeAreRead(t *testing.T) {
	lab := sharedLab(t)
	const namespace = "sizes"
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	var small, large []corev1.Pod
	for i := range 8 {
		p := newPod(namespace, fmt.Sprintf("pod-%d", i), withOwnProxy("docker.io/istio/proxyv2:1.22.0"), withLabel("app", "a"))
		small = append(small, *p.DeepCopy())
		p.Annotations["ballast"] = strings.Repeat("x", 2<<20)
		for range 1000 {
			p.Spec.Containers = append([]corev1.Container{{Name: "app", Image: "example.com/app:1", Args: []string{"a", "b"}}}, p.Spec.Containers...)
		}
		large = append(large, *p)
	}
	ask := func(pods []corev1.Pod) result {
		return openGate(t, lab, answerPods(pods)).run("-n", namespace, "-o", "json")
	}
	want, got := ask(small), ask(large)
	if got != want || got.code != 0 || len(itemsOf(t, got)) != 8 {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}
