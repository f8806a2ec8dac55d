package mesh

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

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

var namespaceResource = corev1.SchemeGroupVersion.WithResource("namespaces")

// reader collects what the parallel reads find. Each writes fields of its own.
type reader struct {
	*cluster.Clients
	Options

	configurations []admissionv1.MutatingWebhookConfiguration
	namespaces     map[string]map[string]string
	proxyConfigs   []injection.ProxyConfig
	gateways       map[string]injection.Gateway
	validator      string
	tagServices    []injection.TagService
	classDefaults  map[string]bool
	configs        map[revision.ControlPlane]injection.Config
	configGaps     map[revision.ControlPlane]string

	injectorsGap, namespacesGap, proxyConfigsGap *cluster.Gap
	gatewaysGap, validatorGap, servicesGap       *cluster.Gap
	configMapsGap, classDefaultsGap              *cluster.Gap
}

// Read reads the mesh. What the caller may not read becomes a gap of the result; the error is for a cluster that
// cannot be reached or that fails.
func Read(ctx context.Context, clients *cluster.Clients, options Options) (*Mesh, error) {
	r := &reader{
		Clients: clients, Options: options,
		configs: map[revision.ControlPlane]injection.Config{}, configGaps: map[revision.ControlPlane]string{},
	}
	// The webhook configurations come first: they say where everything else is, and a cluster that cannot be reached
	// then gives one error instead of five.
	if err := r.readConfigurations(ctx); err != nil {
		return nil, err
	}
	injectors := revision.Injectors(r.configurations)
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
	return r.mesh(injectors), nil
}

func (r *reader) readConfigurations(ctx context.Context) error {
	list, err := r.Kube.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err == nil {
		r.configurations = list.Items
	}
	r.injectorsGap, err = cluster.Outcome("webhook configurations", err)
	return err
}

func (r *reader) readNamespaces(ctx context.Context) error {
	r.namespaces = map[string]map[string]string{}
	client := r.Metadata.Resource(namespaceResource)
	var err error
	options := metav1.ListOptions{}
	if r.Namespace != "" {
		var ns *metav1.PartialObjectMetadata
		if ns, err = client.Get(ctx, r.Namespace, metav1.GetOptions{}); err == nil {
			r.namespaces[ns.Name] = ns.Labels
		}
		if apierrors.IsNotFound(err) {
			return fmt.Errorf("reading namespaces: %w", err)
		}
		options.FieldSelector = "metadata.name=" + r.Namespace
	}
	// Who may list namespaces may not be allowed to get one.
	if r.Namespace == "" || apierrors.IsForbidden(err) {
		list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
		err = cluster.EachPage(ctx, r.Chunk, options, list, func(o runtime.Object) error {
			ns := o.(*metav1.PartialObjectMetadata)
			r.namespaces[ns.Name] = ns.Labels
			return nil
		})
	}
	r.namespacesGap, err = cluster.Outcome("namespaces", err)
	return err
}

// readRootNamespaces reads, where only one namespace was asked for, the labels of the namespaces whose ProxyConfigs hold
// for the whole mesh: discovery selectors may leave those out.
func (r *reader) readRootNamespaces(ctx context.Context) error {
	for _, config := range r.configs {
		name := config.RootNamespace
		if _, known := r.namespaces[name]; known || r.Namespace == "" || !config.Selective() {
			continue
		}
		ns, err := r.Metadata.Resource(namespaceResource).Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			r.namespaces[name] = ns.Labels
		}
		gap, err := cluster.Outcome("namespace "+name, err)
		if err != nil {
			return err
		}
		if gap != nil {
			r.proxyConfigsGap = gap
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

func (r *reader) mesh(injectors []revision.Injector) *Mesh {
	m := &Mesh{
		namespaces:    r.namespaces,
		injectorsGap:  r.injectorsGap,
		namespacesGap: r.namespacesGap,
		injection: injection.Mesh{
			Injectors:    injectors,
			Configs:      r.configs,
			ConfigGaps:   r.configGaps,
			ProxyConfigs: injection.NewProxyConfigs(r.proxyConfigs),
			Namespaces:   r.namespaces,
			Claims: injection.Claims{
				TagServices: r.tagServices, DefaultValidator: r.validator, Gateways: r.gateways, ClassDefaults: r.classDefaults,
			},
		},
	}
	if r.proxyConfigsGap != nil {
		m.injection.ProxyConfigs = injection.UnknownProxyConfigs(r.proxyConfigsGap.Error())
	}
	for _, gap := range []*cluster.Gap{r.gatewaysGap, r.validatorGap, r.servicesGap, r.classDefaultsGap} {
		if gap != nil {
			m.injection.Claims.Gap = gap.Error()
		}
	}
	for _, gap := range []*cluster.Gap{
		r.injectorsGap, r.namespacesGap, r.configMapsGap, r.proxyConfigsGap, r.gatewaysGap, r.validatorGap, r.servicesGap,
		r.classDefaultsGap,
	} {
		if gap != nil {
			m.gaps = append(m.gaps, *gap)
		}
	}
	return m
}
