// Package preflight finds what stands in the way of moving from one revision to another: Read gathers the facts, and Check, a
// pure function, makes findings of them.
package preflight

import (
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Facts are what findings are made from: plain values.
type Facts struct {
	// From is the control plane that is left, To the one that is moved to. They are the same where Istio was, or is to be, upgraded
	// in place.
	From, To Plane
	// Injectors are all of the cluster's.
	Injectors []revision.Injector
	// RootNamespace is where EnvoyFilters hold for the whole mesh.
	RootNamespace string
	// ProxyVersions are those of the proxies that From's pods run, sorted; empty ones are left out.
	ProxyVersions []string

	Namespaces      []Namespace
	Workloads       []Workload
	Gateways        []Gateway
	Budgets         []Budget
	EnvoyFilters    []EnvoyFilter
	VirtualServices []VirtualService

	// Gaps are what could not be read.
	Gaps []cluster.Gap
	// Undecided counts the pods of which it cannot be told what injection would do, Because is the reason for one of them.
	Undecided int
	Because   string
}

// inPlace says whether there is no second revision.
func (f *Facts) inPlace() bool { return f.From.ControlPlane == f.To.ControlPlane }

// Plane is one of the two control planes.
type Plane struct {
	revision.ControlPlane
	// Installed is true where it has an injector of its own.
	Installed bool
	// TagOf is the revision that its name is a tag of; empty where the name is none.
	TagOf string
	// Deployment is istiod's, nil where none can be seen.
	Deployment *controlplane.Deployment
	// Autoscaler is that Deployment's, nil where there is none.
	Autoscaler *Autoscaler
	// Mesh, Shared and Values are the ConfigMaps with its settings: those of the mesh, those of the mesh that AKS shares between
	// revisions, and those that its injector renders with.
	Mesh, Shared, Values Document
	// CABundle holds the certificates by which the API server knows it, and Root those that its proxies trust, both as PEM.
	CABundle, Root string
	// Answer is what its webhook makes of a pod, for To only.
	Answer Answer
}

// version returns that of its istiod, empty where it is unknown.
func (p Plane) version() string {
	if p.Deployment == nil {
		return ""
	}
	return p.Deployment.Version
}

// Document is one key of a ConfigMap.
type Document struct {
	// ConfigMap is the ConfigMap's name, Key the key's.
	ConfigMap, Key string
	// Exists is true where the ConfigMap does, Unread where it may not be read; then nothing is known of it.
	Exists, Unread bool
	Text           string
}

// Answer is what became of a pod that was put to a revision's webhook by a dry run.
type Answer struct {
	// Namespace is where it was asked; empty where nothing was.
	Namespace string
	// Revision is the one whose proxy the pod was given, empty for none.
	Revision string
	// Failure says how the webhook failed or what it refused, empty where it did not.
	Failure string
	// Unasked says why nothing can be told, empty where something can.
	Unasked string
}

// Namespace is one of the cluster's.
type Namespace struct {
	Name   string
	Labels map[string]string
	// Follows is the control plane that a pod without labels comes to.
	Follows revision.ControlPlane
	// OnFrom counts its pods that run a proxy of From, Injected those of them that injection gave it to: not those that
	// istiod runs for Gateways, nor those whose own template has it.
	OnFrom, Injected int
	// ManagedBy says which GitOps tool keeps the namespace, and under which name: `Argo CD application shop`. Empty for none.
	ManagedBy string
}

// Workload is what From's proxies run beside, or would.
type Workload struct {
	Namespace string
	Ref       workload.Ref
	// Labels and Annotations are its pod template's, a bare pod's own.
	Labels, Annotations map[string]string
	// Pods counts its pods, OnFrom those of them that run a proxy of From.
	Pods, OnFrom int
	// Follows is true where its pods would be injected by From if they were created now.
	Follows bool
	// Managed is true for what istiod makes of a Gateway.
	Managed bool

	Strategy     rollout.Strategy
	Paused       bool
	Replicas     int
	Partition    int
	FirstOrdinal int
	GracePeriod  int64
	// Probed is true where one of its own containers has a readiness probe, and where that cannot be told.
	Probed bool
	// Claims are the PersistentVolumeClaims that it mounts.
	Claims []string
	// Autoscaler is its own, nil where it has none.
	Autoscaler *Autoscaler
}

// Autoscaler is a HorizontalPodAutoscaler.
type Autoscaler struct {
	Name             string
	Minimum, Maximum int
}

// Gateway is one of the Gateway API's.
type Gateway struct {
	Namespace, Name string
	Labels          map[string]string
	// Pods counts those that istiod runs for it. Follows is true where From claims it.
	Pods    int
	Follows bool
}

// Budget is a PodDisruptionBudget that allows no eviction now.
type Budget struct {
	Namespace, Name string
	Selector        labels.Selector
	// Healthy of the Expected pods are ready, and Desired of them must stay.
	Healthy, Desired, Expected int
}

// EnvoyFilter is one with patches that match proxies by their version.
type EnvoyFilter struct {
	Namespace, Name string
	// Versions are the expressions by which its patches match.
	Versions []string
}

// VirtualService is one with routes that are never tried again.
type VirtualService struct {
	Namespace, Name string
	// Routes are the positions of these routes in spec.http, with their names where they have one.
	Routes []Route
}

// Route is one of a VirtualService's.
type Route struct {
	Position int
	Name     string
	// Namespaces are those of the Services that it leads to.
	Namespaces []string
}
