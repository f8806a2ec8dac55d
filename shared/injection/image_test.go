package injection

import (
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

// regarded is what revision 1-22 regards of the ProxyConfigs.
func regarded(config *Config, list ...ProxyConfig) scope {
	return (&Mesh{ProxyConfigs: NewProxyConfigs(list)}).scope(owner("1-22"), config)
}

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
			got, err := regarded(&config, c.configs...).imageType("shop", set{"app": "cart"}, annotatedType)
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
			config := Config{RootNamespace: "istio-system"}
			if got, err := regarded(&config, c.list...).imageType("shop", nil, ""); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestTheProxyConfigsOfTheRootNamespaceHoldForItsOwnPodsOnce(t *testing.T) {
	config := Config{RootNamespace: "istio-system"}
	configs := regarded(&config, ProxyConfig{Namespace: "istio-system", ImageType: "debug"})
	if got, err := configs.imageType("istio-system", nil, ""); err != nil || got != "debug" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAProxyConfigForAnotherRevisionIsDisregarded(t *testing.T) {
	labelled := func(name, rev string) ProxyConfig {
		return ProxyConfig{Namespace: "shop", Name: name, Revision: &rev, ImageType: name}
	}
	for _, c := range []struct {
		rule string
		list []ProxyConfig
		want string
	}{
		{"without the label it is for every revision", []ProxyConfig{{Namespace: "shop", ImageType: "all"}}, "all"},
		{"one for the revision", []ProxyConfig{labelled("mine", "1-22")}, "mine"},
		{"one for another revision", []ProxyConfig{labelled("other", "1-23")}, "mesh"},
		{"one for a tag, even the revision's own", []ProxyConfig{labelled("tag", "prod-stable")}, "mesh"},
		{"one with an empty label", []ProxyConfig{labelled("empty", "")}, "mesh"},
		{"it does not stand in the way of a later one", []ProxyConfig{labelled("a", "1-23"), labelled("b", "1-22")}, "b"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := twoRevisions(t)
			m.ProxyConfigs = NewProxyConfigs(c.list)
			config := Config{imageType: "mesh", RootNamespace: "istio-system"}
			if got, err := m.scope(owner("1-22"), &config).imageType("shop", nil, ""); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestAProxyConfigInANamespaceThatDiscoverySelectorsLeaveOutIsDisregarded(t *testing.T) {
	in := func(namespace string) ProxyConfig { return ProxyConfig{Namespace: namespace, ImageType: namespace} }
	both := []ProxyConfig{in("istio-system"), in("shop")}
	for _, c := range []struct {
		rule       string
		namespaces map[string]map[string]string
		selectors  string
		want       string
	}{
		{"no selectors", nil, "", "shop"},
		{"both selected", map[string]map[string]string{"istio-system": {"mesh": "a"}, "shop": {"mesh": "a"}}, "[{matchLabels: {mesh: a}}]", "shop"},
		{"the pod's left out", map[string]map[string]string{"istio-system": {"mesh": "a"}, "shop": {"mesh": "b"}}, "[{matchLabels: {mesh: a}}]", "istio-system"},
		{"the root namespace left out", map[string]map[string]string{"shop": {"mesh": "a"}}, "[{matchLabels: {mesh: b}}]", ""},
		{"a namespace that is not known has no labels", nil, "[{matchLabels: {mesh: a}}]", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			config := discovering(t, c.selectors)
			m := Mesh{ProxyConfigs: NewProxyConfigs(both), Namespaces: c.namespaces}
			if got, err := m.scope(owner("1-22"), &config).imageType("shop", nil, ""); err != nil || got != c.want {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
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
