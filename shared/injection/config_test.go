package injection

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

func TestConfigMapsAreNamedAfterTheRevision(t *testing.T) {
	for rev, want := range map[string][]string{
		"":        {"istio-sidecar-injector", "istio-shared-configmap", "istio"},
		"default": {"istio-sidecar-injector", "istio-shared-configmap", "istio"},
		"1-22":    {"istio-sidecar-injector-1-22", "istio-shared-configmap-1-22", "istio-1-22"},
	} {
		if got := append([]string{ConfigMapName(rev)}, MeshConfigMapNames(rev)...); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, want %q", rev, got, want)
		}
	}
}

func TestAConfigMapAsIstiosChartsWriteItIsRead(t *testing.T) {
	c, err := ParseConfig(fixture.InjectorData("1.22.0"), set{"mesh": "defaultConfig:\n  discoveryAddress: istiod.istio-system.svc:15012\n" +
		"defaultProviders:\n  metrics:\n  - prometheus\nenablePrometheusMerge: true\nrootNamespace: istio-system\ntrustDomain: cluster.local\n"})
	if err != nil {
		t.Fatal(err)
	}
	if c.policy != "enabled" || len(c.never)+len(c.always) != 0 || c.imageType != "" || c.RootNamespace != "istio-system" ||
		!reflect.DeepEqual(c.defaultTemplates, []string{"sidecar"}) || c.values != (values{hub: "docker.io/istio", tag: "1.22.0", image: "proxyv2"}) {
		t.Errorf("got %+v", c)
	}
	for _, name := range []string{"sidecar", "gateway", "kube-gateway", "waypoint"} {
		if c.templates[name].kind != stockImage {
			t.Errorf("template %s: %+v", name, c.templates[name])
		}
	}
}

func TestTheMeshConfigurationThatWinsComesLast(t *testing.T) {
	shared := set{"mesh": "rootNamespace: shared\ndefaultConfig: {image: {imageType: debug}}"}
	own := set{"mesh": "rootNamespace: own"}
	for _, c := range []struct {
		rule            string
		mesh            []map[string]string
		root, imageType string
	}{
		{"none", nil, "istio-system", ""},
		{"one that does not exist", []map[string]string{nil}, "istio-system", ""},
		{"an empty one", []map[string]string{{"mesh": " \n"}}, "istio-system", ""},
		{"the shared one", []map[string]string{shared, nil}, "shared", "debug"},
		{"the revision's own is stronger, field by field", []map[string]string{shared, own}, "own", "debug"},
		{"fields of another version of Istio are no fault", []map[string]string{{"mesh": "someNewField: 1\nrootNamespace: x"}}, "x", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := ParseConfig(fixture.InjectorData("1.22.0"), c.mesh...)
			if err != nil || got.RootNamespace != c.root || got.imageType != c.imageType {
				t.Errorf("got %q, %q, %v", got.RootNamespace, got.imageType, err)
			}
		})
	}
}

func TestTheErrorNamesTheKeyThatCannotBeRead(t *testing.T) {
	good := fixture.InjectorData("1.22.0")
	for _, c := range []struct {
		rule     string
		injector set
		mesh     set
		prefix   string
	}{
		{"a configuration that is no YAML", set{"config": "a: b: c", "values": good["values"]}, nil, `key "config": `},
		{"a configuration of another shape", set{"config": "templates: [a]", "values": good["values"]}, nil, `key "config": `},
		{"values that are no YAML", set{"config": good["config"], "values": "{"}, nil, `key "values": `},
		{"no values", set{"config": good["config"]}, nil, `key "values": global.hub, global.tag and global.proxy.image are all missing`},
		{"a mesh configuration that is no YAML", good, set{"mesh": "a: b: c"}, `mesh configuration, key "mesh": `},
		{"a mesh configuration of another shape", good, set{"mesh": "defaultConfig: 1"}, `mesh configuration, key "mesh": `},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := ParseConfig(c.injector, c.mesh); err == nil || !strings.HasPrefix(err.Error(), c.prefix) {
				t.Errorf("got %v, want %s...", err, c.prefix)
			}
		})
	}
}

func FuzzParseConfig(f *testing.F) {
	good := fixture.InjectorData("1.22.0")
	f.Add(good["config"], good["values"], "rootNamespace: x\ndefaultConfig: {image: {imageType: debug}}")
	f.Add("", "", "")
	f.Add("policy: disabled\nneverInjectSelector:\n- matchExpressions: [{key: a, operator: In}]", `{"global":{"tag":1.22}}`, "null")
	f.Add("templates: {a: }\naliases: {b: [c]}", "global: {hub: h, tag: [1], proxy: {image: a/b}}", "[]")
	f.Add("defaultTemplates: ['']", "global: null", "defaultConfig: null")
	f.Fuzz(func(t *testing.T, config, values, mesh string) {
		c, err := ParseConfig(set{"config": config, "values": values}, set{"mesh": mesh})
		if err != nil {
			return
		}
		if len(c.defaultTemplates) == 0 || c.RootNamespace == "" {
			t.Errorf("got %+v", c)
		}
		if c.DefaultImage() == "" {
			t.Error("no image by default")
		}
	})
}
