package injection

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

func hostNetwork(p *corev1.Pod) { p.Spec.HostNetwork = true }

func in(namespace string) fixture.PodOption {
	return func(p *corev1.Pod) { p.Namespace = namespace }
}

// configured replaces a line of the injector's configuration.
func configured(before, after string) func(set) {
	return func(data set) { data["config"] = strings.Replace(data["config"], before, after, 1) }
}

func TestWhoInjectsAPodAndWhy(t *testing.T) {
	for _, c := range []struct {
		rule      string
		namespace set
		options   []fixture.PodOption
		outcome   Outcome
		revision  string
		tag       string
		reason    string
		dangling  bool
	}{
		{"a namespace that names a revision", follows("1-22"), nil, Injected, "1-22", "", "namespace label istio.io/rev=1-22 -> revision 1-22", false},
		{"a namespace that names a tag", follows("prod-canary"), nil, Injected, "1-23", "prod-canary",
			"namespace label istio.io/rev=prod-canary -> tag prod-canary -> revision 1-23", false},
		{"a pod that names a tag", nil, []fixture.PodOption{fixture.Label("istio.io/rev", "prod-stable")}, Injected, "1-22", "prod-stable",
			"pod label istio.io/rev=prod-stable -> tag prod-stable -> revision 1-22", false},
		{"a namespace beats its pod", follows("1-22"), []fixture.PodOption{fixture.Label("istio.io/rev", "1-23")}, Injected, "1-22", "",
			"namespace label istio.io/rev=1-22 -> revision 1-22", false},
		{"no labels at all", nil, nil, NotInjected, "", "", "no injection label", false},
		{"a namespace that opts out", set{"istio-injection": "disabled", "istio.io/rev": "1-22"}, nil, NotInjected, "", "", "namespace label istio-injection=disabled", false},
		{"a pod that opts out", follows("1-22"), []fixture.PodOption{fixture.Label("sidecar.istio.io/inject", "false")}, NotInjected, "", "",
			"pod label sidecar.istio.io/inject=false", false},
		{"a namespace that follows a default that is not there", set{"istio-injection": "enabled"}, nil, NotInjected, "", "",
			"namespace label istio-injection=enabled, but there is no default revision or tag", true},
		{"a pod that asks for a default that is not there", nil, []fixture.PodOption{fixture.Label("sidecar.istio.io/inject", "true")}, NotInjected, "", "",
			"pod label sidecar.istio.io/inject=true, but there is no default revision or tag", true},
		{"a namespace that names nothing", follows("mistyped"), nil, NotInjected, "", "", "namespace label istio.io/rev=mistyped names no revision or tag", true},
		{"even where its pod names something", follows("mistyped"), []fixture.PodOption{fixture.Label("istio.io/rev", "1-22")}, NotInjected, "", "",
			"namespace label istio.io/rev=mistyped names no revision or tag", true},
		{"a pod that names nothing", nil, []fixture.PodOption{fixture.Label("istio.io/rev", "mistyped")}, NotInjected, "", "",
			"pod label istio.io/rev=mistyped names no revision or tag", true},
		{"the host's network", follows("1-22"), []fixture.PodOption{hostNetwork}, NotInjected, "1-22", "",
			"namespace label istio.io/rev=1-22 -> revision 1-22, but the pod uses the host's network", false},
		{"a namespace of the system", follows("1-22"), []fixture.PodOption{in("kube-system")}, NotInjected, "1-22", "",
			"namespace label istio.io/rev=1-22 -> revision 1-22, but istiod never injects into kube-system", false},
		{"every namespace of the system", follows("1-22"), []fixture.PodOption{in("local-path-storage")}, NotInjected, "1-22", "",
			"namespace label istio.io/rev=1-22 -> revision 1-22, but istiod never injects into local-path-storage", false},
		{"an annotation that declines", follows("1-22"), []fixture.PodOption{fixture.Annotation("sidecar.istio.io/inject", "false")}, NotInjected, "1-22", "",
			"namespace label istio.io/rev=1-22 -> revision 1-22, but annotation sidecar.istio.io/inject=false", false},
		{"the label beats the annotation", follows("1-22"),
			[]fixture.PodOption{fixture.Label("sidecar.istio.io/inject", "true"), fixture.Annotation("sidecar.istio.io/inject", "false")}, Injected, "1-22", "",
			"namespace label istio.io/rev=1-22 -> revision 1-22", false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := twoRevisions(t).Decide(pod(c.options...), c.namespace)
			if d.Outcome != c.outcome || d.Owner.Revision != c.revision || d.Tag != c.tag || d.Reason != c.reason || d.Dangling != c.dangling {
				t.Errorf("got %+v", d)
			}
			if (d.Image != "") != (c.outcome == Injected) {
				t.Errorf("image %q", d.Image)
			}
		})
	}
}

func TestALabelThatNamesARevisionIsNotDanglingWhereOnlyTheSelectorsOfItExcludeThePod(t *testing.T) {
	narrow := fixture.Injector("1-22")
	narrow.Webhooks = narrow.Webhooks[:1]
	narrow.Webhooks[0].ObjectSelector.MatchLabels = set{"team": "a"}
	d := (&Mesh{Injectors: injectors(narrow)}).Decide(pod(), follows("1-22"))
	if d.Dangling || d.Outcome != NotInjected || d.Reason != "namespace label istio.io/rev=1-22 selects no injector for this pod" {
		t.Errorf("got %+v", d)
	}
}

func TestADefaultThatIsThereIsNotDanglingWhereItsSelectorsExcludeThePod(t *testing.T) {
	narrow := fixture.Injector("default")
	for i := range narrow.Webhooks {
		narrow.Webhooks[i].ObjectSelector.MatchLabels = set{"team": "a"}
	}
	m := &Mesh{Injectors: injectors(narrow)}
	for _, c := range []struct {
		rule      string
		namespace set
		options   []fixture.PodOption
		reason    string
	}{
		{"a namespace", set{"istio-injection": "enabled"}, nil, "namespace label istio-injection=enabled selects no injector for this pod"},
		{"a pod", nil, []fixture.PodOption{fixture.Label("sidecar.istio.io/inject", "true")}, "pod label sidecar.istio.io/inject=true selects no injector for this pod"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if d := m.Decide(pod(c.options...), c.namespace); d.Dangling || d.Outcome != NotInjected || d.Reason != c.reason {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestAProxyInThePodsOwnTemplateStaysAsItIs(t *testing.T) {
	own := fixture.Proxy("example.com/own:1", "proxy", "router")
	opted := fixture.Label("sidecar.istio.io/inject", "false")
	for _, c := range []struct {
		rule      string
		namespace set
		options   []fixture.PodOption
		want      Decision
	}{
		{"one that opts out", nil, []fixture.PodOption{own, opted},
			Decision{Outcome: Templated, Image: "example.com/own:1", Reason: "pod label sidecar.istio.io/inject=false; the proxy is in the pod's own template"}},
		{"it belongs to the revision that its annotation names", nil, []fixture.PodOption{own, fixture.Annotation("istio.io/rev", "1-22")},
			Decision{Outcome: Templated, Image: "example.com/own:1", Owner: revision.ControlPlane{Revision: "1-22"}, Reason: "no injection label; the proxy is in the pod's own template"}},
		{"not to the one that declines it", follows("prod-canary"), []fixture.PodOption{own, hostNetwork},
			Decision{Outcome: Templated, Image: "example.com/own:1",
				Reason: "namespace label istio.io/rev=prod-canary -> tag prod-canary -> revision 1-23, but the pod uses the host's network; the proxy is in the pod's own template"}},
		{"a native one", nil, []fixture.PodOption{fixture.NativeProxy("example.com/own:1")},
			Decision{Outcome: Templated, Image: "example.com/own:1", Reason: "no injection label; the proxy is in the pod's own template"}},
		{"of a namespace that names nothing", follows("mistyped"), []fixture.PodOption{own},
			Decision{Outcome: Templated, Image: "example.com/own:1", Dangling: true, ByNamespace: true, Reason: "namespace label istio.io/rev=mistyped names no revision or tag; the proxy is in the pod's own template"}},
		{"one that was injected is not in the template", nil, []fixture.PodOption{fixture.Injected("1-22", oldImage)}, Decision{Reason: "no injection label"}},
		{"nor is one with a malformed status", nil, []fixture.PodOption{own, fixture.Annotation("sidecar.istio.io/status", "{")}, Decision{Reason: "no injection label"}},
		{"a container that asks for auto is no proxy", nil, []fixture.PodOption{fixture.Proxy("auto")}, Decision{Reason: "no injection label"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if d := twoRevisions(t).Decide(pod(c.options...), c.namespace); d != c.want {
				t.Errorf("got %+v\nwant %+v", d, c.want)
			}
		})
	}
}

func TestIstiodsConfigurationDeclinesOrInsists(t *testing.T) {
	const because = "namespace label istio.io/rev=1-22 -> revision 1-22"
	never := configured("neverInjectSelector:\n  []", "neverInjectSelector:\n- matchLabels: {}\n- matchLabels: {'a b': c}\n- matchLabels: {tier: never}")
	always := configured("alwaysInjectSelector:\n  []", "alwaysInjectSelector:\n- matchLabels: {tier: always}")
	disabled := configured("policy: enabled", "policy: disabled")
	scoped := func(data set) {
		data["values"] = strings.Replace(data["values"], `"hub"`, `"resourceScope":"all","hub"`, 1)
	}
	const differ = ": releases of Istio read sidecar.istio.io/inject on this pod in different ways, and the injector's " +
		"configuration does not tell which release it is of"
	annotated := func(v string) fixture.PodOption { return fixture.Annotation("sidecar.istio.io/inject", v) }
	for _, c := range []struct {
		rule    string
		changes []func(set)
		options []fixture.PodOption
		outcome Outcome
		but     string
	}{
		{"the policy is enabled", nil, nil, Injected, ""},
		{"a value that is neither true nor false does not count since 1.27", []func(set){scoped}, []fixture.PodOption{annotated("maybe")}, Injected, ""},
		{"before it meant false, and the configuration does not tell", nil, []fixture.PodOption{annotated("maybe")}, Unknown, differ},
		{"which is no matter where the outcome is the same", nil, []fixture.PodOption{annotated("yes")}, Injected, ""},
		{"nor does an empty label, though it hides the annotation", nil, []fixture.PodOption{fixture.Label("sidecar.istio.io/inject", ""), annotated("false")}, Injected, ""},
		{"the policy is disabled", []func(set){disabled}, nil, NotInjected, ", but the injector's policy is disabled"},
		{"disabled, but asked for", []func(set){disabled}, []fixture.PodOption{annotated("true")}, Injected, ""},
		{"another policy switches off", []func(set){configured("policy: enabled", "policy: off")}, []fixture.PodOption{annotated("true")}, NotInjected,
			`, but the injector's policy is "false", which switches injection off`},
		{"a selector of pods that are never injected", []func(set){never}, []fixture.PodOption{fixture.Label("tier", "never")}, NotInjected,
			", but neverInjectSelector matches the pod"},
		{"empty selectors and broken ones match nothing", []func(set){never}, nil, Injected, ""},
		{"what the pod asks for beats the selector", []func(set){never}, []fixture.PodOption{fixture.Label("tier", "never"), annotated("true")}, Injected, ""},
		{"a selector of pods that always are", []func(set){disabled, always}, []fixture.PodOption{fixture.Label("tier", "always")}, Injected, ""},
		{"never beats always", []func(set){configured("alwaysInjectSelector:\n  []", "alwaysInjectSelector:\n- matchLabels: {tier: never}"), never},
			[]fixture.PodOption{fixture.Label("tier", "never")}, NotInjected, ", but neverInjectSelector matches the pod"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := twoRevisions(t, c.changes...).Decide(pod(c.options...), follows("1-22"))
			if d.Outcome != c.outcome || d.Reason != because+c.but {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestIstiodRefuses(t *testing.T) {
	for _, c := range []struct {
		rule   string
		option fixture.PodOption
		reason string
	}{
		{"a template that does not exist", fixture.Annotation("inject.istio.io/templates", "sidecar,nope"),
			`namespace label istio.io/rev=1-22 -> revision 1-22, but istiod would refuse the pod: injection template "nope" does not exist`},
		{"a proxy configuration that is malformed", fixture.Annotation("proxy.istio.io/config", "concurrency: many"),
			"namespace label istio.io/rev=1-22 -> revision 1-22, but istiod would refuse the pod: annotation proxy.istio.io/config is malformed"},
		{"a proxy configuration that is no YAML", fixture.Annotation("proxy.istio.io/config", "a: b: c"),
			"namespace label istio.io/rev=1-22 -> revision 1-22, but istiod would refuse the pod: annotation proxy.istio.io/config is malformed"},
		{"an annotation that is malformed", fixture.Annotation("status.sidecar.istio.io/port", "http"),
			"namespace label istio.io/rev=1-22 -> revision 1-22, but istiod would refuse the pod: annotation status.sidecar.istio.io/port is malformed"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := twoRevisions(t).Decide(pod(c.option), follows("1-22"))
			if d.Outcome != Refused || d.Owner != owner("1-22") || !strings.HasPrefix(d.Reason, c.reason) {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestWhatCannotBeReadIsUnknown(t *testing.T) {
	const because = "namespace label istio.io/rev=1-22 -> revision 1-22: "
	opaque := func(data set) {
		data["config"] += "  mine: |\n    spec:\n      containers:\n      - name: istio-proxy\n        image: \"{{ .Values.mine }}\"\n"
	}
	for _, c := range []struct {
		rule   string
		change func(*Mesh)
		option fixture.PodOption
		reason string
	}{
		{"the configuration of the control plane", func(m *Mesh) {
			delete(m.Configs, owner("1-22"))
			m.ConfigGaps = map[revision.ControlPlane]string{owner("1-22"): "ConfigMap x does not exist"}
		}, nil, "ConfigMap x does not exist"},
		{"ProxyConfig resources", func(m *Mesh) {
			m.ProxyConfigs = ProxyConfigs{}.Lacking(map[string]string{"": "cannot read proxyconfigs: no"})
		}, nil, "cannot read proxyconfigs: no"},
		{"a template that computes the image in a way of its own", func(*Mesh) {}, fixture.Annotation("inject.istio.io/templates", "mine"),
			`injection template "mine" computes the image in a way of its own`},
		{"templates that are of another release", func(m *Mesh) {
			m.Configs[owner("1-22")] = config(t, "1.22.0", func(data set) { data["config"] = "policy: enabled\ntemplate: |\n  containers: []\n" })
		}, nil, "the injector's templates are of a release that is not known here"},
		{"a malformed status on the pod", func(*Mesh) {}, func(p *corev1.Pod) {
			fixture.Injected("1-22", oldImage)(p)
			p.Annotations["sidecar.istio.io/status"] = "{"
		}, "annotation sidecar.istio.io/status is malformed: unexpected end of JSON input"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := twoRevisions(t, opaque)
			c.change(m)
			var options []fixture.PodOption
			if c.option != nil {
				options = append(options, c.option)
			}
			d := m.Decide(pod(options...), follows("1-22"))
			if d.Outcome != Unknown || d.Owner != owner("1-22") || d.Reason != because+c.reason {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestWhatDoesNotDecideNeedNotBeRead(t *testing.T) {
	m := twoRevisions(t)
	m.ProxyConfigs = ProxyConfigs{}.Lacking(map[string]string{"": "no"})
	typed := fixture.Annotation("sidecar.istio.io/proxyImageType", "debug")
	if d := m.Decide(pod(typed), follows("1-22")); d.Outcome != Injected || d.Image != oldImage+"-debug" {
		t.Errorf("a pod that sets its image type needs no ProxyConfig: %+v", d)
	}
	m.Configs = nil
	if d := m.Decide(pod(hostNetwork), follows("1-22")); d.Outcome != NotInjected {
		t.Errorf("a pod that is always declined needs no configuration: %+v", d)
	}
}

func TestMatchConditionsOnlyTheAPIServerCanEvaluate(t *testing.T) {
	conditional := fixture.Injector("1-22")
	for i := range conditional.Webhooks {
		conditional.Webhooks[i].MatchConditions = []admissionv1.MatchCondition{{Name: "n", Expression: "true"}}
	}
	m := twoRevisions(t)
	m.Injectors = injectors(conditional)
	want := "namespace label istio.io/rev=1-22 -> revision 1-22: webhook rev.namespace.sidecar-injector.istio.io of " +
		"istio-sidecar-injector-1-22 has matchConditions, which only the API server can evaluate"
	if d := m.Decide(pod(), follows("1-22")); d.Outcome != Unknown || d.Reason != want {
		t.Errorf("got %+v", d)
	}
	if d := m.Decide(pod(), follows("mistyped")); d.Outcome != NotInjected {
		t.Errorf("a pod that its selectors leave out: %+v", d)
	}
}

// alsoSelects returns an injector of the revision that selects the same pods as 1-22's.
func alsoSelects(name, rev string) *admissionv1.MutatingWebhookConfiguration {
	c := fixture.Injector("1-22")
	c.Name = name
	c.Labels["istio.io/rev"] = rev
	return c
}

func TestSeveralInjectorsSelectOnePod(t *testing.T) {
	m := twoRevisions(t)
	m.Injectors = injectors(fixture.Injector("1-22"), alsoSelects("z", "1-23"))
	contested := "two control planes inject this pod: namespace label istio.io/rev=1-22 -> revision 1-22; " +
		"and namespace label istio.io/rev=1-22 -> revision 1-23; one of them must be deactivated"
	if d := m.Decide(pod(), follows("1-22")); d.Outcome != Unknown || d.Reason != contested {
		t.Errorf("two control planes: %+v", d)
	}
	if d := m.Decide(pod(hostNetwork), follows("1-22")); d.Outcome != NotInjected || d.Owner != owner("1-22") {
		t.Errorf("both decline: %+v", d)
	}
	m.Injectors = injectors(fixture.Injector("1-22"), alsoSelects("z", "1-22"))
	if d := m.Decide(pod(), follows("1-22")); d.Outcome != Injected || d.Image != oldImage {
		t.Errorf("one control plane twice: %+v", d)
	}
	m = twoRevisions(t, configured("policy: enabled", "policy: disabled"))
	m.Injectors = injectors(fixture.Injector("1-22"), alsoSelects("z", "1-23"))
	if d := m.Decide(pod(), follows("1-22")); d.Outcome != Injected || d.Owner != owner("1-23") || d.Image != newImage {
		t.Errorf("the first declines, the second injects: %+v", d)
	}
	m.Injectors = injectors(alsoSelects("a", "1-23"), fixture.Injector("1-22"))
	if d := m.Decide(pod(), follows("1-22")); d.Outcome != Injected || d.Owner != owner("1-23") {
		t.Errorf("the first injects, the second declines: %+v", d)
	}
	m.Injectors = injectors(fixture.Injector("1-22"), alsoSelects("z", "1-24"))
	m.ConfigGaps = map[revision.ControlPlane]string{owner("1-24"): "hidden"}
	if d := m.Decide(pod(), follows("1-22")); d.Outcome != Unknown || !strings.HasSuffix(d.Reason, ": hidden") {
		t.Errorf("the second is unknown: %+v", d)
	}
}

func TestWhereTheImageComesFrom(t *testing.T) {
	values := func(before, after string) func(set) {
		return func(data set) { data["values"] = strings.Replace(data["values"], before, after, 1) }
	}
	template := func(name, image string) func(set) {
		return func(data set) {
			data["config"] += "  " + name + ": |\n    spec:\n      containers:\n      - name: istio-proxy\n        image: " + image + "\n"
		}
	}
	labelled := func(data set) { data["config"] += "  labels: |\n    metadata:\n      labels: {a: b}\n" }
	templates := func(v string) fixture.PodOption { return fixture.Annotation("inject.istio.io/templates", v) }
	whole := func(v string) fixture.PodOption { return fixture.Annotation("sidecar.istio.io/proxyImage", v) }
	typed := func(v string) fixture.PodOption {
		return fixture.Annotation("sidecar.istio.io/proxyImageType", v)
	}
	distroless := values(`"variant":""`, `"variant":"distroless"`)
	for _, c := range []struct {
		rule    string
		changes []func(set)
		options []fixture.PodOption
		want    string
	}{
		{"hub, image and tag", nil, nil, oldImage},
		{"a hub with a port", []func(set){values("docker.io/istio", "r.example.com:5000/istio")}, nil, "r.example.com:5000/istio/proxyv2:1.22.0"},
		{"an image without a name is proxyv2", []func(set){values(`"image":"proxyv2"`, `"image":""`)}, nil, oldImage},
		{"an image with a slash is used whole", []func(set){values(`"image":"proxyv2"`, `"image":"example.com/own:1"`)}, nil, "example.com/own:1"},
		{"a tag that is a number", []func(set){values(`"tag":"1.22.0"`, `"tag":1.22`)}, nil, "docker.io/istio/proxyv2:1.22"},
		{"the variant", []func(set){distroless}, nil, oldImage + "-distroless"},
		{"the variant replaces the tag's", []func(set){distroless, values("1.22.0", "1.22.0-debug")}, nil, oldImage + "-distroless"},
		{"the pod's image type replaces the variant", []func(set){distroless}, []fixture.PodOption{typed("debug")}, oldImage + "-debug"},
		{"the type default takes the variant off", []func(set){values("1.22.0", "1.22.0-distroless")}, []fixture.PodOption{typed("default")}, oldImage},
		{"an empty type leaves the tag", []func(set){distroless}, []fixture.PodOption{typed("")}, oldImage},
		{"a whole image of the pod's", nil, []fixture.PodOption{whole("example.com/p:1")}, "example.com/p:1"},
		{"counts only with a slash", nil, []fixture.PodOption{whole("p")}, oldImage},
		{"and hides the values' whole image", []func(set){values(`"image":"proxyv2"`, `"image":"example.com/own"`)}, []fixture.PodOption{whole("p")}, "docker.io/istio/example.com/own:1.22.0"},
		{"the pod's own container wins", nil, []fixture.PodOption{fixture.Proxy("example.com/own:1"), whole("example.com/p:1")}, "example.com/own:1"},
		{"unless it is auto", nil, []fixture.PodOption{fixture.Proxy("auto")}, oldImage},
		{"a template that spells the image out", []func(set){template("mine", "example.com/mine:1")}, []fixture.PodOption{templates("mine")}, "example.com/mine:1"},
		{"a template that always computes it", []func(set){template("mine", `"{{ .ProxyImage }}"`)}, []fixture.PodOption{templates("mine"), whole("example.com/p:1")}, oldImage},
		{"the last template that has one counts", []func(set){template("mine", "example.com/mine:1"), labelled}, []fixture.PodOption{templates(" sidecar, mine ,labels")}, "example.com/mine:1"},
		{"an alias stands for templates", []func(set){template("mine", "example.com/mine:1"), configured("policy:", "aliases: {both: [sidecar, mine]}\npolicy:")}, []fixture.PodOption{templates("both")}, "example.com/mine:1"},
		{"default templates of the configuration", []func(set){template("mine", "example.com/mine:1"), configured("policy:", "defaultTemplates: [mine]\npolicy:")}, nil, "example.com/mine:1"},
		{"a template that adds no proxy", []func(set){labelled}, []fixture.PodOption{templates("labels")}, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			d := twoRevisions(t, c.changes...).Decide(pod(c.options...), follows("1-22"))
			if d.Outcome != Injected || d.Image != c.want {
				t.Errorf("got %+v, want image %q", d, c.want)
			}
		})
	}
}

func TestThePodsOwnImageIsNamedInTheReason(t *testing.T) {
	d := twoRevisions(t).Decide(pod(fixture.Proxy("example.com/own:1")), follows("1-22"))
	if want := "namespace label istio.io/rev=1-22 -> revision 1-22, image of the pod's own istio-proxy container"; d.Reason != want {
		t.Errorf("got %q", d.Reason)
	}
}

func TestDecisionsThatNeedNoMesh(t *testing.T) {
	if d := DecideFromTemplate("daemonset istio-system/ztunnel", "istio/ztunnel:1"); d != (Decision{
		Outcome: Templated, Image: "istio/ztunnel:1", Reason: "template of daemonset istio-system/ztunnel"}) {
		t.Errorf("got %+v", d)
	}
	if d := UnknownDecision("cannot read x"); d != (Decision{Outcome: Unknown, Reason: "cannot read x"}) {
		t.Errorf("got %+v", d)
	}
}
