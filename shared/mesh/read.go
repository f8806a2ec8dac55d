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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"istio.io/api/label"
	istionetworking "istio.io/client-go/pkg/apis/networking/v1beta1"

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

// defaultValidator is the validating webhook configuration that says which revision is the default. Source:
// istio.io/istio/pkg/revisions.
const defaultValidator = "istiod-default-validator"

var (
	namespaceResource = corev1.SchemeGroupVersion.WithResource("namespaces")
	gatewayResource   = schema.GroupResource{Group: "gateway.networking.k8s.io", Resource: "gateways"}
	// gatewayVersions are those that clusters serve, the one to prefer first; v1 came with Gateway API 1.0.
	gatewayVersions = []string{"v1", "v1beta1"}
)

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
	if r.Namespace != "" {
		var ns *metav1.PartialObjectMetadata
		if ns, err = client.Get(ctx, r.Namespace, metav1.GetOptions{}); err == nil {
			r.namespaces[ns.Name] = ns.Labels
		}
	} else {
		list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
		err = cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
			ns := o.(*metav1.PartialObjectMetadata)
			r.namespaces[ns.Name] = ns.Labels
			return nil
		})
	}
	r.namespacesGap, err = cluster.Outcome("namespaces", err)
	return err
}

func (r *reader) readGateways(ctx context.Context) error {
	r.gateways = map[string]injection.Gateway{}
	var err error
	for _, version := range gatewayVersions {
		if err = r.listGateways(ctx, gatewayResource.WithVersion(version)); !apierrors.IsNotFound(err) {
			break
		}
	}
	r.gatewaysGap, err = cluster.Outcome("gateways", err)
	return err
}

func (r *reader) listGateways(ctx context.Context, resource schema.GroupVersionResource) error {
	client := r.Dynamic.Resource(resource).Namespace(r.Namespace)
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
	return cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
		g := o.(*unstructured.Unstructured)
		_, parameters, _ := unstructured.NestedMap(g.Object, "spec", "infrastructure", "parametersRef")
		class, _, _ := unstructured.NestedString(g.Object, "spec", "gatewayClassName")
		r.gateways[injection.GatewayKey(g.GetNamespace(), g.GetName())] = injection.Gateway{
			Labels: g.GetLabels(), Annotations: g.GetAnnotations(), Class: class, Parameters: parameters,
		}
		return nil
	})
}

func (r *reader) readValidator(ctx context.Context) error {
	v, err := r.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, defaultValidator, metav1.GetOptions{})
	if err == nil {
		r.validator = v.Labels[label.IoIstioRev.Name]
	}
	r.validatorGap, err = cluster.Outcome("validatingwebhookconfiguration "+defaultValidator, err)
	return err
}

func (r *reader) readTagServices(ctx context.Context, injectors []revision.Injector) error {
	for _, namespace := range istioNamespaces(injectors) {
		list, err := r.Kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: label.IoIstioTag.Name})
		if err == nil {
			for i := range list.Items {
				labels := list.Items[i].Labels
				r.tagServices = append(r.tagServices, injection.TagService{
					Tag:   labels[label.IoIstioTag.Name],
					Owner: revision.ControlPlane{Namespace: namespace, Revision: labels[label.IoIstioRev.Name]},
				})
			}
		}
		gap, err := cluster.Outcome("services in "+namespace, err)
		if err != nil {
			return err
		}
		if gap != nil {
			r.servicesGap = gap
		}
	}
	return nil
}

// classDefaultsLabel marks a ConfigMap that istiod lays over the Deployments of every Gateway of a class. Source:
// GatewayClassDefaults in istio.io/istio/pilot/pkg/config/kube/gatewaycommon.
const classDefaultsLabel = "gateway.istio.io/defaults-for-class"

// readClassDefaults finds out which classes have such a ConfigMap; what is in it does not matter here.
func (r *reader) readClassDefaults(ctx context.Context, injectors []revision.Injector) error {
	r.classDefaults = map[string]bool{}
	for _, namespace := range istioNamespaces(injectors) {
		list, err := r.Kube.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{LabelSelector: classDefaultsLabel})
		if err == nil {
			for i := range list.Items {
				r.classDefaults[injection.ClassKey(namespace, list.Items[i].Labels[classDefaultsLabel])] = true
			}
		}
		gap, err := cluster.Outcome("configmaps in "+namespace, err)
		if err != nil {
			return err
		}
		if gap != nil {
			r.classDefaultsGap = gap
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

// readConfigs reads the injection configuration of every control plane that an injector calls.
func (r *reader) readConfigs(ctx context.Context, injectors []revision.Injector) error {
	for _, i := range injectors {
		if _, done := r.configs[i.Owner]; done || r.configGaps[i.Owner] != "" {
			continue
		}
		config, gap, err := r.readConfig(ctx, i)
		if err != nil {
			return err
		}
		if gap == "" {
			r.configs[i.Owner] = config
		} else {
			r.configGaps[i.Owner] = gap
		}
	}
	return nil
}

// readConfig returns one control plane's configuration, or in words why it cannot be told.
func (r *reader) readConfig(ctx context.Context, i revision.Injector) (injection.Config, string, error) {
	namespace := i.Owner.Namespace
	if namespace == "" {
		namespace = r.IstioNamespace
	}
	if namespace == "" {
		return injection.Config{}, fmt.Sprintf("webhook configuration %s calls a URL, so its control plane's configuration "+
			"is hidden; if it is in this cluster, name its namespace with --istio-namespace", i.Name), nil
	}
	name := injection.ConfigMapName(i.Owner.Revision)
	injector, gap, err := r.configMap(ctx, namespace, name)
	if gap != "" || err != nil {
		return injection.Config{}, gap, err
	}
	if injector == nil {
		return injection.Config{}, fmt.Sprintf("ConfigMap %s/%s does not exist", namespace, name), nil
	}
	var meshes []map[string]string
	for _, meshName := range injection.MeshConfigMapNames(i.Owner.Revision) {
		mesh, gap, err := r.configMap(ctx, namespace, meshName)
		if gap != "" || err != nil {
			return injection.Config{}, gap, err
		}
		if mesh != nil {
			meshes = append(meshes, mesh.Data)
		}
	}
	config, err := injection.ParseConfig(injector.Data, meshes...)
	if err != nil {
		return injection.Config{}, fmt.Sprintf("ConfigMap %s/%s: %v", namespace, name, err), nil
	}
	return config, "", nil
}

// configMap returns a ConfigMap, nil where there is none, or in words why it may not be read.
func (r *reader) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, string, error) {
	cm, err := r.Kube.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		return cm, "", nil
	}
	gap, err := cluster.Outcome("configmap "+namespace+"/"+name, err)
	if gap != nil {
		r.configMapsGap = gap
		return nil, gap.Error(), nil
	}
	return nil, "", err
}

// readProxyConfigs reads the whole cluster's or, where that is forbidden and one namespace is asked for, those that
// can hold for it.
func (r *reader) readProxyConfigs(ctx context.Context) error {
	err := r.listProxyConfigs(ctx, "")
	if apierrors.IsForbidden(err) && r.Namespace != "" {
		namespaces := []string{r.Namespace}
		for _, c := range r.configs {
			if !slices.Contains(namespaces, c.RootNamespace) {
				namespaces = append(namespaces, c.RootNamespace)
			}
		}
		for _, ns := range namespaces {
			if err = r.listProxyConfigs(ctx, ns); err != nil {
				break
			}
		}
	}
	r.proxyConfigsGap, err = cluster.Outcome("proxyconfigs", err)
	return err
}

func (r *reader) listProxyConfigs(ctx context.Context, namespace string) error {
	client := r.Istio.NetworkingV1beta1().ProxyConfigs(namespace)
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
	return cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
		c := o.(*istionetworking.ProxyConfig)
		// istiod takes a selector without labels neither for the namespace's nor for a workload's. Source:
		// mergedNamespaceConfig and mergedWorkloadConfig in istio.io/istio/pilot/pkg/model.
		if s := c.Spec.GetSelector(); s != nil && len(s.GetMatchLabels()) == 0 {
			return nil
		}
		r.proxyConfigs = append(r.proxyConfigs, injection.ProxyConfig{
			Namespace: c.Namespace, Name: c.Name, Created: c.CreationTimestamp.Time,
			Selector: c.Spec.GetSelector().GetMatchLabels(), ImageType: c.Spec.GetImage().GetImageType(),
		})
		return nil
	})
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
