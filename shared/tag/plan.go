package tag

import (
	"fmt"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// The kinds of objects that are written.
const (
	webhookKind   = "MutatingWebhookConfiguration"
	validatorKind = "ValidatingWebhookConfiguration"
	serviceKind   = "Service"
)

// Plan returns what has to be written, in this order, for the wish to come true: nothing where it has. Of what it returns, any
// first part may be done and planning begun again: the rest comes out.
//
// At no point do two objects claim the tag for different revisions, unless they do so already: the Service goes, the webhook
// configuration moves, the Service comes. Nor does anybody lose injection on the way: what injected until now is switched
// off last, and switched on first. The error says that a revision is not installed, or that the tag is not one that can be
// moved.
func Plan(o *Objects, w Wish) ([]Write, error) {
	p := &planner{objects: o, wish: w, now: o.Tag(w.Namespace, w.Name)}
	steps := []func() error{p.dropServices, p.moveWebhook, p.addService, p.moveValidator, p.switchOff}
	if w.Webhook == "" {
		// A validator counts for Gateways as soon as there is no tag default.
		steps = []func() error{p.switchOn, p.moveValidator, p.dropServices, p.dropWebhooks, p.addService}
	} else if w.Injector == On {
		steps = append([]func() error{p.switchOn}, steps...)
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("%s: %w", title(w.Namespace, w.Name), err)
		}
	}
	return p.writes, nil
}

// planner makes one plan.
type planner struct {
	objects *Objects
	wish    Wish
	now     Tag
	writes  []Write
}

func (p *planner) add(verb Verb, kind string, object Object, text string) {
	p.writes = append(p.writes, Write{Verb: verb, Kind: kind, Object: object, Text: text})
}

// rendered returns the tag's objects for a revision.
func (p *planner) rendered(rev string) (Rendered, error) {
	own, err := p.objects.Own(p.wish.Namespace, rev)
	if err != nil {
		return Rendered{}, err
	}
	if p.wish.Namespace == "" {
		return Rendered{}, fmt.Errorf("revision %s is called by URL, which does not tell where Istio is: name its namespace with --istio-namespace", rev)
	}
	o := Options{Tag: p.wish.Name, Namespace: p.wish.Namespace, WebhookName: p.wish.WebhookName, AutoInject: p.wish.AutoInject}
	for _, claim := range p.now.Webhooks {
		if webhookNamed(p.objects.webhook(claim.Object), autoWebhook) != nil {
			o.AutoInject = true
		}
	}
	return Render(own, o)
}

func (p *planner) dropServices() error {
	for _, claim := range p.now.Services {
		if claim.Revision != p.wish.Service || p.wish.Service == "" {
			p.add(Delete, serviceKind, p.objects.service(p.now.Namespace, claim.Object), "the claim for revision "+claim.Revision+" goes")
		}
	}
	return nil
}

func (p *planner) moveWebhook() error {
	r, err := p.rendered(p.wish.Webhook)
	if err != nil {
		return err
	}
	if len(p.now.Webhooks) == 0 {
		if other := p.objects.webhook(r.Webhook.Name); other != nil {
			return fmt.Errorf("mutatingwebhookconfiguration %s exists and is not the tag's: choose another with --webhook-name", other.Name)
		}
		p.add(Create, webhookKind, r.Webhook, "pods that follow the tag are injected by revision "+p.wish.Webhook)
		return nil
	}
	for _, claim := range p.now.Webhooks {
		next, changed := moved(p.objects.webhook(claim.Object), r.Webhook)
		if changed && len(p.now.Webhooks) > 1 {
			return fmt.Errorf("it has several webhook configurations, %s and %s, which cannot move at one moment: delete all but one",
				p.now.Webhooks[0].Object, p.now.Webhooks[1].Object)
		}
		if changed {
			p.add(Update, webhookKind, next, "pods that follow the tag are injected by revision "+change(claim.Revision, p.wish.Webhook))
		}
	}
	return nil
}

func change(from, to string) string {
	if from == to || from == "" {
		return to
	}
	return to + ", no longer by " + from
}

func (p *planner) dropWebhooks() error {
	for _, claim := range p.now.Webhooks {
		p.add(Delete, webhookKind, p.objects.webhook(claim.Object), "nothing is injected by way of the tag any more")
		if p.wish.Injector == On {
			p.writes[len(p.writes)-1].Sight = &Sight{Tag: p.wish.Name, Revision: revision.Default, Namespace: p.wish.Namespace, Replaced: claim.Revision}
		}
	}
	return nil
}

func (p *planner) addService() error {
	if p.wish.Service == "" {
		return nil
	}
	for _, claim := range p.now.Services {
		if claim.Revision == p.wish.Service {
			return nil
		}
	}
	r, err := p.rendered(p.wish.Service)
	if err != nil {
		return err
	}
	p.add(Create, serviceKind, r.Service, "Gateways that follow the tag are managed by revision "+p.wish.Service)
	return nil
}

func (p *planner) moveValidator() error {
	want, live := p.wish.Validator, p.objects.Validator
	switch {
	case want == nil:
		return nil
	case want.Revision == "":
		if live != nil {
			p.add(Delete, validatorKind, live, "it belongs to the tag")
		}
		return nil
	}
	own, err := p.objects.Own(want.Namespace, want.Revision)
	if err != nil {
		return err
	}
	r, err := Render(own, Options{Tag: Default, Namespace: want.Namespace})
	if err != nil {
		return err
	}
	if !want.Tagged {
		delete(r.Validator.Labels, label.IoIstioTag.Name)
		r.Validator.Webhooks[0].ObjectSelector = nil
	}
	if live == nil {
		// An installation without the tag makes its validator itself, if it is to have one.
		if want.Tagged || p.wish.Selectors != nil {
			p.add(Create, validatorKind, r.Validator, "revision "+want.Revision+" validates what carries no revision")
		}
		return nil
	}
	if next, changed := movedValidator(live, r.Validator); changed {
		p.add(Update, validatorKind, next, "what carries no revision is validated by revision "+change(p.objects.validating().Revision, want.Revision))
	}
	return nil
}

func (p *planner) switchOff() error {
	own := p.objects.injector(p.wish.Namespace)
	if p.wish.Injector != Off || own == nil || deactivated(own) {
		return nil
	}
	off, err := deactivate(own)
	if err != nil {
		return err
	}
	p.add(Update, webhookKind, off, "the injector without a revision selects nothing any more")
	p.writes[len(p.writes)-1].Sight = &Sight{Tag: p.wish.Name, Revision: p.wish.Webhook, Namespace: p.wish.Namespace, Replaced: revision.Default}
	return nil
}

func (p *planner) switchOn() error {
	own := p.objects.injector(p.wish.Namespace)
	if p.wish.Injector != On || own == nil || !deactivated(own) {
		return nil
	}
	had := recorded(own)
	if had == nil {
		had = p.wish.Selectors
	}
	if had == nil {
		return fmt.Errorf("what mutatingwebhookconfiguration %s selected before it was deactivated is not recorded: install revision default again", own.Name)
	}
	p.add(Update, webhookKind, activate(own, had), "the injector without a revision selects what it did")
	return nil
}
