package retirement

import (
	"context"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Resource is where an object of a control plane's configuration is.
type Resource string

// The resources of a control plane's configuration, in the order in which Remove deletes.
const (
	MutatingWebhooks   Resource = "mutatingwebhookconfigurations"
	ValidatingWebhooks Resource = "validatingwebhookconfigurations"
	Services           Resource = "services"
	ConfigMaps         Resource = "configmaps"
)

// Resources lists every resource, in that order.
func Resources() []Resource {
	return []Resource{MutatingWebhooks, ValidatingWebhooks, Services, ConfigMaps}
}

// kind is what an object of the resource is called in messages.
func (r Resource) kind() string {
	switch r {
	case MutatingWebhooks:
		return "MutatingWebhookConfiguration"
	case ValidatingWebhooks:
		return "ValidatingWebhookConfiguration"
	case Services:
		return "Service"
	default:
		return "ConfigMap"
	}
}

// Object is one object of a control plane's configuration.
type Object struct {
	Resource Resource
	// Namespace is empty for what is of the whole cluster.
	Namespace, Name string
	// UID and ResourceVersion tell the object, as it was read, from others and from what becomes of it.
	UID, ResourceVersion string
	// Revision and Tag are those of its labels; for an injector without the former it is the default.
	Revision, Tag string
	// IstioNamespace is that of the control plane that a webhook calls, empty where it is called by URL, or is none.
	IstioNamespace string
}

// String names the object in messages.
func (o Object) String() string {
	name := o.Resource.kind() + " " + o.Name
	if o.Namespace != "" {
		name += " in namespace " + o.Namespace
	}
	return name
}

// of says whether an object is a revision's, of the mesh in that Istio's namespace. What does not say which mesh it is of is of every one.
func (o Object) of(istioNamespace, name string) bool {
	return o.Revision == name && (o.IstioNamespace == "" || o.IstioNamespace == istioNamespace)
}

func objectFrom(resource Resource, m *metav1.ObjectMeta) Object {
	return Object{
		Resource: resource, Namespace: m.Namespace, Name: m.Name, UID: string(m.UID), ResourceVersion: m.ResourceVersion,
		Revision: m.Labels[label.IoIstioRev.Name], Tag: m.Labels[label.IoIstioTag.Name],
	}
}

// Configuration is what there is in the cluster of control planes' configuration, those of other revisions included, but for
// ConfigMaps, which are read by their names.
type Configuration struct {
	Objects []Object
	// Running are the revision's istiods, as names of Deployments in Istio's namespace.
	Running []string
	// Origin is where the revision was installed from.
	Origin Origin
	// Gaps are what may not be read.
	Gaps []cluster.Gap
}

// ReadConfiguration reads the injectors, validators and tags of the cluster, and the ConfigMaps and istiods of a revision of the mesh
// in Istio's namespace. What may not be read becomes a gap; the error is for a cluster that fails.
func ReadConfiguration(ctx context.Context, clients *cluster.Clients, istioNamespace, name string) (*Configuration, error) {
	r := &configurationReader{clients: clients, istioNamespace: istioNamespace, name: name}
	r.found.Origin.AKS = aksInstalls(istioNamespace)
	for _, read := range []struct {
		what string
		do   func(context.Context) error
	}{
		{string(MutatingWebhooks), r.injectors},
		{string(ValidatingWebhooks), r.validators},
		{"services in " + istioNamespace, r.services},
		{"configmaps in " + istioNamespace, r.configMaps},
		{"deployments.apps in " + istioNamespace, r.istiods},
	} {
		gap, err := cluster.Outcome(read.what, read.do(ctx))
		if err != nil {
			return nil, err
		}
		if gap != nil {
			r.found.Gaps = append(r.found.Gaps, *gap)
		}
	}
	return &r.found, nil
}

type configurationReader struct {
	clients              *cluster.Clients
	istioNamespace, name string
	found                Configuration
}

func (r *configurationReader) add(o Object) { r.found.Objects = append(r.found.Objects, o) }

func (r *configurationReader) injectors(ctx context.Context) error {
	list, err := r.clients.Kube.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		for _, injector := range revision.Injectors(list.Items[i : i+1]) {
			o := objectFrom(MutatingWebhooks, &list.Items[i].ObjectMeta)
			o.Revision, o.IstioNamespace = injector.Owner.Revision, injector.Owner.Namespace
			r.add(o)
			if o.Tag == "" && o.IstioNamespace == r.istioNamespace && o.Revision == r.name {
				r.found.Origin.take(&list.Items[i].ObjectMeta)
			}
		}
	}
	return nil
}

// validatorSuffix ends the name of every validation webhook. Source: the charts istio-discovery and base.
const validatorSuffix = "validation.istio.io"

func (r *configurationReader) validators(ctx context.Context) error {
	list, err := r.clients.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range list.Items {
		v := &list.Items[i]
		at := slices.IndexFunc(v.Webhooks, func(w admissionv1.ValidatingWebhook) bool { return strings.HasSuffix(w.Name, validatorSuffix) })
		if at < 0 {
			continue
		}
		o := objectFrom(ValidatingWebhooks, &v.ObjectMeta)
		if service := v.Webhooks[at].ClientConfig.Service; service != nil {
			o.IstioNamespace = service.Namespace
		}
		r.add(o)
	}
	return nil
}

// services are those by which tags point at a revision since Istio 1.28.
func (r *configurationReader) services(ctx context.Context) error {
	list, err := r.clients.Kube.CoreV1().Services(r.istioNamespace).List(ctx, metav1.ListOptions{LabelSelector: label.IoIstioTag.Name})
	if err != nil {
		return err
	}
	for i := range list.Items {
		r.add(objectFrom(Services, &list.Items[i].ObjectMeta))
	}
	return nil
}

// configMaps are the injector's and the mesh's own. What a user shares with the AKS add-on is the user's.
func (r *configurationReader) configMaps(ctx context.Context) error {
	names := injection.MeshConfigMapNames(r.name)
	for _, name := range []string{names[len(names)-1], injection.ConfigMapName(r.name)} {
		c, err := r.clients.Kube.CoreV1().ConfigMaps(r.istioNamespace).Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			r.add(objectFrom(ConfigMaps, &c.ObjectMeta))
		}
		if err := cluster.Optional(err); err != nil {
			return err
		}
	}
	return nil
}

func (r *configurationReader) istiods(ctx context.Context) error {
	list, err := r.clients.Kube.AppsV1().Deployments(r.istioNamespace).List(ctx, metav1.ListOptions{LabelSelector: controlplane.IstiodSelector})
	if err != nil {
		return err
	}
	for i := range list.Items {
		if d := &list.Items[i]; controlplane.RevisionOf(d.Labels) == r.name {
			r.found.Running = append(r.found.Running, d.Name)
			r.found.Origin.take(&d.ObjectMeta)
		}
	}
	return nil
}

// Gone says whether nothing is to be seen of a revision of the mesh in Istio's namespace that its tool would uninstall. An istiod alone
// that is not to be seen may run elsewhere, or be labelled in some way that is not known here.
func (c *Configuration) Gone(istioNamespace, name string) bool {
	return len(c.Running) == 0 && len(c.Gaps) == 0 && !slices.Contains(c.installed(istioNamespace), name)
}

// tags returns the tags of the mesh that point at the revision, in the order in which their objects were read.
func (c *Configuration) tags(istioNamespace, name string) (tags []Tag) {
	for _, o := range c.Objects {
		if o.Tag == "" || !o.of(istioNamespace, name) {
			continue
		}
		what := o.Resource.kind() + " " + o.Name
		if i := slices.IndexFunc(tags, func(t Tag) bool { return t.Name == o.Tag }); i >= 0 {
			tags[i].Objects = append(tags[i].Objects, what)
		} else {
			tags = append(tags, Tag{o.Tag, []string{what}})
		}
	}
	return tags
}

// injectingTags returns the revision of each tag of the mesh by which pods are injected.
func (c *Configuration) injectingTags(istioNamespace string) map[string]string {
	tags := map[string]string{}
	for _, o := range c.Objects {
		if o.Resource == MutatingWebhooks && o.Tag != "" && o.of(istioNamespace, o.Revision) {
			tags[o.Tag] = o.Revision
		}
	}
	return tags
}

// installed returns the mesh's revisions that have an injector of their own.
func (c *Configuration) installed(istioNamespace string) (names []string) {
	for _, o := range c.Objects {
		if o.Resource == MutatingWebhooks && o.Tag == "" && o.of(istioNamespace, o.Revision) && !slices.Contains(names, o.Revision) {
			names = append(names, o.Revision)
		}
	}
	return names
}

// namesakes returns Istio's namespaces of other meshes that have a revision of the name.
func (c *Configuration) namesakes(istioNamespace, name string) (namespaces []string) {
	for _, o := range c.Objects {
		if o.Resource == MutatingWebhooks && o.Tag == "" && o.Revision == name && !o.of(istioNamespace, name) && !slices.Contains(namespaces, o.IstioNamespace) {
			namespaces = append(namespaces, o.IstioNamespace)
		}
	}
	slices.Sort(namespaces)
	return namespaces
}

// validator returns the name of the default validator if it is the revision's, empty otherwise.
func (c *Configuration) validator(istioNamespace, name string) string {
	for _, o := range c.Objects {
		if o.Resource == ValidatingWebhooks && o.Name == mesh.DefaultValidator && o.of(istioNamespace, name) {
			return o.Name
		}
	}
	return ""
}
