package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// RetirementKind is the kind of a Retirement.
const RetirementKind = "Retirement"

// NeedKind is how a revision is needed.
type NeedKind string

// How a revision is needed, in the order in which needs are told.
const (
	// NeedUnchecked: something could not be read, so that nobody knows whether it needs the revision.
	NeedUnchecked NeedKind = "unchecked"
	// NeedNamesake: another mesh has a revision of the same name, which istioctl would remove as well.
	NeedNamesake NeedKind = "namesake"
	// NeedTag: a tag points at it.
	NeedTag NeedKind = "tag"
	// NeedValidator: it validates what carries no revision.
	NeedValidator NeedKind = "validator"
	// NeedNamespace: a namespace's pods are injected by it.
	NeedNamespace NeedKind = "namespace"
	// NeedWorkload: pods run its proxies.
	NeedWorkload NeedKind = "workload"
	// NeedManagedGateway: its istiod keeps a gateway.
	NeedManagedGateway NeedKind = "managed-gateway"
	// NeedGateway: a Gateway's own label leads to it.
	NeedGateway NeedKind = "gateway"
	// NeedTemplate: a workload's next pods would be injected by it.
	NeedTemplate NeedKind = "template"
	// NeedConnected: proxies are connected to its istiod.
	NeedConnected NeedKind = "connected"
	// NeedUnasked: its istiod could not be asked which proxies are connected to it. All else is known without it.
	NeedUnasked NeedKind = "unasked"
)

// NeedKinds lists every kind.
func NeedKinds() []NeedKind {
	return []NeedKind{
		NeedUnchecked, NeedNamesake, NeedTag, NeedValidator, NeedNamespace, NeedWorkload, NeedManagedGateway, NeedGateway,
		NeedTemplate, NeedConnected, NeedUnasked,
	}
}

// Retirement says whether a revision may be removed.
type Retirement struct {
	metav1.TypeMeta `json:",inline"`
	Revision        string `json:"revision"`
	IstioNamespace  string `json:"istioNamespace"`
	// Safe is true where none of the items blocks.
	Safe  bool             `json:"safe"`
	Items []RetirementNeed `json:"items"`
}

// RetirementNeed is one need of a revision.
type RetirementNeed struct {
	Need   NeedKind `json:"need"`
	Object string   `json:"object"`
	Why    string   `json:"why"`
	// Command is what to type so that it does not need the revision any more, or to find out.
	Command string `json:"command"`
	Blocks  bool   `json:"blocks"`
}

// DeepCopyObject is part of runtime.Object.
func (r *Retirement) DeepCopyObject() runtime.Object {
	c := *r
	return &c
}
