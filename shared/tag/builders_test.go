package tag

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

const istio = fixture.IstioNamespace

// own is a revision's own webhook configuration, as an installer leaves it.
func own(rev string) admissionv1.MutatingWebhookConfiguration {
	c := fixture.Injector(rev)
	for k, v := range map[string]string{
		"release": "istio", "app.kubernetes.io/name": "istiod", "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "istio",
		"app.kubernetes.io/part-of": "istio", "app.kubernetes.io/version": "1.31.0", "helm.sh/chart": "istiod-1.31.0",
		"install.operator.istio.io/owning-resource": "unknown", "operator.istio.io/component": "Pilot",
	} {
		c.Labels[k] = v
	}
	for i := range c.Webhooks {
		w := &c.Webhooks[i]
		w.ClientConfig.CABundle = []byte("ca of " + rev)
		w.ClientConfig.Service.Path, w.ClientConfig.Service.Port = ptr.To("/inject"), ptr.To(int32(443))
		w.ReinvocationPolicy = ptr.To(admissionv1.NeverReinvocationPolicy)
	}
	identify(c)
	return *c
}

func identify(o Object) {
	o.SetUID(types.UID(o.GetName()))
	o.SetResourceVersion("1")
}

// inNamespace moves an injector to another mesh.
func inNamespace(c admissionv1.MutatingWebhookConfiguration, namespace string) admissionv1.MutatingWebhookConfiguration {
	c.Name += "-" + namespace
	for i := range c.Webhooks {
		c.Webhooks[i].ClientConfig.Service.Namespace = namespace
	}
	return c
}

// byURL has an injector be called by URL.
func byURL(c admissionv1.MutatingWebhookConfiguration) admissionv1.MutatingWebhookConfiguration {
	for i := range c.Webhooks {
		c.Webhooks[i].ClientConfig.Service = nil
		c.Webhooks[i].ClientConfig.URL = ptr.To("https://istiod.example.com/inject/net/a")
	}
	return c
}

// world are objects of a cluster with revisions 1-22 and 1-23, and what the changes make of it.
func world(changes ...func(*Objects)) *Objects {
	o := &Objects{Webhooks: []admissionv1.MutatingWebhookConfiguration{own("1-22"), own("1-23")}}
	for _, change := range changes {
		change(o)
	}
	return o
}

// unrevisioned adds an installation without a revision, with the validator that its base chart makes.
func unrevisioned(o *Objects) {
	o.Webhooks = append(o.Webhooks, own("default"))
	validator(o, "default", false)
}

func validator(o *Objects, rev string, tagged bool) {
	c := own(rev)
	r, err := Render(&c, Options{Tag: Default, Namespace: istio})
	if err != nil {
		panic(err)
	}
	o.Validator = r.Validator
	if !tagged {
		delete(o.Validator.Labels, "istio.io/tag")
		o.Validator.Webhooks[0].ObjectSelector = &metav1.LabelSelector{}
	}
	identify(o.Validator)
}

func rendered(name, rev string) Rendered {
	c := own(rev)
	r, err := Render(&c, Options{Tag: name, Namespace: istio})
	if err != nil {
		panic(err)
	}
	identify(r.Webhook)
	identify(r.Service)
	return r
}

// withWebhook and withService add one half of a tag, withTag both.
func withWebhook(name, rev string) func(*Objects) {
	return func(o *Objects) { o.Webhooks = append(o.Webhooks, *rendered(name, rev).Webhook) }
}

func withService(name, rev string) func(*Objects) {
	return func(o *Objects) { o.Services = append(o.Services, *rendered(name, rev).Service) }
}

func withTag(name, rev string) func(*Objects) {
	return func(o *Objects) {
		withWebhook(name, rev)(o)
		withService(name, rev)(o)
		if name == Default {
			validator(o, rev, true)
		}
	}
}

// withSecondWebhook adds a webhook configuration of the tag's under another name.
func withSecondWebhook(name, rev string) func(*Objects) {
	return func(o *Objects) {
		c := rendered(name, rev).Webhook
		c.Name = "second"
		o.Webhooks = append(o.Webhooks, *c)
	}
}

// switchedOff deactivates the injector without a revision, as this package does or as istioctl does.
func switchedOff(byUs bool) func(*Objects) {
	return func(o *Objects) {
		for i := range o.Webhooks {
			if o.Webhooks[i].Name != "istio-sidecar-injector" {
				continue
			}
			off, err := deactivate(&o.Webhooks[i])
			if err != nil {
				panic(err)
			}
			if !byUs {
				delete(off.Annotations, SelectorsAnnotation)
			}
			o.Webhooks[i] = *off
		}
	}
}

// autoInjecting has the tag default inject into namespaces without labels.
func autoInjecting(o *Objects) {
	c := own("1-22")
	r, err := Render(&c, Options{Tag: Default, Namespace: istio, AutoInject: true})
	if err != nil {
		panic(err)
	}
	identify(r.Webhook)
	o.Webhooks = append(o.Webhooks, *r.Webhook)
}

func service(namespace, name, tag, rev string) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"istio.io/tag": tag, "istio.io/rev": rev}}}
}
