package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// settings are an injector's configuration as istiod and istioctl write it: free-form YAML.
type settings = map[string]any

// marker is an annotation that the changed configuration adds to injected pods: it shows that istiod has seen it.
const marker = "lab.mesh.kubectl.dev/configuration"

// configure changes a revision's injector ConfigMap, waits until the real istiod injects by it, and puts everything
// back when the test ends.
func configure(t *testing.T, lab *cluster.Cluster, revision string, change func(config, values settings)) {
	t.Helper()
	name := "istio-sidecar-injector-" + revision
	maps := lab.Client().CoreV1().ConfigMaps("istio-system")
	before, err := maps.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		restore(t, lab, before)
		awaitMarker(t, lab, revision, "")
	})
	config, values := settings{}, settings{}
	parse(t, before.Data["config"], &config)
	parse(t, before.Data["values"], &values)
	change(config, values)
	stamp := rand.String(8)
	config["injectedAnnotations"] = map[string]any{marker: stamp}
	after := before.DeepCopy()
	after.Data["config"], after.Data["values"] = yamlOf(t, config), jsonOf(t, values)
	if _, err := maps.Update(t.Context(), after, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitMarker(t, lab, revision, stamp)
}

// configureMesh changes a revision's mesh ConfigMap until the test ends. Nothing in a pod shows that istiod has seen it:
// the caller waits for the effect.
func configureMesh(t *testing.T, lab *cluster.Cluster, revision string, change func(mesh settings)) {
	t.Helper()
	maps := lab.Client().CoreV1().ConfigMaps("istio-system")
	before, err := maps.Get(t.Context(), "istio-"+revision, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { restore(t, lab, before) })
	mesh := settings{}
	parse(t, before.Data["mesh"], &mesh)
	change(mesh)
	after := before.DeepCopy()
	after.Data["mesh"] = yamlOf(t, mesh)
	if _, err := maps.Update(t.Context(), after, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func restore(t *testing.T, lab *cluster.Cluster, before *corev1.ConfigMap) {
	t.Helper()
	ctx := context.Background()
	maps := lab.Client().CoreV1().ConfigMaps(before.Namespace)
	live, err := maps.Get(ctx, before.Name, metav1.GetOptions{})
	if err == nil {
		live.Data = before.Data
		_, err = maps.Update(ctx, live, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Error(err)
	}
}

// awaitMarker waits until a pod that is injected in any case bears the marker's value.
func awaitMarker(t *testing.T, lab *cluster.Cluster, revision, want string) {
	t.Helper()
	probe := newPod("default", "probe", withLabel("istio.io/rev", revision), withLabel("sidecar.istio.io/inject", "true"))
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, err := lab.Client().CoreV1().Pods("default").Create(context.Background(), probe.DeepCopy(),
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil && got.Annotations[marker] == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("istiod %s has not taken up its configuration: %v", revision, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func parse(t *testing.T, text string, into *settings) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func yamlOf(t *testing.T, v settings) string {
	t.Helper()
	out, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func jsonOf(t *testing.T, v settings) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func global(values settings) settings { return values["global"].(settings) }

func setGlobal(key string, value any) func(config, values settings) {
	return func(_, values settings) { global(values)[key] = value }
}

func setProxyImage(image string) func(config, values settings) {
	return func(_, values settings) { global(values)["proxy"].(settings)["image"] = image }
}

func setConfig(key string, value any) func(config, values settings) {
	return func(config, _ settings) { config[key] = value }
}

// selecting is a list with one label selector.
func selecting(key, value string) []any {
	return []any{map[string]any{"matchLabels": map[string]any{key: value}}}
}

// addTemplate adds an injection template.
func addTemplate(config settings, name, text string) {
	config["templates"].(settings)[name] = text
}

// proxyConfig is a ProxyConfig resource that sets an image type.
func proxyConfig(namespace, name, imageType, app string) string {
	manifest := fmt.Sprintf(`apiVersion: networking.istio.io/v1beta1
kind: ProxyConfig
metadata: {namespace: %s, name: %s}
spec:
  image: {imageType: %s}
`, namespace, name, imageType)
	if app != "" {
		manifest += fmt.Sprintf("  selector: {matchLabels: {app: %s}}\n", app)
	}
	return manifest
}
