package mesh

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/pager"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Options says what to read.
type Options struct {
	// Namespace limits the reading to what decides about that namespace's pods; empty for all.
	Namespace string
	// IstioNamespace holds the configuration of control planes that are called by URL, which does not tell; empty where
	// the user has not said.
	IstioNamespace string
	// Chunk is the page size of lists.
	Chunk int64
}

// GatewayResources returns where Gateways are listed, the version to prefer first; v1 came with Gateway API 1.0.
func GatewayResources() []schema.GroupVersionResource {
	gateways := schema.GroupResource{Group: "gateway.networking.k8s.io", Resource: "gateways"}
	return []schema.GroupVersionResource{gateways.WithVersion("v1"), gateways.WithVersion("v1beta1")}
}

// reader reads a cluster's objects, several kinds at once.
type reader struct {
	*cluster.Clients
	Options

	sync.Mutex
	objects *Objects
}

// Read reads the mesh. What the caller may not read becomes a gap of the result; the error is for a cluster that
// cannot be reached or that fails.
func Read(ctx context.Context, clients *cluster.Clients, options Options) (*Mesh, error) {
	objects, err := ReadObjects(ctx, clients, options)
	if err != nil {
		return nil, err
	}
	return objects.Mesh(options.IstioNamespace), nil
}

// ReadObjects reads what Read makes a mesh of, for who wants to know what the mesh would answer if some of it were different.
// Gaps and errors are as for Read.
func ReadObjects(ctx context.Context, clients *cluster.Clients, options Options) (*Objects, error) {
	r := &reader{Clients: clients, Options: options, objects: NewObjects()}
	// The webhook configurations come first: they say where everything else is, and a cluster that cannot be reached
	// then gives one error instead of five.
	if err := r.readWebhooks(ctx); err != nil {
		return nil, err
	}
	injectors := r.objects.injectors()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.readNamespaces(groupCtx) })
	group.Go(func() error { return r.readGateways(groupCtx) })
	group.Go(func() error { return r.readValidator(groupCtx) })
	group.Go(func() error { return r.readTagServices(groupCtx, injectors) })
	group.Go(func() error { return r.readClassDefaults(groupCtx, injectors) })
	group.Go(func() error {
		if err := r.readConfigs(groupCtx, injectors); err != nil {
			return err
		}
		return r.readProxyConfigs(groupCtx)
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := r.readRootNamespaces(ctx); err != nil {
		return nil, err
	}
	return r.objects, nil
}

func (r *reader) set(o runtime.Object) {
	r.Lock()
	defer r.Unlock()
	r.objects.Set(o)
}

// lack notes a gap, where there is one, and passes the error on.
func (r *reader) lack(part Part, g *cluster.Gap, err error) error {
	if g != nil {
		r.Lock()
		defer r.Unlock()
		r.objects.Lack(part, *g)
	}
	return err
}

// list sets every object of a list.
func (r *reader) list(ctx context.Context, options metav1.ListOptions, list pager.ListPageFunc) error {
	return cluster.EachPage(ctx, r.Chunk, options, list, func(o runtime.Object) error {
		r.set(o)
		return nil
	})
}

func (r *reader) readWebhooks(ctx context.Context) error {
	list, err := r.Kube.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err == nil {
		for i := range list.Items {
			r.set(&list.Items[i])
		}
	}
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("reading %s: the cluster serves none of admissionregistration.k8s.io/v1, as clusters before Kubernetes 1.16 "+
			"do; a dump of it can be read with --filename: %v", Webhooks, err)
	}
	g, err := cluster.Outcome(string(Webhooks), err)
	return r.lack(Webhooks, g, err)
}

func (r *reader) readNamespaces(ctx context.Context) error {
	client := r.Metadata.Resource(cluster.NamespaceResource)
	var err error
	options := metav1.ListOptions{}
	if r.Namespace != "" {
		var ns *metav1.PartialObjectMetadata
		if ns, err = client.Get(ctx, r.Namespace, metav1.GetOptions{}); err == nil {
			r.set(ns)
		}
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("namespace %s does not exist: see `kubectl get namespaces`", r.Namespace)
		}
		options.FieldSelector = "metadata.name=" + r.Namespace
	}
	// Who may list namespaces may not be allowed to get one. Who may do neither is told of the lesser right.
	if r.Namespace == "" || apierrors.IsForbidden(err) {
		listed := r.list(ctx, options, func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, o)
		})
		if r.Namespace == "" || !apierrors.IsForbidden(listed) {
			err = listed
		}
	}
	g, err := cluster.Outcome(string(Namespaces), err)
	return r.lack(Namespaces, g, err)
}

// readRootNamespaces reads, where only one namespace was asked for, the labels of the namespaces whose ProxyConfigs hold
// for the whole mesh: discovery selectors may leave those out.
func (r *reader) readRootNamespaces(ctx context.Context) error {
	if r.Namespace == "" {
		return nil
	}
	for _, config := range r.objects.Mesh(r.IstioNamespace).injection.Configs {
		name := config.RootNamespace
		if _, known := r.objects.namespaces[name]; known || !config.Selective() {
			continue
		}
		ns, err := r.Metadata.Resource(cluster.NamespaceResource).Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			r.set(ns)
		}
		g, err := cluster.Outcome("namespace "+name, cluster.Optional(err))
		if err := r.lack(ProxyConfigs, g, err); err != nil {
			return err
		}
	}
	return nil
}

func istioNamespaces(injectors []revision.Injector) []string {
	var namespaces []string
	for _, i := range injectors {
		if ns := i.Owner.Namespace; ns != "" && !slices.Contains(namespaces, ns) {
			namespaces = append(namespaces, ns)
		}
	}
	return namespaces
}

func (r *reader) readGateways(ctx context.Context) error {
	g, err := r.Everywhere(ctx, string(Gateways), r.Namespace, func(namespace string) error {
		var err error
		for _, resource := range GatewayResources() {
			client := r.Dynamic.Resource(resource).Namespace(namespace)
			err = r.list(ctx, metav1.ListOptions{}, func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return client.List(ctx, o)
			})
			if !apierrors.IsNotFound(err) {
				break
			}
		}
		return cluster.Optional(err)
	})
	return r.lack(Gateways, g, err)
}

func (r *reader) readValidator(ctx context.Context) error {
	v, err := r.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, DefaultValidator, metav1.GetOptions{})
	if err == nil {
		r.set(v)
	}
	g, err := cluster.Outcome(string(Validator), cluster.Optional(err))
	return r.lack(Validator, g, err)
}

func (r *reader) readTagServices(ctx context.Context, injectors []revision.Injector) error {
	for _, namespace := range istioNamespaces(injectors) {
		list, err := r.Kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: label.IoIstioTag.Name})
		if err == nil {
			for i := range list.Items {
				r.set(&list.Items[i])
			}
		}
		g, err := cluster.Outcome("services in "+namespace, err)
		if err := r.lack(Services, g, err); err != nil {
			return err
		}
	}
	return nil
}

// readClassDefaults finds out which classes of Gateways have defaults; what is in them does not matter here.
func (r *reader) readClassDefaults(ctx context.Context, injectors []revision.Injector) error {
	for _, namespace := range istioNamespaces(injectors) {
		list, err := r.Kube.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{LabelSelector: classDefaultsLabel})
		if err == nil {
			for i := range list.Items {
				r.set(&list.Items[i])
			}
		}
		g, err := cluster.Outcome("configmaps in "+namespace, err)
		if g != nil {
			g.Namespaces = []string{namespace}
		}
		if err := r.lack(ConfigMaps, g, err); err != nil {
			return err
		}
	}
	return nil
}

// readConfigs reads the ConfigMaps of every control plane that an injector calls.
func (r *reader) readConfigs(ctx context.Context, injectors []revision.Injector) error {
	for _, owner := range ownersOf(injectors) {
		namespace := owner.Namespace
		if namespace == "" {
			namespace = r.IstioNamespace
		}
		if namespace == "" {
			continue
		}
		for _, name := range append([]string{injection.ConfigMapName(owner.Revision)}, injection.MeshConfigMapNames(owner.Revision)...) {
			if err := r.readConfigMap(ctx, key{namespace, name}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) readConfigMap(ctx context.Context, id key) error {
	cm, err := r.Kube.CoreV1().ConfigMaps(id.namespace).Get(ctx, id.name, metav1.GetOptions{})
	if err == nil {
		r.set(cm)
		return nil
	}
	g, err := cluster.Outcome("configmap "+id.namespace+"/"+id.name, cluster.Optional(err))
	if g != nil {
		r.Lock()
		defer r.Unlock()
		r.objects.lackConfigMap(id, *g)
	}
	return err
}

// readProxyConfigs reads the whole cluster's or, where that is forbidden and one namespace is asked for, those that
// can hold for it.
func (r *reader) readProxyConfigs(ctx context.Context) error {
	list := func(namespace string) error {
		client := r.Istio.NetworkingV1beta1().ProxyConfigs(namespace)
		return cluster.Optional(r.list(ctx, metav1.ListOptions{}, func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return client.List(ctx, o)
		}))
	}
	if r.Namespace == "" {
		g, err := r.Everywhere(ctx, string(ProxyConfigs), "", list)
		return r.lack(ProxyConfigs, g, err)
	}
	err := list("")
	if apierrors.IsForbidden(err) {
		for _, namespace := range r.proxyConfigNamespaces() {
			if err = list(namespace); err != nil {
				break
			}
		}
	}
	g, err := cluster.Outcome(string(ProxyConfigs), err)
	return r.lack(ProxyConfigs, g, err)
}

// proxyConfigNamespaces returns those whose ProxyConfigs can hold for the namespace that was asked for.
func (r *reader) proxyConfigNamespaces() []string {
	r.Lock()
	defer r.Unlock()
	namespaces := []string{r.Namespace}
	for _, c := range r.objects.Mesh(r.IstioNamespace).injection.Configs {
		if !slices.Contains(namespaces, c.RootNamespace) {
			namespaces = append(namespaces, c.RootNamespace)
		}
	}
	return namespaces
}
