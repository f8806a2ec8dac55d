package tag

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Record is what a tag was, as far as it is put back.
type Record = v1alpha1.TagRecord

// Record returns what the tag is now.
func (o *Objects) Record(namespace, name string) Record {
	t := o.Tag(namespace, name)
	r := Record{Name: name, Namespace: namespace}
	if len(t.Webhooks) > 0 {
		r.Webhook, r.WebhookName = t.Webhooks[0].Revision, t.Webhooks[0].Object
		r.AutoInject = webhookNamed(o.webhook(r.WebhookName), autoWebhook) != nil
	}
	if len(t.Services) > 0 {
		r.Service = t.Services[0].Revision
		r.Kept = keptOf(o.service(namespace, t.Services[0].Object))
	}
	if name != Default {
		return r
	}
	validating := o.validating()
	r.Validator = &validating
	if own := o.injector(namespace); own != nil {
		if r.Deactivated = deactivated(own); !r.Deactivated {
			r.Selectors = selectors(own)
		}
	}
	return r
}

// keptOf is what is put back of a Service beside its revision.
func keptOf(s *corev1.Service) *v1alpha1.TagService {
	if s == nil {
		return nil
	}
	return &v1alpha1.TagService{Name: s.Name, Labels: s.Labels, Annotations: s.Annotations, Selector: s.Spec.Selector}
}

// Record returns what the tag is once the wish is fulfilled, for a tag that was as recorded before.
func (w Wish) Record(was Record) Record {
	r := Record{
		Name: w.Name, Namespace: w.Namespace, Webhook: w.Webhook, Service: w.Service,
		WebhookName: cmp.Or(was.WebhookName, w.WebhookName), AutoInject: w.AutoInject || was.AutoInject,
		Validator: was.Validator, Selectors: was.Selectors, Deactivated: was.Deactivated,
	}
	if w.Validator != nil {
		validating := *w.Validator
		r.Validator = &validating
	}
	switch w.Injector {
	case Off:
		r.Selectors, r.Deactivated = nil, true
	case On:
		r.Deactivated = false
	}
	return r
}

// Restore returns the wish that a tag is again as it was before it was written, where it is as it was written, or on the way
// there or back. What somebody else has changed since is left as it is, and kept says so, one sentence for each.
func Restore(o *Objects, was, wrote Record) (w Wish, kept []string) {
	live := o.Record(was.Namespace, was.Name)
	w = Wish{Name: was.Name, Namespace: was.Namespace, Webhook: was.Webhook, Service: was.Service, WebhookName: was.WebhookName, AutoInject: was.AutoInject, Kept: was.Kept}
	if !slices.Contains([]string{was.Webhook, wrote.Webhook}, live.Webhook) || !slices.Contains([]string{was.Service, wrote.Service, ""}, live.Service) {
		w.Webhook, w.Service = live.Webhook, live.Service
		kept = append(kept, fmt.Sprintf("%s %s, which is not what was written (%s): it stays", title(was.Namespace, was.Name), stands(live), stands(wrote)))
	} else if w.Service != "" && w.Webhook != "" && w.Service != w.Webhook {
		w.Service = ""
		kept = append(kept, fmt.Sprintf("%s had two claimants, %s and %s: only the webhook configuration is put back", title(was.Namespace, was.Name), was.Webhook, was.Service))
	}
	if was.Name != Default {
		return w, kept
	}
	kept = append(kept, w.restoreValidator(live, was, wrote)...)
	return w, append(kept, w.restoreInjector(o, was, wrote)...)
}

func stands(r Record) string {
	switch {
	case r.Webhook == "" && r.Service == "":
		return "does not exist"
	case r.Webhook == "" || r.Service == "" || r.Webhook == r.Service:
		return "stands for " + cmp.Or(r.Webhook, r.Service)
	default:
		return fmt.Sprintf("stands for %s by its webhook configuration and for %s by its Service", r.Webhook, r.Service)
	}
}

func (w *Wish) restoreValidator(live, was, wrote Record) []string {
	if was.Validator == nil || wrote.Validator == nil {
		return nil
	}
	if now := *live.Validator; now != *was.Validator && now != *wrote.Validator {
		return []string{fmt.Sprintf("validatingwebhookconfiguration %s belongs to %s, which is not what was written (%s): it stays",
			ValidatorName, cmp.Or(now.Revision, "no revision"), cmp.Or(wrote.Validator.Revision, "no revision"))}
	}
	w.Validator = was.Validator
	return nil
}

func (w *Wish) restoreInjector(o *Objects, was, wrote Record) []string {
	own := o.injector(was.Namespace)
	switch {
	case own == nil, was.Selectors == nil && !was.Deactivated:
		return nil
	case was.Deactivated && !wrote.Deactivated:
		w.Injector = Off
		return nil
	case !was.Deactivated && (deactivated(own) || equality.Semantic.DeepEqual(selectors(own), was.Selectors)):
		w.Injector, w.Selectors = On, was.Selectors
		return nil
	case was.Deactivated && deactivated(own):
		return nil
	default:
		return []string{fmt.Sprintf("mutatingwebhookconfiguration %s selects what neither was recorded nor written: it stays", own.Name)}
	}
}
