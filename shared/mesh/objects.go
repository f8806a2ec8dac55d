package mesh

import (
	"maps"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/api/label"
	istionetworking "istio.io/client-go/pkg/apis/networking/v1beta1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Part is a kind of object that decides about injection, in the words of messages.
type Part string

// The parts of a cluster that decide about injection.
const (
	Webhooks     Part = "webhook configurations"
	Namespaces   Part = "namespaces"
	ConfigMaps   Part = "configmaps"
	Services     Part = "services"
	ProxyConfigs Part = "proxyconfigs"
	Gateways     Part = "gateways"
	Validator    Part = "validatingwebhookconfiguration " + DefaultValidator
)

// Parts lists every part.
func Parts() []Part {
	return []Part{Webhooks, Namespaces, ConfigMaps, Services, ProxyConfigs, Gateways, Validator}
}

// DefaultValidator is the name of the validating webhook configuration that says which revision is the default. Source:
// istio.io/istio/pkg/revisions.
const DefaultValidator = "istiod-default-validator"

// ValidatorSelector is the field selector by which the validating webhook configuration is listed that matters here.
const ValidatorSelector = "metadata.name=" + DefaultValidator

// classDefaultsLabel marks a ConfigMap that istiod lays over the Deployments of every Gateway of a class. Source:
// GatewayClassDefaults in istio.io/istio/pilot/pkg/config/kube/gatewaycommon.
const classDefaultsLabel = "gateway.istio.io/defaults-for-class"

// Objects are a cluster's objects that decide about injection, however they were come by: read, watched or found in a
// dump. They are not for use by several goroutines at once.
type Objects struct {
	webhooks map[string]admissionv1.MutatingWebhookConfiguration
	// namespaces holds the labels of each namespace.
	namespaces map[string]map[string]string
	// terminating says of each namespace whether it is being deleted.
	terminating map[string]bool
	// The others are by namespace and name.
	configMaps   map[key]configMap
	tagServices  map[key]injection.TagService
	proxyConfigs map[key]injection.ProxyConfig
	gateways     map[key]injection.Gateway
	validator    string
	gaps         []gap
}

type key struct{ namespace, name string }

// gap is what could not be read of a part; object is set where it is about one of its objects only.
type gap struct {
	cluster.Gap
	part   Part
	object key
	// quiet gaps are told with the pods that they leave unknown, and not by themselves.
	quiet bool
}

// NewObjects returns no objects.
func NewObjects() *Objects {
	return &Objects{
		webhooks:     map[string]admissionv1.MutatingWebhookConfiguration{},
		namespaces:   map[string]map[string]string{},
		terminating:  map[string]bool{},
		configMaps:   map[key]configMap{},
		tagServices:  map[key]injection.TagService{},
		proxyConfigs: map[key]injection.ProxyConfig{},
		gateways:     map[key]injection.Gateway{},
	}
}

// Set adds an object, or replaces it, and says whether that can change what the mesh answers. What does not matter for
// injection is passed over. It takes webhook configurations, ConfigMaps and Services as typed, namespaces as typed or as
// their metadata, ProxyConfigs as typed and Gateways unstructured.
func (o *Objects) Set(object runtime.Object) bool {
	switch object := object.(type) {
	case *admissionv1.MutatingWebhookConfiguration:
		return put(o.webhooks, object.Name, *object)
	case *admissionv1.ValidatingWebhookConfiguration:
		return object.Name == DefaultValidator && o.setValidator(object.Labels[label.IoIstioRev.Name])
	case *corev1.Namespace:
		return o.setNamespace(object.ObjectMeta)
	case *metav1.PartialObjectMetadata:
		return o.setNamespace(object.ObjectMeta)
	case *corev1.ConfigMap:
		return o.setConfigMap(object)
	case *corev1.Service:
		return o.setService(object)
	case *istionetworking.ProxyConfig:
		return o.setProxyConfig(object)
	case *unstructured.Unstructured:
		return put(o.gateways, key{object.GetNamespace(), object.GetName()}, gatewayOf(object))
	default:
		return false
	}
}

// same compares values as API servers do, for which no map is an empty one. They cannot look into a time.
var same = conversion.EqualitiesOrDie(func(a, b time.Time) bool { return a.Equal(b) })

// put sets a map's value, and says whether it is another than before.
func put[K comparable, V any](to map[K]V, id K, value V) bool {
	before, known := to[id]
	to[id] = value
	return !known || !same.DeepEqual(before, value)
}

// drop deletes a map's value, and says whether there was one.
func drop[K comparable, V any](from map[K]V, id K) bool {
	_, known := from[id]
	delete(from, id)
	return known
}

func (o *Objects) setNamespace(m metav1.ObjectMeta) bool {
	labelled := put(o.namespaces, m.Name, m.Labels)
	return put(o.terminating, m.Name, m.DeletionTimestamp != nil) || labelled
}

func (o *Objects) dropNamespace(name string) bool {
	drop(o.terminating, name)
	return drop(o.namespaces, name)
}

func (o *Objects) setValidator(revision string) bool {
	before := o.validator
	o.validator = revision
	return before != revision
}

// Delete removes an object, given as for Set by its kind and name, and says whether that can change what the mesh answers.
func (o *Objects) Delete(object runtime.Object) bool {
	switch object := object.(type) {
	case *admissionv1.MutatingWebhookConfiguration:
		return drop(o.webhooks, object.Name)
	case *admissionv1.ValidatingWebhookConfiguration:
		return object.Name == DefaultValidator && o.setValidator("")
	case *corev1.Namespace:
		return o.dropNamespace(object.Name)
	case *metav1.PartialObjectMetadata:
		return o.dropNamespace(object.Name)
	case *corev1.ConfigMap:
		return drop(o.configMaps, key{object.Namespace, object.Name})
	case *corev1.Service:
		return drop(o.tagServices, key{object.Namespace, object.Name})
	case *istionetworking.ProxyConfig:
		return drop(o.proxyConfigs, key{object.Namespace, object.Name})
	case *unstructured.Unstructured:
		return drop(o.gateways, key{object.GetNamespace(), object.GetName()})
	default:
		return false
	}
}

// Lack notes that a part could not be read, or not in the namespaces that the gap names.
func (o *Objects) Lack(part Part, g cluster.Gap) { o.addGap(gap{Gap: g, part: part}) }

// LackQuietly notes that a part may be missing that matters to few pods: only the reasons of those tell it.
func (o *Objects) LackQuietly(part Part, g cluster.Gap) {
	o.gaps = append(o.gaps, gap{Gap: g, part: part, quiet: true})
}

// lackConfigMap notes that one ConfigMap could not be read.
func (o *Objects) lackConfigMap(object key, g cluster.Gap) {
	o.addGap(gap{Gap: g, part: ConfigMaps, object: object})
}

// addGap keeps the gaps in an order that does not depend on which read was faster: those of single objects, which say more,
// come first.
func (o *Objects) addGap(g gap) {
	i := len(o.gaps)
	if g.object != (key{}) {
		if whole := slices.IndexFunc(o.gaps, func(g gap) bool { return g.object == (key{}) }); whole >= 0 {
			i = whole
		}
	}
	o.gaps = slices.Insert(o.gaps, i, g)
}

// configMap is what matters of one.
type configMap struct {
	data map[string]string
	// class is the class of Gateways that it holds defaults for, and isDefault true where it does.
	class     string
	isDefault bool
}

// setConfigMap keeps only what can be a control plane's: a cluster has thousands of others.
func (o *Objects) setConfigMap(cm *corev1.ConfigMap) bool {
	class, isDefault := cm.Labels[classDefaultsLabel]
	id := key{cm.Namespace, cm.Name}
	if !isDefault && !injection.IsConfigMap(cm.Name) {
		return drop(o.configMaps, id)
	}
	value := configMap{class: class, isDefault: isDefault, data: map[string]string{}}
	for k, v := range cm.Data {
		value.data[k] = v
	}
	before, known := o.configMaps[id]
	o.configMaps[id] = value
	return !known || !maps.Equal(before.data, value.data) || before.class != class || before.isDefault != isDefault
}

func (o *Objects) setService(s *corev1.Service) bool {
	id := key{s.Namespace, s.Name}
	tag, ok := s.Labels[label.IoIstioTag.Name]
	if !ok {
		return drop(o.tagServices, id)
	}
	return put(o.tagServices, id, injection.TagService{
		Tag:   tag,
		Owner: revision.ControlPlane{Namespace: s.Namespace, Revision: s.Labels[label.IoIstioRev.Name]},
	})
}

func (o *Objects) setProxyConfig(c *istionetworking.ProxyConfig) bool {
	id := key{c.Namespace, c.Name}
	// istiod takes a selector without labels neither for the namespace's nor for a workload's. Source:
	// mergedNamespaceConfig and mergedWorkloadConfig in istio.io/istio/pilot/pkg/model.
	if s := c.Spec.GetSelector(); s != nil && len(s.GetMatchLabels()) == 0 {
		return drop(o.proxyConfigs, id)
	}
	var forRevision *string
	if value, ok := c.Labels[label.IoIstioRev.Name]; ok {
		forRevision = &value
	}
	return put(o.proxyConfigs, id, injection.ProxyConfig{
		Revision:  forRevision,
		Namespace: c.Namespace, Name: c.Name, Created: c.CreationTimestamp.Time,
		Selector: c.Spec.GetSelector().GetMatchLabels(), ImageType: c.Spec.GetImage().GetImageType(),
	})
}

func gatewayOf(g *unstructured.Unstructured) injection.Gateway {
	_, parameters, _ := unstructured.NestedMap(g.Object, "spec", "infrastructure", "parametersRef")
	addresses, _, _ := unstructured.NestedSlice(g.Object, "spec", "addresses")
	class, _, _ := unstructured.NestedString(g.Object, "spec", "gatewayClassName")
	return injection.Gateway{
		Labels: g.GetLabels(), Annotations: g.GetAnnotations(), Class: class, Parameters: parameters,
		Addresses: deployedByHand(addresses),
	}
}

// deployedByHand says whether a Gateway's addresses tell istiod to leave its deployment to the user. Source: IsManaged in
// istio.io/istio/pilot/pkg/config/kube/gatewaycommon.
func deployedByHand(addresses []any) bool {
	if len(addresses) != 1 {
		return len(addresses) > 1
	}
	address, _ := addresses[0].(map[string]any)
	kind, _ := address["type"].(string)
	return kind != "" && kind != "IPAddress"
}
