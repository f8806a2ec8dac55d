package e2e

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestShapesOfInstallation goes through the ways in which Istio is installed, several of them in one cluster, and
// compares our predictions with the real injector after each step.
func TestShapesOfInstallation(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	t.Run("without Istio, the message says so", func(t *testing.T) {
		wantFailure(t, kubectl(t, lab, "mesh-proxyver", "-A"), 1,
			"error: no Istio found: no mutating webhook's name ends in sidecar-injector.istio.io; is this the right cluster? "+
				"See `kubectl config current-context` and `kubectl get mutatingwebhookconfigurations`\n")
	})
	pods := namespacesOfShapes(t, lab)
	install(t, lab, cluster.Istio{Tag: "1.21.0"})
	t.Run("an installation without revision", func(t *testing.T) {
		items := compare(t, lab, pods)
		if got := items["enabled/plain"]; got.Status != "current" || got.Proxy.Revision != "default" {
			t.Errorf("a pod of the default revision is %s: %+v", got.Status, got.Proxy)
		}
	})
	install(t, lab, cluster.Istio{
		Revision: "asm-1-22", Tag: "1.22.0-distroless", Hub: "mcr.microsoft.com/oss/istio", Namespace: "aks-istio-system",
		Env: map[string]string{"ENABLE_NATIVE_SIDECARS": "false"},
	})
	t.Run("a second mesh, in a namespace of a cloud's", func(t *testing.T) {
		items := compare(t, lab, pods)
		got := items["aks/plain"]
		if got.Expected.Image != "mcr.microsoft.com/oss/istio/proxyv2:1.22.0-distroless" || got.Expected.Version != "1.22.0" {
			t.Errorf("expected %+v", got.Expected)
		}
		if got.Proxy == nil || got.Proxy.Native || got.Status != "current" {
			t.Errorf("an old-style sidecar is %s, %+v", got.Status, got.Proxy)
		}
	})
	install(t, lab, cluster.Istio{Revision: "1-23", Tag: "1.23.0", Hub: "registry.example.com:5000/istio"})
	t.Run("a hub with a port", func(t *testing.T) {
		items := compare(t, lab, pods)
		if got := items["ported/plain"]; got.Proxy == nil || got.Proxy.Version != "1.23.0" || !got.Proxy.Native {
			t.Errorf("the proxy from a hub with a port is %+v", got.Proxy)
		}
	})
	t.Run("one mesh of the two is chosen by its namespace", func(t *testing.T) { chooseMesh(t, lab) })
	if err := setTag(t.Context(), lab, "default", "1-23"); err != nil {
		t.Fatal(err)
	}
	t.Run("a default tag over an installation without revision", func(t *testing.T) {
		before := proxyver(t, lab, "-n", "enabled")["enabled/plain"]
		if before.Status != "outdated" || before.Expected.Revision != "1-23" || before.Expected.Tag != "default" {
			t.Errorf("a pod that the tag passed over is %s, expected %+v", before.Status, before.Expected)
		}
		compare(t, lab, pods)
	})
	t.Run("two control planes inject one pod", func(t *testing.T) {
		reactivate(t, lab, "istio-sidecar-injector", "istio-revision-tag-default")
		got := proxyver(t, lab, "-n", "enabled")["enabled/plain"]
		want := "two control planes inject this pod: namespace label istio-injection=enabled -> tag default -> revision 1-23; " +
			"and namespace label istio-injection=enabled -> revision default; one of them must be deactivated"
		if got.Status != "unknown" || got.Reason != want {
			t.Errorf("%s: %s", got.Status, got.Reason)
		}
	})
	t.Run("every namespace by default", func(t *testing.T) {
		if _, err := lab.Istioctl(t.Context(), "tag", "remove", "default", "-y"); err != nil {
			t.Fatal(err)
		}
		install(t, lab, cluster.Istio{Tag: "1.21.0", Set: []string{"values.sidecarInjectorWebhook.enableNamespacesByDefault=true"}})
		items := compare(t, lab, pods)
		if got := items["unlabelled/plain"]; got.Expected.Revision != "default" {
			t.Errorf("a namespace without labels: %+v", got.Expected)
		}
	})
}

func chooseMesh(t *testing.T, lab *cluster.Cluster) {
	items := proxyver(t, lab, "-A", "-i", "aks-istio-system")
	if _, ok := items["aks/plain"]; !ok {
		t.Error("the mesh in aks-istio-system lacks aks/plain")
	}
	for id, i := range items {
		if i.Expected.Revision != "asm-1-22" && (i.Proxy == nil || i.Proxy.Revision != "asm-1-22" && i.Proxy.Revision != "") {
			t.Errorf("%s is in the mesh of aks-istio-system: %+v", id, i)
		}
	}
	wantFailure(t, kubectl(t, lab, "mesh-proxyver", "-A", "-i", "nowhere"), 1,
		"error: --istio-namespace nowhere: no injector's control plane is there; there are some in aks-istio-system, istio-system\n")
}

func install(t *testing.T, lab *cluster.Cluster, i cluster.Istio) {
	t.Helper()
	if err := lab.InstallIstio(t.Context(), i); err != nil {
		t.Fatal(err)
	}
}

// namespacesOfShapes makes namespaces that follow an installation in every way, and returns the pods to create there.
func namespacesOfShapes(t *testing.T, lab *cluster.Cluster) []*corev1.Pod {
	t.Helper()
	var pods []*corev1.Pod
	for name, l := range map[string]labels{
		"unlabelled": {},
		"enabled":    {"istio-injection": "enabled"},
		"disabled":   {"istio-injection": "disabled"},
		"byrev":      {"istio.io/rev": "default"},
		"aks":        {"istio.io/rev": "asm-1-22"},
		"ported":     {"istio.io/rev": "1-23"},
		"both":       {"istio-injection": "enabled", "istio.io/rev": "1-23"},
	} {
		createNamespace(t, lab, name, l)
		pods = append(pods,
			newPod(name, "plain"),
			newPod(name, "asked", withLabel("sidecar.istio.io/inject", "true")),
			newPod(name, "not-asked", withLabel("sidecar.istio.io/inject", "false")),
			newPod(name, "pod-rev", withLabel("istio.io/rev", "asm-1-22")),
			newPod(name, "pod-rev-asked", withLabel("istio.io/rev", "default"), withLabel("sidecar.istio.io/inject", "true")),
			newPod(name, "own", withOwnProxy("example.com/own:1")),
			newPod(name, "annotated", withAnnotation("sidecar.istio.io/inject", "false")),
			newPod(name, "host", onHostNetwork),
		)
	}
	createPods(t, lab, pods...)
	for _, name := range []string{"kube-system", "kube-public"} {
		p := newPod(name, "system", withLabel("sidecar.istio.io/inject", "true"))
		createPods(t, lab, p)
		pods = append(pods, p)
	}
	return pods
}

// compare checks the prediction for the pods as they stand, and again once they were created anew.
func compare(t *testing.T, lab *cluster.Cluster, pods []*corev1.Pod) map[string]item {
	t.Helper()
	answers := askAll(t, lab, pods)
	equalsTruth(t, proxyver(t, lab, "-A"), answers)
	recreate(t, lab, pods)
	items := proxyver(t, lab, "-A")
	equalsTruth(t, items, answers)
	return items
}

func webhookConfiguration(t *testing.T, lab *cluster.Cluster, name string) map[string]any {
	t.Helper()
	out, err := lab.Kubectl(t.Context(), "get", "mutatingwebhookconfiguration", name, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	saved := map[string]any{}
	if err := json.Unmarshal([]byte(out), &saved); err != nil {
		t.Fatal(err)
	}
	return saved
}

// reactivate gives a deactivated injector the selectors of another.
func reactivate(t *testing.T, lab *cluster.Cluster, name, like string) {
	t.Helper()
	configuration, other := webhookConfiguration(t, lab, name), webhookConfiguration(t, lab, like)
	for i, w := range configuration["webhooks"].([]any) {
		from := other["webhooks"].([]any)[i].(map[string]any)
		w.(map[string]any)["namespaceSelector"], w.(map[string]any)["objectSelector"] = from["namespaceSelector"], from["objectSelector"]
	}
	file := t.TempDir() + "/configuration.json"
	writeFile(t, file, jsonOf(t, configuration))
	if _, err := lab.Kubectl(t.Context(), "replace", "-f", file); err != nil {
		t.Fatal(err)
	}
}

func wantFailure(t *testing.T, r result, code int, stderr string) {
	t.Helper()
	if r.code != code || r.stderr != stderr || r.stdout != "" {
		t.Errorf("exit %d, want %d\nstdout: %q\nstderr: %q\nwant:   %q", r.code, code, r.stdout, r.stderr, stderr)
	}
}
