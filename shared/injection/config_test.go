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
		{"a discovery selector that is malformed", good, set{"mesh": "discoverySelectors: [{matchExpressions: [{key: a, operator: Near}]}]"},
			`mesh configuration, key "mesh": discoverySelectors: "Near" is not a valid label selector operator`},
		{"discovery selectors of another shape", good, set{"mesh": "discoverySelectors: {a: b}"}, `mesh configuration, key "mesh": `},
		{"a mesh configuration of another shape", good, set{"mesh": "defaultConfig: 1"}, `mesh configuration, key "mesh": `},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := ParseConfig(c.injector, c.mesh); err == nil || !strings.HasPrefix(err.Error(), c.prefix) {
				t.Errorf("got %v, want %s...", err, c.prefix)
			}
		})
	}
}

func TestDiscoverySelectorsSayWhichNamespacesAControlPlaneReads(t *testing.T) {
	const either = "[{matchLabels: {mesh: a}}, {matchExpressions: [{key: env, operator: In, values: [prod, test]}]}]"
	for _, c := range []struct {
		rule, selectors string
		namespace       set
		selective, want bool
	}{
		{"none select every namespace", "[]", nil, false, true},
		{"matchLabels", "[{matchLabels: {mesh: a}}]", set{"mesh": "a", "more": "x"}, true, true},
		{"matchLabels of another value", "[{matchLabels: {mesh: a}}]", set{"mesh": "b"}, true, false},
		{"matchExpressions", "[{matchExpressions: [{key: env, operator: In, values: [prod, test]}]}]", set{"env": "test"}, true, true},
		{"matchExpressions of another value", "[{matchExpressions: [{key: env, operator: In, values: [prod]}]}]", set{"env": "test"}, true, false},
		{"matchExpressions without values", "[{matchExpressions: [{key: env, operator: DoesNotExist}]}]", nil, true, true},
		{"both in one must hold", "[{matchLabels: {mesh: a}, matchExpressions: [{key: env, operator: Exists}]}]", set{"mesh": "a"}, true, false},
		{"one of several is enough", either, set{"env": "prod"}, true, true},
		{"none of several", either, set{"env": "other"}, true, false},
		{"an empty one selects every namespace", "[{}]", nil, true, true},
		{"no labels", "[{matchLabels: {mesh: a}}]", nil, true, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			config := discovering(t, c.selectors)
			if config.Selective() != c.selective || config.discovers(c.namespace) != c.want {
				t.Errorf("selective %v, discovers %v", config.Selective(), config.discovers(c.namespace))
			}
		})
	}
}

func TestTheValuesShowWhetherWaypointsAreMade(t *testing.T) {
	for _, c := range []struct {
		rule, pilot string
		want        bool
	}{
		{"values of before pilot's were part of them", "", false},
		{"no environment", `,"pilot":{}`, true},
		{"ambient mode is off", `,"pilot":{"env":{"PILOT_ENABLE_AMBIENT":"false"}}`, true},
		{"ambient mode", `,"pilot":{"env":{"PILOT_ENABLE_AMBIENT":"true"}}`, false},
		{"ambient mode, not as text", `,"pilot":{"env":{"PILOT_ENABLE_AMBIENT":true}}`, false},
		{"waypoints alone", `,"pilot":{"env":{"PILOT_ENABLE_AMBIENT_WAYPOINTS":"true"}}`, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := config(t, "1.22.0", func(data set) { data["values"] = strings.TrimSuffix(data["values"], "}") + c.pilot + "}" })
			if got.noWaypoints != c.want {
				t.Errorf("no waypoints: %v, want %v", got.noWaypoints, c.want)
			}
		})
	}
}

const (
	spelled   = containers + "  - name: istio-proxy\n    image: a/b:1\n"
	oldValues = `{"global":{"hub":"hub.example.com/i","tag":"1.4.6","proxy":{"image":"proxyv2"}}}`
)

func TestAConfigurationWithOneTemplateIsOfAnOldRelease(t *testing.T) {
	both := oldData(spelled, oldValues)
	both["config"] += "\ntemplates:\n  sidecar: |\n" + "    " + strings.ReplaceAll(fixture.StockTemplate, "\n", "\n    ")
	for _, c := range []struct {
		rule         string
		data         set
		single       bool
		defaultImage string
	}{
		{"an image that is spelt out needs no values", oldData(spelled, ""), true, "a/b:1"},
		{"nor does one that is not modelled, and nothing is claimed", oldData(choosing("{{ if .Mine }}\n", fromHub), ""), true, ""},
		{"one that is made from the values", oldData(choosing(ifWhole, fromHubOr), oldValues), true, "hub.example.com/i/proxyv2:1.4.6"},
		{"templates by name count for more", both, false, "hub.example.com/i/proxyv2:1.4.6"},
		{"the error message that charts put there since is no template", fixture.InjectorData("1.22.0"), false, "docker.io/istio/proxyv2:1.22.0"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := ParseConfig(c.data)
			if err != nil || got.single != c.single || got.DefaultImage() != c.defaultImage {
				t.Errorf("single %v, default %q, %v", got.single, got.DefaultImage(), err)
			}
		})
	}
}

func TestValuesThatTheTemplateNeedsAreMissed(t *testing.T) {
	for rule, data := range map[string]set{
		"one template":      oldData(choosing(ifWhole, fromHub), ""),
		"templates by name": {"config": fixture.InjectorData("1.22.0")["config"]},
		"no template":       oldData("rewriteAppHTTPProbe: false\n", ""),
	} {
		if _, err := ParseConfig(data); err == nil {
			t.Errorf("%s: no error", rule)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, data := range eraData(f) {
		f.Add(data["config"], data["values"], "")
	}
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
		if c.DefaultImage() == "" && !c.single {
			t.Error("no image by default")
		}
		if len(c.readings) == 0 {
			t.Error("no reading of a pod's wish")
		}
	})
}
