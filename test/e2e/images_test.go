package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

const oldImage = "docker.io/istio/proxyv2:1.22.0"

// wanted is a pod and the image that it must get: from the real injector, and so from us. No image means that it is not
// injected.
type wanted struct {
	name    string
	image   string
	options []podOption
}

// imageCase is one source of images or one reason to decline.
type imageCase struct {
	name string
	// change is made to the injector's configuration, and mesh to the mesh configuration.
	change func(config, values settings)
	mesh   func(mesh settings)
	// manifest is applied; %s stands for the test's namespace.
	manifest string
	pods     []wanted
}

var plain = wanted{name: "plain", image: oldImage}

var imageCases = []imageCase{
	{name: "stock", pods: []wanted{plain,
		{"type-debug", oldImage + "-debug", []podOption{withAnnotation("sidecar.istio.io/proxyImageType", "debug")}},
		{"type-default", oldImage, []podOption{withAnnotation("sidecar.istio.io/proxyImageType", "default")}},
		{"type-empty", oldImage, []podOption{withAnnotation("sidecar.istio.io/proxyImageType", "")}},
		{"image-whole", "example.com/proxy:7", []podOption{withAnnotation("sidecar.istio.io/proxyImage", "example.com/proxy:7")}},
		{"image-no-slash", oldImage, []podOption{withAnnotation("sidecar.istio.io/proxyImage", "proxy")}},
		{"config-type", oldImage + "-distroless", []podOption{withAnnotation("proxy.istio.io/config", "image: {imageType: distroless}")}},
		{"config-other", oldImage, []podOption{withAnnotation("proxy.istio.io/config", "concurrency: 2")}},
		{"own-image", "example.com/own:1", []podOption{withOwnProxy("example.com/own:1")}},
		{"own-auto", oldImage, []podOption{withOwnProxy("auto")}},
		{"own-native", "example.com/own:2", []podOption{withOwnNativeProxy("example.com/own:2")}},
		{"own-and-whole", "example.com/own:1", []podOption{withOwnProxy("example.com/own:1"), withAnnotation("sidecar.istio.io/proxyImage", "example.com/proxy:7")}},
		{"gateway", oldImage, []podOption{withAnnotation("inject.istio.io/templates", "gateway"), withOwnProxy("auto")}},
		{"grpc-agent", oldImage, []podOption{withAnnotation("inject.istio.io/templates", "grpc-agent")}},
		{"not-native", oldImage, []podOption{withAnnotation("sidecar.istio.io/nativeSidecar", "false")}},
		{"not-native-own", "example.com/own:1", []podOption{withAnnotation("sidecar.istio.io/nativeSidecar", "false"), withOwnProxy("example.com/own:1")}},
	}},
	{name: "hub with a port", change: setGlobal("hub", "registry.example.com:5000/istio"),
		pods: []wanted{{name: "plain", image: "registry.example.com:5000/istio/proxyv2:1.22.0"}}},
	{name: "tag is a number", change: setGlobal("tag", 1.22),
		pods: []wanted{{name: "plain", image: "docker.io/istio/proxyv2:1.22"}}},
	{name: "tag is a large number", change: setGlobal("tag", 20240612),
		pods: []wanted{{name: "plain", image: "docker.io/istio/proxyv2:2.0240612e+07"}}},
	{name: "image by name", change: setProxyImage("proxyv2-fips"), pods: []wanted{
		{name: "plain", image: "docker.io/istio/proxyv2-fips:1.22.0"}}},
	{name: "image whole", change: setProxyImage("example.com/own/proxy:1"), pods: []wanted{
		{name: "plain", image: "example.com/own/proxy:1"},
		{"whole", "example.com/proxy:7", []podOption{withAnnotation("sidecar.istio.io/proxyImage", "example.com/proxy:7")}},
		{"typed", "example.com/own/proxy:1", []podOption{withAnnotation("sidecar.istio.io/proxyImageType", "debug")}}}},
	{name: "variant", change: setGlobal("variant", "distroless"), pods: []wanted{
		{name: "plain", image: oldImage + "-distroless"},
		{"type-debug", oldImage + "-debug", []podOption{withAnnotation("sidecar.istio.io/proxyImageType", "debug")}},
		{"type-default", oldImage, []podOption{withAnnotation("sidecar.istio.io/proxyImageType", "default")}}}},
	{name: "variant replaces the tag's", change: func(_, values settings) {
		global(values)["tag"], global(values)["variant"] = "1.22.0-distroless", "debug"
	}, pods: []wanted{{name: "plain", image: oldImage + "-debug"}}},
	{name: "mesh image type", mesh: setDefaultImageType("distroless"), pods: []wanted{
		{name: "plain", image: oldImage + "-distroless"},
		{"annotated", oldImage + "-debug", []podOption{withAnnotation("proxy.istio.io/config", "image: {imageType: debug}")}}}},
	{name: "proxy configs", manifest: proxyConfig("%[1]s", "first", "distroless", "") + "---\n" +
		proxyConfig("%[1]s", "selecting", "debug", "chosen") + "---\n" + proxyConfig("istio-system", "all-%[1]s", "debug", ""),
		pods: []wanted{
			{name: "plain", image: oldImage + "-distroless"},
			{"chosen", oldImage + "-debug", []podOption{withLabel("app", "chosen")}},
			{"annotated", oldImage, []podOption{withAnnotation("proxy.istio.io/config", "image: {imageType: default}")}},
			{"chosen-annotated", oldImage + "-debug", []podOption{withLabel("app", "chosen"), withAnnotation("proxy.istio.io/config", "image: {imageType: default}")}},
			{"chosen-typed", oldImage, []podOption{withLabel("app", "chosen"), withAnnotation("sidecar.istio.io/proxyImageType", "default")}}}},
	{name: "proxy config of the mesh", manifest: proxyConfig("istio-system", "all-%[1]s", "debug", ""),
		pods: []wanted{{name: "plain", image: oldImage + "-debug"}}},
	{name: "proxy configs of other revisions", manifest: labelled(proxyConfig("%[1]s", "other", "distroless", ""), newRevision) + "---\n" +
		labelled(proxyConfig("%[1]s", "tagged", "distroless", ""), stableTag) + "---\n" +
		labelled(proxyConfig("%[1]s", "ours", "debug", "chosen"), oldRevision),
		pods: []wanted{plain, {"chosen", oldImage + "-debug", []podOption{withLabel("app", "chosen")}}}},
	{name: "proxy config outside the discovery selectors", manifest: proxyConfig("%[1]s", "unseen", "distroless", ""),
		mesh: func(mesh settings) {
			mesh["discoverySelectors"] = []any{settings{"matchLabels": settings{"mesh": "ours"}}}
		},
		pods: []wanted{plain}},
	{name: "never", change: setConfig("neverInjectSelector", selecting("app", "never")), pods: []wanted{plain,
		{"never", "", []podOption{withLabel("app", "never")}},
		{"never-asked", oldImage, []podOption{withLabel("app", "never"), withLabel("sidecar.istio.io/inject", "true")}},
		{"never-annotated", oldImage, []podOption{withLabel("app", "never"), withAnnotation("sidecar.istio.io/inject", "true")}}}},
	{name: "always", change: func(config, _ settings) {
		config["policy"], config["alwaysInjectSelector"] = "disabled", selecting("app", "always")
		config["neverInjectSelector"] = selecting("tier", "never")
	}, pods: []wanted{{name: "plain"},
		{"always", oldImage, []podOption{withLabel("app", "always")}},
		{"always-refused", "", []podOption{withLabel("app", "always"), withAnnotation("sidecar.istio.io/inject", "false")}},
		{"never-first", "", []podOption{withLabel("app", "always"), withLabel("tier", "never")}},
		{"asked", oldImage, []podOption{withLabel("sidecar.istio.io/inject", "true")}}}},
	{name: "policy disabled", change: setConfig("policy", "disabled"), pods: []wanted{{name: "plain"},
		{"asked", oldImage, []podOption{withLabel("sidecar.istio.io/inject", "true")}},
		{"annotated", oldImage, []podOption{withAnnotation("sidecar.istio.io/inject", "true")}},
		{"other-value", "", []podOption{withLabel("sidecar.istio.io/inject", "yes")}}}},
	{name: "templates", change: func(config, _ settings) {
		addTemplate(config, "labels", "metadata:\n  labels:\n    added: \"yes\"\n")
		addTemplate(config, "literal", "spec:\n  containers:\n  - name: istio-proxy\n    image: example.com/literal:3\n")
		config["aliases"] = map[string]any{"both": []any{"sidecar", "labels"}}
		config["defaultTemplates"] = []any{"sidecar", "labels"}
	}, pods: []wanted{plain,
		{"alias", oldImage, []podOption{withAnnotation("inject.istio.io/templates", "both")}},
		{"spaces", oldImage, []podOption{withAnnotation("inject.istio.io/templates", " sidecar , labels ")}},
		{"literal", "example.com/literal:3", []podOption{withAnnotation("sidecar.istio.io/nativeSidecar", "false"), withAnnotation("inject.istio.io/templates", "sidecar,literal")}}}},
}

// TestImagesEqualTheInjectors compares every source of a proxy's image with what the real istiod does, for pods before
// and after they were injected.
func TestImagesEqualTheInjectors(t *testing.T) {
	lab := sharedLab(t)
	for n, c := range imageCases {
		t.Run(c.name, func(t *testing.T) {
			namespace := fmt.Sprintf("images-%d", n)
			createNamespace(t, lab, namespace, nil)
			if c.change != nil {
				configure(t, lab, oldRevision, c.change)
			}
			if c.mesh != nil {
				configureMesh(t, lab, oldRevision, c.mesh)
			}
			if c.manifest != "" {
				apply(t, lab, fmt.Sprintf(c.manifest, namespace))
				t.Cleanup(func() { deleteProxyConfigs(t, lab) })
			}
			var pods []*corev1.Pod
			for _, w := range c.pods {
				createPods(t, lab, newPod(namespace, w.name+"-before", w.options...))
			}
			relabel(t, lab, namespace, "istio.io/rev="+oldRevision)
			for _, w := range c.pods {
				before, after := newPod(namespace, w.name+"-before", w.options...), newPod(namespace, w.name+"-after", w.options...)
				awaitImage(t, lab, after, w.image)
				createPods(t, lab, after)
				pods = append(pods, before, after)
			}
			equalsTruth(t, proxyver(t, lab, "-n", namespace), askAll(t, lab, pods))
		})
	}
}

// awaitImage waits until the real injector gives the pod the image: istiod takes up what changes a moment later.
func awaitImage(t *testing.T, lab *cluster.Cluster, pod *corev1.Pod, image string) {
	t.Helper()
	eventually(t, 10*time.Second, func() error {
		got, err := ask(t.Context(), lab, pod)
		if err != nil || got.image != image {
			return fmt.Errorf("pod %s: the real injector answers %v, %v; want image %q", pod.Name, got, err, image)
		}
		return nil
	})
}

func withOwnNativeProxy(image string) podOption {
	return func(p *corev1.Pod) {
		always := corev1.ContainerRestartPolicyAlways
		p.Spec.InitContainers = append(p.Spec.InitContainers,
			corev1.Container{Name: "istio-proxy", Image: image, RestartPolicy: &always})
	}
}

func setDefaultImageType(imageType string) func(settings) {
	return func(mesh settings) {
		config, _ := mesh["defaultConfig"].(settings)
		if config == nil {
			config = settings{}
		}
		config["image"] = settings{"imageType": imageType}
		mesh["defaultConfig"] = config
	}
}

// labelled gives a manifest the label istio.io/rev.
func labelled(manifest, revision string) string {
	return strings.Replace(manifest, "metadata: {", "metadata: {labels: {istio.io/rev: "+revision+"}, ", 1)
}

func deleteProxyConfigs(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	if _, err := lab.Kubectl(context.Background(), "delete", "proxyconfigs.networking.istio.io", "-n", "istio-system", "--all"); err != nil {
		t.Error(err)
	}
}
