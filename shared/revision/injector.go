// Package revision maps Istio's revisions and tags: what each mutating webhook configuration injects, whose it is,
// and which pods the API server would send to it.
package revision

import (
	"cmp"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"

	"istio.io/api/label"
)

// Default is the revision of a control plane that was installed without one. Source: the chart istio-discovery
// labels its objects `istio.io/rev: default` then.
const Default = "default"

// InjectorSuffix ends the name of every injection webhook since Istio 1.0. The configurations' own names change with
// Istio's namespace, and their labels changed over the years, so neither tells an injector.
const InjectorSuffix = "sidecar-injector.istio.io"

// ControlPlane names one revision's control plane: two meshes of a cluster can use one revision name.
type ControlPlane struct {
	// Namespace is Istio's namespace. It is empty where the webhook is called by URL, so that the control plane may
	// be outside the cluster.
	Namespace string
	Revision  string
}

// Injector is one mutating webhook configuration of Istio's: a revision's own, or that of a tag.
type Injector struct {
	// Name is the configuration's name, by which the API server orders its calls.
	Name string
	// Owner is the control plane that is called.
	Owner ControlPlane
	// Tag is the revision tag whose configuration this is, empty for a revision's own.
	Tag      string
	Webhooks []Webhook
	// Created is when the configuration was.
	Created time.Time
}

// Webhook is one webhook of an injector: it is called for a pod whose namespace and whose own labels both match.
type Webhook struct {
	Name       string
	Namespaces Selector
	Objects    Selector
	// Conditional is true where the webhook has CEL match conditions, which only the API server can evaluate.
	Conditional bool
	// CABundle holds the certificates, as PEM, by which the API server knows the control plane. istiod keeps it.
	CABundle []byte
}

// Selector is a label selector that can also say what made it match.
type Selector struct {
	selector labels.Selector
}

// Injectors picks Istio's injectors out of webhook configurations, in the order in which the API server calls them:
// by name. Source: k8s.io/apiserver/pkg/admission/configuration sorts them so.
func Injectors(configurations []admissionv1.MutatingWebhookConfiguration) []Injector {
	var injectors []Injector
	for i := range configurations {
		if injector, ok := fromConfiguration(&configurations[i]); ok {
			injectors = append(injectors, injector)
		}
	}
	slices.SortFunc(injectors, func(a, b Injector) int { return cmp.Compare(a.Name, b.Name) })
	return injectors
}

func fromConfiguration(c *admissionv1.MutatingWebhookConfiguration) (Injector, bool) {
	injector := Injector{
		Name:  c.Name,
		Owner: ControlPlane{Revision: cmp.Or(c.Labels[label.IoIstioRev.Name], Default)},
		Tag:   c.Labels[label.IoIstioTag.Name], Created: c.CreationTimestamp.Time,
	}
	found := false
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		if !strings.HasSuffix(w.Name, InjectorSuffix) {
			continue
		}
		found = true
		if service := w.ClientConfig.Service; service != nil {
			injector.Owner.Namespace = service.Namespace
		}
		if createsPods(w.Rules) {
			injector.Webhooks = append(injector.Webhooks, webhook(w))
		}
	}
	return injector, found
}

func webhook(w *admissionv1.MutatingWebhook) Webhook {
	return Webhook{
		Name:        w.Name,
		Namespaces:  newSelector(w.NamespaceSelector),
		Objects:     newSelector(w.ObjectSelector),
		Conditional: len(w.MatchConditions) > 0,
		CABundle:    w.ClientConfig.CABundle,
	}
}

// createsPods says whether one of the rules covers the creation of pods: others are never called for one.
func createsPods(rules []admissionv1.RuleWithOperations) bool {
	has := func(list []string, want string) bool {
		return slices.Contains(list, want) || slices.Contains(list, "*")
	}
	return slices.ContainsFunc(rules, func(r admissionv1.RuleWithOperations) bool {
		operations := slices.Contains(r.Operations, admissionv1.Create) ||
			slices.Contains(r.Operations, admissionv1.OperationAll)
		resources := has(r.Resources, "pods") || slices.Contains(r.Resources, "*/*") || slices.Contains(r.Resources, "pods/*")
		cluster := r.Scope != nil && *r.Scope == admissionv1.ClusterScope
		return operations && resources && !cluster && has(r.APIGroups, "") && has(r.APIVersions, "v1")
	})
}

// newSelector reads a selector as the API server does: none at all matches everything, and one that cannot be parsed,
// which the API server would not have stored, matches nothing.
func newSelector(s *metav1.LabelSelector) Selector {
	if s == nil {
		return Selector{labels.Everything()}
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return Selector{labels.Nothing()}
	}
	return Selector{selector}
}

// Matches says whether the labels satisfy the selector.
func (s Selector) Matches(set map[string]string) bool { return s.selector.Matches(labels.Set(set)) }

// Because returns the labels, as `key=value`, whose presence the selector asks for. For labels that match it, these
// are what made it match; an empty result means that it matches by the absence of labels.
func (s Selector) Because(set map[string]string) []string {
	var because []string
	requirements, _ := s.selector.Requirements()
	for _, r := range requirements {
		switch r.Operator() {
		case selection.In, selection.Equals, selection.DoubleEquals, selection.Exists:
			because = append(because, LabelText(r.Key(), set[r.Key()]))
		}
	}
	return because
}

// LabelText writes a label as people do, `key=value`, and an empty value so that it can be seen: `key=""`.
func LabelText(key, value string) string {
	if value == "" {
		value = `""`
	}
	return key + "=" + value
}

// Names says whether some label that the selector asks for could hold the value: the selector of a tag's webhook
// names the tag.
func (s Selector) Names(key, value string) bool {
	requirements, _ := s.selector.Requirements()
	for _, r := range requirements {
		if r.Key() != key {
			continue
		}
		switch r.Operator() {
		// matchLabels become Equals, matchExpressions In.
		case selection.In, selection.Equals, selection.DoubleEquals:
			if slices.Contains(r.ValuesUnsorted(), value) {
				return true
			}
		}
	}
	return false
}

// Selects says whether the API server calls the webhook for a pod with those labels in a namespace with those.
func (w Webhook) Selects(namespace, pod map[string]string) bool {
	return w.Namespaces.Matches(namespace) && w.Objects.Matches(pod)
}

// Because says in words which labels make the webhook select the pod: `namespace label istio.io/rev=prod-stable`.
func (w Webhook) Because(namespace, pod map[string]string) string {
	var words []string
	for _, l := range w.Namespaces.Because(namespace) {
		words = append(words, "namespace label "+l)
	}
	for _, l := range w.Objects.Because(pod) {
		words = append(words, "pod label "+l)
	}
	if len(words) == 0 {
		return "no injection label"
	}
	return strings.Join(words, ", ")
}

// Names says whether some injector selects by that value of a label: a revision or a tag is named so, and the default
// revision by istio-injection=enabled.
func Names(injectors []Injector, key, value string) bool {
	return slices.ContainsFunc(injectors, func(i Injector) bool { return i.Names(key, value) })
}

// Names says whether the injector selects by that value of a label.
func (i Injector) Names(key, value string) bool {
	return slices.ContainsFunc(i.Webhooks, func(w Webhook) bool {
		return w.Namespaces.Names(key, value) || w.Objects.Names(key, value)
	})
}

// Installed returns the control planes that have an injector of their own, a tag's not counted, in the order of their
// injectors' names.
func Installed(injectors []Injector) []ControlPlane {
	var owners []ControlPlane
	for _, i := range injectors {
		if i.Tag == "" && !slices.Contains(owners, i.Owner) {
			owners = append(owners, i.Owner)
		}
	}
	return owners
}
