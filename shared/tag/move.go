package tag

import (
	"cmp"
	"maps"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"istio.io/api/label"
)

// moved returns a tag's webhook configuration as it has to be to lead where the rendered one does, and whether that is
// another than it is. What the API server or istiod have set stays: failure policies, and the CA unless another server is
// called, which an old one could not vouch for. Webhooks that are not rendered lead to the new place, and are kept.
func moved(live, rendered *admissionv1.MutatingWebhookConfiguration) (*admissionv1.MutatingWebhookConfiguration, bool) {
	next := live.DeepCopy()
	changed := relabelled(&next.ObjectMeta, &rendered.ObjectMeta)
	known := map[string]bool{}
	for i := range rendered.Webhooks {
		want := &rendered.Webhooks[i]
		known[want.Name] = true
		w := webhookNamed(next, want.Name)
		if w == nil {
			next.Webhooks = append(next.Webhooks, *want.DeepCopy())
			changed = true
			continue
		}
		changed = redirected(&w.ClientConfig, want.ClientConfig) || changed
		changed = setSelector(&w.NamespaceSelector, want.NamespaceSelector) || changed
		changed = setSelector(&w.ObjectSelector, want.ObjectSelector) || changed
		if want.ReinvocationPolicy != nil {
			w.ReinvocationPolicy = want.ReinvocationPolicy
		}
	}
	for i := range next.Webhooks {
		w := &next.Webhooks[i]
		if strings.HasSuffix(w.Name, injectorSuffix) && !known[w.Name] {
			changed = redirected(&w.ClientConfig, rendered.Webhooks[0].ClientConfig) || changed
		}
	}
	return next, changed
}

func webhookNamed(c *admissionv1.MutatingWebhookConfiguration, name string) *admissionv1.MutatingWebhook {
	for i := range c.Webhooks {
		if c.Webhooks[i].Name == name {
			return &c.Webhooks[i]
		}
	}
	return nil
}

// movedValidator is moved for the default validator.
func movedValidator(live, rendered *admissionv1.ValidatingWebhookConfiguration) (*admissionv1.ValidatingWebhookConfiguration, bool) {
	next := live.DeepCopy()
	changed := relabelled(&next.ObjectMeta, &rendered.ObjectMeta)
	want := &rendered.Webhooks[0]
	for i := range next.Webhooks {
		if w := &next.Webhooks[i]; w.Name == want.Name {
			changed = redirected(&w.ClientConfig, want.ClientConfig) || changed
			changed = setSelector(&w.ObjectSelector, want.ObjectSelector) || changed
			return next, changed
		}
	}
	next.Webhooks = append(next.Webhooks, *want.DeepCopy())
	return next, true
}

// relabelled lays the rendered labels and annotations over an object's own. It says whether those differ that decide whose
// the object is.
func relabelled(live, rendered *metav1.ObjectMeta) bool {
	changed := false
	for _, key := range []string{label.IoIstioRev.Name, label.IoIstioTag.Name} {
		if live.Labels[key] != rendered.Labels[key] {
			changed = true
			delete(live.Labels, key)
		}
	}
	live.Labels = laidOver(live.Labels, rendered.Labels)
	live.Annotations = laidOver(live.Annotations, rendered.Annotations)
	return changed
}

func laidOver(under, over map[string]string) map[string]string {
	if under == nil {
		return maps.Clone(over)
	}
	maps.Copy(under, over)
	return under
}

// redirected has a webhook call what another one does, and says whether that is another place.
func redirected(live *admissionv1.WebhookClientConfig, want admissionv1.WebhookClientConfig) bool {
	if sameAddress(live, &want) {
		return false
	}
	ca := live.CABundle
	*live = *want.DeepCopy()
	if len(live.CABundle) == 0 {
		live.CABundle = ca
	}
	return true
}

func sameAddress(a, b *admissionv1.WebhookClientConfig) bool {
	if a.Service == nil || b.Service == nil {
		return a.Service == b.Service && ptr.Deref(a.URL, "") == ptr.Deref(b.URL, "")
	}
	const usualPort = 443
	x, y := a.Service, b.Service
	return x.Namespace == y.Namespace && x.Name == y.Name &&
		cmp.Or(ptr.Deref(x.Path, ""), "/") == cmp.Or(ptr.Deref(y.Path, ""), "/") &&
		ptr.Deref(x.Port, usualPort) == ptr.Deref(y.Port, usualPort)
}

// setSelector sets a selector, and says whether it was another. One that selects everything may be absent or empty.
func setSelector(live **metav1.LabelSelector, want *metav1.LabelSelector) bool {
	empty := metav1.LabelSelector{}
	if equality.Semantic.DeepEqual(ptr.Deref(*live, empty), ptr.Deref(want, empty)) {
		return false
	}
	*live = want
	return true
}
