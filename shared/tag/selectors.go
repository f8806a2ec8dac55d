package tag

import (
	"encoding/json"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/api/label"
)

const injectionLabel = "istio-injection"

// selected is what one webhook of a tag selects.
type selected struct {
	prefix              string
	namespaces, objects *metav1.LabelSelector
}

// selectorsOf returns what the webhooks of a tag select, in their order. Source: revision-tags-mwc.yaml of the chart
// istio-discovery.
func selectorsOf(o Options) []selected {
	notRefused := requirement(label.SidecarInject.Name, metav1.LabelSelectorOpNotIn, "false")
	named := requirement(label.IoIstioRev.Name, metav1.LabelSelectorOpIn, o.Tag)
	noRevision := requirement(label.IoIstioRev.Name, metav1.LabelSelectorOpDoesNotExist)
	noInjection := requirement(injectionLabel, metav1.LabelSelectorOpDoesNotExist)
	all := []selected{
		{"rev.namespace.", selecting(named, noInjection), selecting(notRefused)},
		{"rev.object.", selecting(noRevision, noInjection), selecting(notRefused, named)},
	}
	if o.Tag != Default {
		return all
	}
	enabled := requirement(injectionLabel, metav1.LabelSelectorOpIn, "enabled")
	asked := requirement(label.SidecarInject.Name, metav1.LabelSelectorOpIn, "true")
	all = append(all,
		selected{"namespace.", selecting(enabled), selecting(notRefused)},
		selected{"object.", selecting(noInjection, noRevision), selecting(asked, noRevision)})
	if o.AutoInject {
		notSystem := requirement("kubernetes.io/metadata.name", metav1.LabelSelectorOpNotIn, systemNamespaces()...)
		unsaid := requirement(label.SidecarInject.Name, metav1.LabelSelectorOpDoesNotExist)
		all = append(all, selected{"auto.", selecting(noInjection, noRevision, notSystem), selecting(unsaid, noRevision)})
	}
	return all
}

// systemNamespaces are those in which istiod never injects.
func systemNamespaces() []string {
	return []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
}

func withoutRevision() *metav1.LabelSelector {
	return selecting(requirement(label.IoIstioRev.Name, metav1.LabelSelectorOpDoesNotExist))
}

func selecting(requirements ...metav1.LabelSelectorRequirement) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: requirements}
}

func requirement(key string, operator metav1.LabelSelectorOperator, values ...string) metav1.LabelSelectorRequirement {
	return metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: values}
}

// SelectorsAnnotation keeps, on the webhook configuration of a deactivated injector, the selectors that it had.
const SelectorsAnnotation = "mesh.kubectl.dev/deactivated-selectors"

// Selectors are what the webhooks of an injector selected before it was deactivated, by the webhooks' names.
type Selectors map[string]WebhookSelectors

// WebhookSelectors are those of one webhook.
type WebhookSelectors struct {
	Namespace *metav1.LabelSelector `json:"namespace,omitempty"`
	Object    *metav1.LabelSelector `json:"object,omitempty"`
}

// neverMatch is the selector of a deactivated injector. Source: NeverMatch in istio.io/istio/istioctl/pkg/util.
func neverMatch() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"istio.io/deactivated": "never-match"}}
}

// deactivated says whether an injector selects nothing, as istioctl has it.
func deactivated(c *admissionv1.MutatingWebhookConfiguration) bool {
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		if strings.HasSuffix(w.Name, injectorSuffix) && !equality.Semantic.DeepEqual(w.NamespaceSelector, neverMatch()) {
			return false
		}
	}
	return true
}

// selectors returns what the injector's webhooks select.
func selectors(c *admissionv1.MutatingWebhookConfiguration) Selectors {
	s := Selectors{}
	for i := range c.Webhooks {
		if w := &c.Webhooks[i]; strings.HasSuffix(w.Name, injectorSuffix) {
			s[w.Name] = WebhookSelectors{w.NamespaceSelector, w.ObjectSelector}
		}
	}
	return s
}

// recorded returns the selectors that a deactivated injector's annotation keeps, nil where there is none that can be read.
func recorded(c *admissionv1.MutatingWebhookConfiguration) Selectors {
	var s Selectors
	if json.Unmarshal([]byte(c.Annotations[SelectorsAnnotation]), &s) != nil {
		return nil
	}
	return s
}

// deactivate returns the injector as one that selects nothing, and that remembers what it selected.
func deactivate(c *admissionv1.MutatingWebhookConfiguration) (*admissionv1.MutatingWebhookConfiguration, error) {
	text, err := json.Marshal(selectors(c))
	if err != nil {
		return nil, fmt.Errorf("recording the selectors of mutatingwebhookconfiguration %s: %w", c.Name, err)
	}
	off := c.DeepCopy()
	if off.Annotations == nil {
		off.Annotations = map[string]string{}
	}
	off.Annotations[SelectorsAnnotation] = string(text)
	for i := range off.Webhooks {
		if w := &off.Webhooks[i]; strings.HasSuffix(w.Name, injectorSuffix) {
			w.NamespaceSelector, w.ObjectSelector = neverMatch(), neverMatch()
		}
	}
	return off, nil
}

// activate returns the injector with the selectors that it had. Webhooks that came since stay as they are.
func activate(c *admissionv1.MutatingWebhookConfiguration, had Selectors) *admissionv1.MutatingWebhookConfiguration {
	on := c.DeepCopy()
	delete(on.Annotations, SelectorsAnnotation)
	for i := range on.Webhooks {
		if s, known := had[on.Webhooks[i].Name]; known {
			on.Webhooks[i].NamespaceSelector, on.Webhooks[i].ObjectSelector = s.Namespace, s.Object
		}
	}
	return on
}
