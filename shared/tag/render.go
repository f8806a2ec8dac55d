package tag

import (
	"fmt"
	"maps"
	"net/url"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

const (
	// usualNamespace is the one that object names are not marked with. Source: the chart istio-discovery.
	usualNamespace = "istio-system"
	webhookPrefix  = "istio-revision-tag-"
	servicePrefix  = "istiod-revision-tag-"
	injectorSuffix = revision.InjectorSuffix
	// autoWebhook injects into namespaces without any label.
	autoWebhook = "auto." + injectorSuffix
	appLabel    = "app"
	// operatorDomain is in the labels by which an installer knows what is its own; a user's tags carry none of these.
	// Source: generateLabels in istio.io/istio/istioctl/pkg/tag.
	operatorDomain = "operator.istio.io"
)

// Options say which tag to render.
type Options struct {
	Tag string
	// Namespace is Istio's namespace.
	Namespace string
	// WebhookName is the name of the webhook configuration; empty for the usual one.
	WebhookName string
	// AutoInject has the tag default inject into namespaces without labels too.
	AutoInject bool
}

// Rendered are the objects of a tag.
type Rendered struct {
	Webhook *admissionv1.MutatingWebhookConfiguration
	// Validator is nil for every tag but default.
	Validator *admissionv1.ValidatingWebhookConfiguration
	Service   *corev1.Service
}

// Render returns the objects that make a tag stand for the revision whose own webhook configuration is given: the end state
// that `istioctl tag set` reaches. Where to call, the CA, labels and annotations are the revision's own. The error says that
// the configuration has no injection webhook. Source: Generate in istio.io/istio/istioctl/pkg/tag, of 1.31, and the charts
// that it renders.
func Render(own *admissionv1.MutatingWebhookConfiguration, o Options) (Rendered, error) {
	like := injectionWebhook(own)
	if like == nil {
		return Rendered{}, fmt.Errorf("mutatingwebhookconfiguration %s has no webhook whose name ends in %s: it is no injector", own.Name, injectorSuffix)
	}
	r := Rendered{Webhook: renderWebhook(own, like, o), Service: renderService(own, o)}
	if o.Tag == Default {
		r.Validator = renderValidator(own, like, o)
	}
	return r, nil
}

func injectionWebhook(c *admissionv1.MutatingWebhookConfiguration) *admissionv1.MutatingWebhook {
	for i := range c.Webhooks {
		if strings.HasSuffix(c.Webhooks[i].Name, injectorSuffix) {
			return &c.Webhooks[i]
		}
	}
	return nil
}

// WebhookName returns the usual name of a tag's webhook configuration. Source: revision-tags-mwc.yaml of the chart
// istio-discovery.
func WebhookName(namespace, tag string) string {
	if namespace == usualNamespace {
		return webhookPrefix + tag
	}
	return webhookPrefix + tag + "-" + namespace
}

// ServiceName returns the name of a tag's Service. Source: revision-tags-svc.yaml of the chart istio-discovery.
func ServiceName(tag string) string { return servicePrefix + tag }

func renderWebhook(own *admissionv1.MutatingWebhookConfiguration, like *admissionv1.MutatingWebhook, o Options) *admissionv1.MutatingWebhookConfiguration {
	name := o.WebhookName
	if name == "" {
		name = WebhookName(o.Namespace, o.Tag)
	}
	labels := sharedLabels(own)
	labels[appLabel] = "sidecar-injector"
	labels[label.IoIstioTag.Name] = o.Tag
	c := &admissionv1.MutatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: sharedAnnotations(own)},
	}
	for _, s := range selectorsOf(o) {
		fail, none := admissionv1.Fail, admissionv1.SideEffectClassNone
		c.Webhooks = append(c.Webhooks, admissionv1.MutatingWebhook{
			Name:                    s.prefix + injectorSuffix,
			ClientConfig:            injectorAddress(like, o.Namespace),
			NamespaceSelector:       s.namespaces,
			ObjectSelector:          s.objects,
			SideEffects:             &none,
			FailurePolicy:           &fail,
			ReinvocationPolicy:      like.ReinvocationPolicy,
			AdmissionReviewVersions: []string{"v1"},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		})
	}
	return c
}

func injectorAddress(like *admissionv1.MutatingWebhook, namespace string) admissionv1.WebhookClientConfig {
	address := admissionv1.WebhookClientConfig{CABundle: like.ClientConfig.CABundle}
	if like.ClientConfig.Service == nil {
		address.URL = like.ClientConfig.URL
		return address
	}
	port := int32(443)
	service := like.ClientConfig.Service.DeepCopy()
	service.Namespace, service.Port = namespace, &port
	address.Service = service
	return address
}

// sharedLabels are those of a revision's objects, less what tells this one apart and what an installer knows it by.
func sharedLabels(own *admissionv1.MutatingWebhookConfiguration) map[string]string {
	labels := map[string]string{label.IoIstioRev.Name: revision.Default}
	for k, v := range own.Labels {
		if k != appLabel && !strings.Contains(k, operatorDomain) {
			labels[k] = v
		}
	}
	return labels
}

// sharedAnnotations are the revision's own, less what kubectl and this package note about that one object.
func sharedAnnotations(own *admissionv1.MutatingWebhookConfiguration) map[string]string {
	annotations := maps.Clone(own.Annotations)
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	delete(annotations, SelectorsAnnotation)
	return annotations
}

// validationWebhook is the name of the default validator's webhook. Source: the charts base and default.
const validationWebhook = "validation.istio.io"

// ValidatorName is the name of the default validator. Source: istio.io/istio/pkg/revisions.
const ValidatorName = "istiod-default-validator"

func renderValidator(own *admissionv1.MutatingWebhookConfiguration, like *admissionv1.MutatingWebhook, o Options) *admissionv1.ValidatingWebhookConfiguration {
	labels := sharedLabels(own)
	labels[appLabel], labels["istio"] = "istiod", "istiod"
	labels[label.IoIstioTag.Name] = Default
	ignore, none := admissionv1.Ignore, admissionv1.SideEffectClassNone
	return &admissionv1.ValidatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration"},
		ObjectMeta: metav1.ObjectMeta{Name: ValidatorName, Labels: labels, Annotations: sharedAnnotations(own)},
		Webhooks: []admissionv1.ValidatingWebhook{{
			Name:                    validationWebhook,
			ClientConfig:            validatorAddress(own, like, o.Namespace),
			FailurePolicy:           &ignore,
			SideEffects:             &none,
			AdmissionReviewVersions: []string{"v1"},
			ObjectSelector:          withoutRevision(),
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
				Rule: admissionv1.Rule{
					APIGroups:   []string{"security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io"},
					APIVersions: []string{"*"}, Resources: []string{"*"},
				},
			}},
		}},
	}
}

func validatorAddress(own *admissionv1.MutatingWebhookConfiguration, like *admissionv1.MutatingWebhook, namespace string) admissionv1.WebhookClientConfig {
	address := admissionv1.WebhookClientConfig{CABundle: like.ClientConfig.CABundle}
	if u := like.ClientConfig.URL; u != nil {
		validate := *u
		if parsed, err := url.Parse(*u); err == nil {
			parsed.Path = "/validate"
			validate = parsed.String()
		}
		address.URL = &validate
		return address
	}
	name, path := "istiod", "/validate"
	if r := sharedLabels(own)[label.IoIstioRev.Name]; r != revision.Default {
		name += "-" + r
	}
	address.Service = &admissionv1.ServiceReference{Namespace: namespace, Name: name, Path: &path}
	return address
}
