package tag

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Switch says what is wanted of an injector.
type Switch int

// What can be wanted of the non-revisioned injector: that it is left as it is, selects nothing, or selects what it did.
const (
	Leave Switch = iota
	Off
	On
)

// Wish is what is wanted of one tag. Set, Remove and Restore make it.
type Wish struct {
	Name string
	// Namespace is Istio's.
	Namespace string
	// Webhook and Service are the revisions that the tag's webhook configuration and its Service are to claim, empty where
	// there is to be none.
	Webhook, Service string
	// WebhookName is the name of a webhook configuration that has to be created; empty for the usual one.
	WebhookName string
	// AutoInject has the tag default inject into namespaces without labels too. A tag that does so goes on doing it.
	AutoInject bool
	// Validator is what the default validator is to be; nil where it is left as it is.
	Validator *Validating
	// Injector is what is wanted of revision default's own injector, Selectors what it selected before it was deactivated,
	// where its annotation does not tell.
	Injector  Switch
	Selectors Selectors
}

// Validating says whose the default validator is.
type Validating struct {
	// Revision is its label istio.io/rev, empty where there is no validator. Namespace is Istio's.
	Revision  string `json:"revision,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	// Tagged is true where it belongs to the tag default, and false where an installation without that tag made it.
	Tagged bool `json:"tagged,omitempty"`
}

// Set returns the wish that the tag stands for the revision: for the tag default also that the revision validates, and that an
// injector without a revision is switched off.
func Set(o *Objects, namespace, name, rev string) Wish {
	w := Wish{Name: name, Namespace: namespace, Webhook: rev, Service: rev}
	if name != Default {
		return w
	}
	w.Validator = &Validating{Revision: rev, Namespace: namespace, Tagged: true}
	if own, err := o.Own(namespace, revision.Default); err == nil && own != nil {
		w.Injector = Off
	}
	return w
}

// Remove returns the wish that there is no such tag. With the tag default goes its validator, or it becomes that of an
// injector without a revision, which is switched on again if this package has switched it off.
func Remove(o *Objects, namespace, name string) Wish {
	w := Wish{Name: name, Namespace: namespace}
	if name != Default {
		return w
	}
	own, err := o.Own(namespace, revision.Default)
	if err == nil && (!deactivated(own) || recorded(own) != nil) {
		w.Injector = On
		w.Validator = &Validating{Revision: revision.Default, Namespace: namespace}
	} else if o.Tag(namespace, name).Validator != "" {
		w.Validator = &Validating{}
	}
	return w
}

// validating says whose the default validator is now.
func (o *Objects) validating() Validating {
	if o.Validator == nil {
		return Validating{}
	}
	l := o.Validator.Labels
	return Validating{Revision: l[label.IoIstioRev.Name], Namespace: o.validatorNamespace(), Tagged: l[label.IoIstioTag.Name] == Default}
}

// injector returns revision default's own injector, nil where there is none.
func (o *Objects) injector(namespace string) *admissionv1.MutatingWebhookConfiguration {
	own, err := o.Own(namespace, revision.Default)
	if err != nil {
		return nil
	}
	return own
}
