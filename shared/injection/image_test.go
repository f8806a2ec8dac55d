package injection

import (
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

func TestThePrecedenceOfProxyConfigurations(t *testing.T) {
	const annotated = "image: {imageType: annotated}"
	root := ProxyConfig{Namespace: "istio-system", Name: "root", ImageType: "root"}
	namespace := ProxyConfig{Namespace: "shop", Name: "namespace", ImageType: "namespace"}
	workload := ProxyConfig{Namespace: "shop", Name: "workload", Selector: set{"app": "cart"}, ImageType: "workload"}
	for _, c := range []struct {
		rule       string
		configs    []ProxyConfig
		mesh       string
		annotation string
		want       string
	}{
		{"none", nil, "", "", ""},
		{"the mesh configuration", nil, "mesh", "", "mesh"},
		{"a ProxyConfig for the mesh is stronger", []ProxyConfig{root}, "mesh", "", "root"},
		{"one for the namespace is stronger", []ProxyConfig{root, namespace}, "mesh", "", "namespace"},
		{"the annotation is stronger", []ProxyConfig{root, namespace}, "mesh", annotated, "annotated"},
		{"one that selects the pod is the strongest", []ProxyConfig{root, namespace, workload}, "mesh", annotated, "workload"},
		{"one that selects other pods does not count", []ProxyConfig{{Namespace: "shop", Selector: set{"app": "other"}, ImageType: "x"}}, "mesh", "", "mesh"},
		{"one of another namespace does not count", []ProxyConfig{{Namespace: "other", ImageType: "x"}}, "mesh", "", "mesh"},
		{"one that selects the pod from the root namespace does not count", []ProxyConfig{{Namespace: "istio-system", Selector: set{"app": "cart"}, ImageType: "x"}}, "mesh", "", "mesh"},
		{"the first of a namespace counts, even without an image type", []ProxyConfig{{Namespace: "shop", Name: "a"}, {Namespace: "shop", Name: "b", ImageType: "b"}}, "mesh", "", "mesh"},
		{"an annotation without an image type changes nothing", []ProxyConfig{namespace}, "", "concurrency: 2", "namespace"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			config := Config{imageType: c.mesh, RootNamespace: "istio-system"}
			annotations := set{}
			if c.annotation != "" {
				annotations["proxy.istio.io/config"] = c.annotation
			}
			annotatedType, err := annotatedImageType(annotations)
			if err != nil {
				t.Fatal(err)
			}
			got, err := NewProxyConfigs(c.configs).imageType("shop", set{"app": "cart"}, annotatedType, &config)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestTheOldestProxyConfigCounts(t *testing.T) {
	at := func(hour int, namespace, name string) ProxyConfig {
		created := time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC)
		return ProxyConfig{Namespace: namespace, Name: name, Created: created, ImageType: namespace + "/" + name}
	}
	for _, c := range []struct {
		rule string
		list []ProxyConfig
		want string
	}{
		{"by creation", []ProxyConfig{at(2, "shop", "a"), at(1, "shop", "b")}, "shop/b"},
		{"then by name", []ProxyConfig{at(1, "shop", "b"), at(1, "shop", "a")}, "shop/a"},
		{"a name before those it begins", []ProxyConfig{at(1, "shop", "a-b"), at(1, "shop", "a")}, "shop/a"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := NewProxyConfigs(c.list).unselective("shop"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheProxyConfigsOfTheRootNamespaceHoldForItsOwnPodsOnce(t *testing.T) {
	config := Config{RootNamespace: "istio-system"}
	configs := NewProxyConfigs([]ProxyConfig{{Namespace: "istio-system", ImageType: "debug"}})
	if got, err := configs.imageType("istio-system", nil, "", &config); err != nil || got != "debug" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheImageOfAPodForWhichNothingAsksForAnother(t *testing.T) {
	c := config(t, "1.22.0")
	c.imageType = "distroless"
	if got := c.DefaultImage(); got != oldImage+"-distroless" {
		t.Errorf("got %s", got)
	}
}

func FuzzAnnotatedImageType(f *testing.F) {
	for _, text := range []string{
		"", "image: {imageType: debug}", `{"image":{"imageType":"distroless"}}`, "concurrency: 2", "concurrency: many", "a: b: c",
		"[]", "null", "image: null", "unknownField: 1", "proxyMetadata: {a: b}\nimage:\n  imageType: x\n", "*a", "? ?", "image: 7",
	} {
		f.Add(text)
	}
	m := fixture.InjectorData("1.22.0")
	c, err := ParseConfig(m)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		imageType, err := annotatedImageType(set{"proxy.istio.io/config": text})
		if err != nil && imageType != "" {
			t.Errorf("a malformed annotation sets %q", imageType)
		}
		if image := c.values.proxyImage(imageType, nil); imageType == "" && image != oldImage {
			t.Errorf("no image type, but image %q", image)
		}
	})
}
