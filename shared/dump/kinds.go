package dump

import (
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/json"

	istionetworking "istio.io/client-go/pkg/apis/networking/v1beta1"
)

// The kinds that are read.
var (
	Pods                   = schema.GroupKind{Kind: "Pod"}
	Namespaces             = schema.GroupKind{Kind: "Namespace"}
	ConfigMaps             = schema.GroupKind{Kind: "ConfigMap"}
	Services               = schema.GroupKind{Kind: "Service"}
	ReplicationControllers = schema.GroupKind{Kind: "ReplicationController"}
	ReplicaSets            = schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	Deployments            = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	StatefulSets           = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	DaemonSets             = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	Jobs                   = schema.GroupKind{Group: "batch", Kind: "Job"}
	MutatingWebhooks       = schema.GroupKind{Group: admissionv1.GroupName, Kind: "MutatingWebhookConfiguration"}
	ValidatingWebhooks     = schema.GroupKind{Group: admissionv1.GroupName, Kind: "ValidatingWebhookConfiguration"}
	ProxyConfigs           = schema.GroupKind{Group: "networking.istio.io", Kind: "ProxyConfig"}
	Gateways               = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "Gateway"}
)

// reading says how objects of a kind are read.
type reading struct {
	keep       keep
	namespaced bool
	object     func() object
}

var readings = map[schema.GroupKind]reading{
	Pods:                   {podParts, true, func() object { return &corev1.Pod{} }},
	Namespaces:             {metadataOnly, false, metadata},
	ConfigMaps:             {parts("data", nil), true, func() object { return &corev1.ConfigMap{} }},
	Services:               {parts("spec", nil), true, func() object { return &corev1.Service{} }},
	ReplicationControllers: {metadataOnly, true, metadata},
	ReplicaSets:            {metadataOnly, true, metadata},
	Deployments:            {metadataOnly, true, metadata},
	StatefulSets:           {metadataOnly, true, metadata},
	DaemonSets:             {daemonSetParts, true, func() object { return &appsv1.DaemonSet{} }},
	Jobs:                   {metadataOnly, true, metadata},
	MutatingWebhooks:       {parts("webhooks", nil), false, func() object { return &admissionv1.MutatingWebhookConfiguration{} }},
	ValidatingWebhooks:     {parts("webhooks", nil), false, func() object { return &admissionv1.ValidatingWebhookConfiguration{} }},
	ProxyConfigs:           {parts("spec", nil), true, func() object { return &istionetworking.ProxyConfig{} }},
	Gateways:               {parts("spec", nil), true, func() object { return &unstructured.Unstructured{} }},
}

func metadata() object { return &metav1.PartialObjectMetadata{} }

// The parts of objects that are kept.
var (
	nameOnly     = keep{"apiVersion": nil, "kind": nil, "metadata": {"name": nil, "namespace": nil}}
	metadataOnly = keep{"apiVersion": nil, "kind": nil, "metadata": {
		"name": nil, "namespace": nil, "uid": nil, "resourceVersion": nil, "generation": nil, "labels": nil, "annotations": nil,
		"ownerReferences": nil, "creationTimestamp": nil, "deletionTimestamp": nil,
	}}
	containerParts = keep{"name": nil, "image": nil, "args": nil, "restartPolicy": nil}
	podSpecParts   = keep{"nodeName": nil, "hostNetwork": nil, "containers": containerParts, "initContainers": containerParts}
	podParts       = with(parts("spec", podSpecParts), "status", keep{"phase": nil, "conditions": {"type": nil, "status": nil, "lastTransitionTime": nil}})
	daemonSetParts = parts("spec", keep{"template": {"metadata": {"labels": nil, "annotations": nil}, "spec": podSpecParts}})
)

// parts are the metadata, and one field or some part of it.
func parts(field string, below keep) keep { return with(metadataOnly, field, below) }

func with(k keep, field string, below keep) keep {
	more := keep{field: below}
	for field, below := range k {
		more[field] = below
	}
	return more
}

// oldGroup is where the kinds of the group apps were up to Kubernetes 1.15.
const oldGroup = "extensions"

// head is what says of which kind an object is.
type head struct{ apiVersion, kind string }

// set takes over a field that makes part of the head.
func (h *head) set(key, value string) {
	switch key {
	case "apiVersion":
		h.apiVersion = value
	case "kind":
		h.kind = value
	}
}

// groupKind leaves the version out, which is of no matter here: what is read was the same in all that ever were.
func (h head) groupKind() schema.GroupKind {
	gk := schema.FromAPIVersionAndKind(h.apiVersion, h.kind).GroupKind()
	if gk.Group == oldGroup {
		gk.Group = "apps"
	}
	return gk
}

// isList says whether objects of the kind are lists.
func (h head) isList() bool { return strings.HasSuffix(h.kind, "List") }

// items returns the kind of a typed list's items, which do not say it themselves: Pod for a PodList. It is empty for a
// List of anything.
func (h head) items() head {
	if kind := strings.TrimSuffix(h.kind, "List"); kind != h.kind && kind != "" {
		return head{h.apiVersion, kind}
	}
	return head{}
}

// object is what all objects of a cluster are.
type object interface {
	runtime.Object
	metav1.Object
}

// read makes an object of pruned JSON.
func (r reading) read(h head, raw []byte) (object, error) {
	into := r.object()
	var err error
	if u, ok := into.(*unstructured.Unstructured); ok {
		err = readUnstructured(u, raw)
	} else {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return nil, err
	}
	into.GetObjectKind().SetGroupVersionKind(schema.FromAPIVersionAndKind(h.apiVersion, h.kind))
	return into, nil
}

// readUnstructured also checks the metadata, which an unstructured object passes over where it is of the wrong type.
func readUnstructured(u *unstructured.Unstructured, raw []byte) error {
	if err := json.Unmarshal(raw, &metav1.PartialObjectMetadata{}); err != nil {
		return err
	}
	return json.Unmarshal(raw, &u.Object)
}
