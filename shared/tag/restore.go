package tag

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
)

// Record is what a tag was, as far as it is put back: plain values that can be kept as JSON.
type Record struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Webhook and Service are the revisions that were claimed, empty where there was no such object.
	Webhook     string `json:"webhook,omitempty"`
	Service     string `json:"service,omitempty"`
	WebhookName string `json:"webhookName,omitempty"`
	AutoInject  bool   `json:"autoInject,omitempty"`
	// Validator and Selectors are there for the tag default alone: whose the default validator was, and what revision
	// default's own injector selected; absent where there was none, or it was deactivated.
	Validator *Validating `json:"validator,omitempty"`
	Selectors Selectors   `json:"selectors,omitempty"`
}

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
	}
	if name != Default {
		return r
	}
	validating := o.validating()
	r.Validator = &validating
	if own := o.injector(namespace); own != nil && !deactivated(own) {
		r.Selectors = selectors(own)
	}
	return r
}

// Record returns what the tag is once the wish is fulfilled, for a tag that was as recorded before.
func (w Wish) Record(was Record) Record {
	r := Record{
		Name: w.Name, Namespace: w.Namespace, Webhook: w.Webhook, Service: w.Service,
		WebhookName: cmp.Or(was.WebhookName, w.WebhookName), AutoInject: w.AutoInject || was.AutoInject,
		Validator: was.Validator, Selectors: was.Selectors,
	}
	if w.Validator != nil {
		validating := *w.Validator
		r.Validator = &validating
	}
	if w.Injector == Off {
		r.Selectors = nil
	}
	return r
}

// Restore returns the wish that a tag is again as it was before it was written, where it is as it was written, or on the way
// there or back. What somebody else has changed since is left as it is, and kept says so, one sentence for each.
func Restore(o *Objects, was, wrote Record) (w Wish, kept []string) {
	live := o.Record(was.Namespace, was.Name)
	w = Wish{Name: was.Name, Namespace: was.Namespace, Webhook: was.Webhook, Service: was.Service, WebhookName: was.WebhookName, AutoInject: was.AutoInject}
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
	return w, append(kept, w.restoreInjector(o, was)...)
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

func (w *Wish) restoreInjector(o *Objects, was Record) []string {
	own := o.injector(was.Namespace)
	if len(was.Selectors) == 0 || own == nil {
		return nil
	}
	if !deactivated(own) && !equality.Semantic.DeepEqual(selectors(own), was.Selectors) {
		return []string{fmt.Sprintf("mutatingwebhookconfiguration %s selects what neither was recorded nor written: it stays", own.Name)}
	}
	w.Injector, w.Selectors = On, was.Selectors
	return nil
}
