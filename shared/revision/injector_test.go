package revision

import (
	"reflect"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

type (
	configuration = admissionv1.MutatingWebhookConfiguration
	set           = map[string]string
)

func injectors(configurations ...*configuration) []Injector {
	var list []admissionv1.MutatingWebhookConfiguration
	for _, c := range configurations {
		list = append(list, *c)
	}
	return Injectors(list)
}

// changed returns the injector of revision 1-22 with a change.
func changed(change func(*configuration)) *configuration {
	c := fixture.Injector("1-22")
	change(c)
	return c
}

func eachWebhook(change func(*admissionv1.MutatingWebhook)) func(*configuration) {
	return func(c *configuration) {
		for i := range c.Webhooks {
			change(&c.Webhooks[i])
		}
	}
}

func byURL(w *admissionv1.MutatingWebhook) {
	url := "https://istiod.example.com/inject"
	w.ClientConfig = admissionv1.WebhookClientConfig{URL: &url}
}

func TestAnInjectorIsKnownByTheNamesOfItsWebhooksOnly(t *testing.T) {
	for _, c := range []struct {
		rule string
		c    *configuration
		want bool
	}{
		{"Istio's own", fixture.Injector("1-22"), true},
		{"with another name and no labels", changed(func(c *configuration) { c.Name, c.Labels = "mine", nil }), true},
		{"with the label of 1.0", changed(func(c *configuration) { c.Labels = set{"app": "istio-sidecar-injector"} }), true},
		{"with the one webhook of 1.5", changed(func(c *configuration) {
			c.Webhooks = c.Webhooks[:1]
			c.Webhooks[0].Name = "sidecar-injector.istio.io"
		}), true},
		{"all the right labels, but another webhook", changed(eachWebhook(func(w *admissionv1.MutatingWebhook) { w.Name = "rev.injector.example.com" })), false},
		{"the suffix in the middle", changed(eachWebhook(func(w *admissionv1.MutatingWebhook) { w.Name = "sidecar-injector.istio.io.example.com" })), false},
		{"no webhooks", changed(func(c *configuration) { c.Webhooks = nil }), false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := len(injectors(c.c)) == 1; got != c.want {
				t.Errorf("an injector: %v, want %v", got, c.want)
			}
		})
	}
}

func TestAnInjectorSaysWhoseItIs(t *testing.T) {
	for _, c := range []struct {
		rule  string
		c     *configuration
		owner ControlPlane
		tag   string
	}{
		{"a revision's", fixture.Injector("1-22"), ControlPlane{"istio-system", "1-22"}, ""},
		{"a tag's", fixture.TagInjector("prod", "1-22"), ControlPlane{"istio-system", "1-22"}, "prod"},
		{"of before revisions, by the label of 1.0", changed(func(c *configuration) { c.Labels = set{"app": "istio-sidecar-injector"} }), ControlPlane{"istio-system", "default"}, ""},
		{"of before revisions, by the label of 1.4", changed(func(c *configuration) { c.Labels = set{"app": "sidecarInjectorWebhook"} }), ControlPlane{"istio-system", "default"}, ""},
		{"of Istio in a namespace of its own", changed(eachWebhook(func(w *admissionv1.MutatingWebhook) { w.ClientConfig.Service.Namespace = "aks-istio-system" })), ControlPlane{"aks-istio-system", "1-22"}, ""},
		{"called by URL, its namespace is not known", changed(eachWebhook(byURL)), ControlPlane{"", "1-22"}, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := injectors(c.c)[0]
			if got.Owner != c.owner || got.Tag != c.tag {
				t.Errorf("got %+v, tag %q", got.Owner, got.Tag)
			}
		})
	}
}

func TestInjectorsAreCalledInTheOrderOfTheirNames(t *testing.T) {
	other := changed(func(c *configuration) { c.Name = "aaa" })
	var names []string
	for _, i := range injectors(fixture.Injector("1-23"), fixture.Injector("1-22"), fixture.TagInjector("prod", "1-23"), other) {
		names = append(names, i.Name)
	}
	want := []string{"aaa", "istio-revision-tag-prod", "istio-sidecar-injector-1-22", "istio-sidecar-injector-1-23"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("got %v", names)
	}
}

func scope(s admissionv1.ScopeType) func(*admissionv1.RuleWithOperations) {
	return func(r *admissionv1.RuleWithOperations) { r.Scope = &s }
}

func TestOnlyWebhooksForTheCreationOfPodsCount(t *testing.T) {
	for _, c := range []struct {
		rule   string
		change func(*admissionv1.RuleWithOperations)
		want   bool
	}{
		{"Istio's rule", func(*admissionv1.RuleWithOperations) {}, true},
		{"any operation", func(r *admissionv1.RuleWithOperations) { r.Operations = []admissionv1.OperationType{"*"} }, true},
		{"any resource", func(r *admissionv1.RuleWithOperations) { r.Resources = []string{"*"} }, true},
		{"any resource and subresource", func(r *admissionv1.RuleWithOperations) { r.Resources = []string{"*/*"} }, true},
		{"pods and their subresources", func(r *admissionv1.RuleWithOperations) { r.Resources = []string{"pods/*"} }, true},
		{"any scope", scope(admissionv1.AllScopes), true},
		{"what is in namespaces", scope(admissionv1.NamespacedScope), true},
		{"what is in no namespace", scope(admissionv1.ClusterScope), false},
		{"any group and version", func(r *admissionv1.RuleWithOperations) { r.APIGroups, r.APIVersions = []string{"*"}, []string{"*"} }, true},
		{"updates", func(r *admissionv1.RuleWithOperations) { r.Operations = []admissionv1.OperationType{"UPDATE"} }, false},
		{"another resource", func(r *admissionv1.RuleWithOperations) { r.Resources = []string{"services"} }, false},
		{"a subresource", func(r *admissionv1.RuleWithOperations) { r.Resources = []string{"pods/status"} }, false},
		{"another group", func(r *admissionv1.RuleWithOperations) { r.APIGroups = []string{"apps"} }, false},
		{"another version", func(r *admissionv1.RuleWithOperations) { r.APIVersions = []string{"v2"} }, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			rule := fixture.PodCreation()
			c.change(&rule)
			got := injectors(changed(eachWebhook(func(w *admissionv1.MutatingWebhook) { w.Rules = []admissionv1.RuleWithOperations{rule} })))
			if len(got) != 1 || len(got[0].Webhooks) == 2 != c.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAWebhookWithMatchConditionsIsConditional(t *testing.T) {
	conditional := changed(func(c *configuration) {
		c.Webhooks[1].MatchConditions = []admissionv1.MatchCondition{{Name: "n", Expression: "true"}}
	})
	w := injectors(conditional)[0].Webhooks
	if w[0].Conditional || !w[1].Conditional {
		t.Errorf("got %v, %v", w[0].Conditional, w[1].Conditional)
	}
}

// selects returns the names of the webhooks of the injectors that are called.
func selects(list []Injector, namespace, pod set) []string {
	var names []string
	for _, i := range list {
		for _, w := range i.Webhooks {
			if w.Selects(namespace, pod) {
				names = append(names, i.Name+": "+w.Because(namespace, pod))
			}
		}
	}
	return names
}

func TestSelectorsAreEvaluatedAsTheyStand(t *testing.T) {
	list := injectors(fixture.Injector("default"), fixture.Injector("1-23"), fixture.TagInjector("prod", "1-23"))
	for _, c := range []struct {
		rule           string
		namespace, pod set
		want           []string
	}{
		{"no labels", nil, nil, nil},
		{"a namespace's revision", set{"istio.io/rev": "1-23"}, nil, []string{"istio-sidecar-injector-1-23: namespace label istio.io/rev=1-23"}},
		{"a namespace's tag", set{"istio.io/rev": "prod"}, nil, []string{"istio-revision-tag-prod: namespace label istio.io/rev=prod"}},
		{"the default revision", set{"istio-injection": "enabled"}, nil, []string{"istio-sidecar-injector: namespace label istio-injection=enabled"}},
		{"istio-injection beats a revision", set{"istio-injection": "enabled", "istio.io/rev": "1-23"}, nil, []string{"istio-sidecar-injector: namespace label istio-injection=enabled"}},
		{"another value of istio-injection means never", set{"istio-injection": "disabled", "istio.io/rev": "1-23"}, set{"sidecar.istio.io/inject": "true"}, nil},
		{"a namespace's revision beats the pod's", set{"istio.io/rev": "1-23"}, set{"istio.io/rev": "prod"}, []string{"istio-sidecar-injector-1-23: namespace label istio.io/rev=1-23"}},
		{"a pod's revision", nil, set{"istio.io/rev": "1-23"}, []string{"istio-sidecar-injector-1-23: pod label istio.io/rev=1-23"}},
		{"a pod that asks", nil, set{"sidecar.istio.io/inject": "true"}, []string{"istio-sidecar-injector: pod label sidecar.istio.io/inject=true"}},
		{"a pod that refuses", set{"istio.io/rev": "1-23"}, set{"sidecar.istio.io/inject": "false"}, nil},
		{"a revision that does not exist", set{"istio.io/rev": "nope"}, nil, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := selects(list, c.namespace, c.pod); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestSelectorsOfEveryShape(t *testing.T) {
	labels := set{"a": "1"}
	for _, c := range []struct {
		rule     string
		selector *metav1.LabelSelector
		matches  bool
		because  []string
	}{
		{"none matches everything", nil, true, nil},
		{"an empty one matches everything", &metav1.LabelSelector{}, true, nil},
		{"one that cannot be parsed matches nothing", &metav1.LabelSelector{MatchLabels: set{"a b": "1"}}, false, nil},
		{"matchLabels", &metav1.LabelSelector{MatchLabels: set{"a": "1"}}, true, []string{"a=1"}},
		{"Exists", &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Exists"}}}, true, []string{"a=1"}},
		{"an absence is no reason", &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "b", Operator: "DoesNotExist"}}}, true, nil},
		{"NotIn is no reason", &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "NotIn", Values: []string{"2"}}}}, true, nil},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSelector(c.selector)
			if got := s.Matches(labels); got != c.matches {
				t.Errorf("matches: %v", got)
			}
			if got := s.Because(labels); c.matches && !reflect.DeepEqual(got, c.because) {
				t.Errorf("because %q, want %q", got, c.because)
			}
		})
	}
}

func TestAWebhookThatSelectsByAbsencesSaysSo(t *testing.T) {
	auto := Webhook{Namespaces: newSelector(nil), Objects: newSelector(nil)}
	if got := auto.Because(nil, nil); got != "no injection label" {
		t.Errorf("got %q", got)
	}
	object := injectors(fixture.Injector("1-22"))[0].Webhooks[1]
	if got := object.Because(nil, set{"istio.io/rev": "1-22"}); got != "pod label istio.io/rev=1-22" {
		t.Errorf("got %q", got)
	}
}

func TestALabelsValueNamesSomethingThatExists(t *testing.T) {
	byLabels := changed(func(c *configuration) {
		c.Webhooks = c.Webhooks[:1]
		c.Webhooks[0].NamespaceSelector = &metav1.LabelSelector{MatchLabels: set{"istio.io/rev": "managed"}}
	})
	const rev, namespace, pod = "istio.io/rev", "istio-injection", "sidecar.istio.io/inject"
	withoutDefault := injectors(byLabels, fixture.TagInjector("prod", "1-22"))
	list := injectors(byLabels, fixture.TagInjector("prod", "1-22"), fixture.Injector("default"))
	for l, want := range map[[2]string]bool{
		{rev, "prod"}: true, {rev, "default"}: true, {rev, "managed"}: true, {rev, "1-22"}: false, {rev, "nope"}: false,
		{rev, "enabled"}: false, {rev, ""}: false,
		{namespace, "enabled"}: true, {namespace, "disabled"}: false, {namespace, "prod"}: false,
		{pod, "true"}: true, {pod, "false"}: false,
	} {
		if got := Names(list, l[0], l[1]); got != want {
			t.Errorf("%q: %v, want %v", l, got, want)
		}
		if got := Names(withoutDefault, l[0], l[1]); got != (want && l[0] == rev && l[1] != "default") {
			t.Errorf("without a default, %q: %v", l, got)
		}
	}
}

func TestInstalledAreTheRevisionsWithAnInjectorOfTheirOwn(t *testing.T) {
	elsewhere := changed(eachWebhook(func(w *admissionv1.MutatingWebhook) { w.ClientConfig.Service.Namespace = "istio-two" }))
	elsewhere.Name = "istio-sidecar-injector-1-22-istio-two"
	second := changed(func(c *configuration) { c.Name = "istio-sidecar-injector-1-22-again" })
	got := Installed(injectors(fixture.TagInjector("gone", "1-21"), fixture.Injector("1-22"), second, elsewhere))
	want := []ControlPlane{{"istio-system", "1-22"}, {"istio-two", "1-22"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}
