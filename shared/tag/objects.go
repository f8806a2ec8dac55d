package tag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Objects are the cluster's objects that tags are made of, as they were read. Nothing here changes them.
type Objects struct {
	// Webhooks are Istio's injectors: the revisions' own and the tags'.
	Webhooks []admissionv1.MutatingWebhookConfiguration
	// Services are those in Istio's namespaces that carry the label istio.io/tag.
	Services []corev1.Service
	// Validator is the default validator, nil where there is none.
	Validator *admissionv1.ValidatingWebhookConfiguration
	// Named is the namespace that the user says Istio is in: that of control planes whose webhooks are called by URL.
	Named string
}

// ownerOf returns the control plane that an injector calls, and the tag whose it is.
func (o *Objects) ownerOf(c *admissionv1.MutatingWebhookConfiguration) (owner revision.ControlPlane, tag string) {
	injector := revision.Injectors([]admissionv1.MutatingWebhookConfiguration{*c})
	if len(injector) == 0 {
		return owner, ""
	}
	owner = injector[0].Owner
	owner.Namespace = cmp.Or(owner.Namespace, o.Named)
	return owner, injector[0].Tag
}

// Namespaces returns those in which Istio is, sorted.
func (o *Objects) Namespaces() []string {
	var namespaces []string
	for i := range o.Webhooks {
		owner, _ := o.ownerOf(&o.Webhooks[i])
		namespaces = append(namespaces, owner.Namespace)
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// Tags returns every tag, sorted by Istio's namespace and name.
func (o *Objects) Tags() []Tag {
	tags := map[[2]string]*Tag{}
	of := func(namespace, name string) *Tag {
		key := [2]string{namespace, name}
		if tags[key] == nil {
			tags[key] = &Tag{Name: name, Namespace: namespace}
		}
		return tags[key]
	}
	for i := range o.Webhooks {
		if owner, name := o.ownerOf(&o.Webhooks[i]); name != "" {
			t := of(owner.Namespace, name)
			t.Webhooks = append(t.Webhooks, Claim{o.Webhooks[i].Name, owner.Revision})
		}
	}
	for i := range o.Services {
		s := &o.Services[i]
		t := of(s.Namespace, s.Labels[label.IoIstioTag.Name])
		t.Services = append(t.Services, Claim{s.Name, s.Labels[label.IoIstioRev.Name]})
	}
	if o.Validator != nil && o.Validator.Labels[label.IoIstioTag.Name] == Default {
		of(o.validatorNamespace(), Default).Validator = o.Validator.Labels[label.IoIstioRev.Name]
	}
	var all []Tag
	for _, t := range tags {
		slices.SortFunc(t.Webhooks, compareClaims)
		slices.SortFunc(t.Services, compareClaims)
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b Tag) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

func compareClaims(a, b Claim) int { return cmp.Compare(a.Object, b.Object) }

// Tag returns the tag of that name in the mesh whose Istio is in the namespace; one without claims where there is none.
func (o *Objects) Tag(namespace, name string) Tag {
	for _, t := range o.Tags() {
		if t.Namespace == namespace && t.Name == name {
			return t
		}
	}
	return Tag{Name: name, Namespace: namespace}
}

// Exists says whether anything of the tag is there.
func (t Tag) Exists() bool { return len(t.Webhooks)+len(t.Services) > 0 || t.Validator != "" }

// Own returns the webhook configuration that is a revision's own, not a tag's. The error says that there is none, naming
// those that there are, or that there are several.
func (o *Objects) Own(namespace, name string) (*admissionv1.MutatingWebhookConfiguration, error) {
	var found *admissionv1.MutatingWebhookConfiguration
	for i := range o.Webhooks {
		c := &o.Webhooks[i]
		if owner, tag := o.ownerOf(c); tag != "" || owner != (revision.ControlPlane{Namespace: namespace, Revision: name}) {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("revision %s has two webhook configurations of its own, %s and %s: delete the one that is left over",
				name, found.Name, c.Name)
		}
		found = c
	}
	if found == nil {
		return nil, o.noRevision(namespace, name)
	}
	return found, nil
}

func (o *Objects) noRevision(namespace, name string) error {
	installed := o.Revisions(namespace)
	if len(installed) == 0 {
		return fmt.Errorf("revision %s: no revision has a webhook configuration in namespace %s; see `kubectl get mutatingwebhookconfigurations -L istio.io/rev`",
			name, cmp.Or(namespace, `""`))
	}
	return fmt.Errorf("revision %s is not installed in namespace %s: there are %s", name, namespace, strings.Join(installed, ", "))
}

// Revisions returns the names of the revisions that have a webhook configuration of their own in that mesh, sorted.
func (o *Objects) Revisions(namespace string) []string {
	var names []string
	for i := range o.Webhooks {
		if owner, tag := o.ownerOf(&o.Webhooks[i]); tag == "" && owner.Namespace == namespace {
			names = append(names, owner.Revision)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// webhook returns the webhook configuration of that name, nil where there is none.
func (o *Objects) webhook(name string) *admissionv1.MutatingWebhookConfiguration {
	for i := range o.Webhooks {
		if o.Webhooks[i].Name == name {
			return &o.Webhooks[i]
		}
	}
	return nil
}

// service returns the tag's Service of that name, nil where there is none.
func (o *Objects) service(namespace, name string) *corev1.Service {
	for i := range o.Services {
		if o.Services[i].Namespace == namespace && o.Services[i].Name == name {
			return &o.Services[i]
		}
	}
	return nil
}

// validatorNamespace returns Istio's namespace, as the default validator says it.
func (o *Objects) validatorNamespace() string {
	for i := range o.Validator.Webhooks {
		if s := o.Validator.Webhooks[i].ClientConfig.Service; s != nil {
			return s.Namespace
		}
	}
	return o.Named
}
