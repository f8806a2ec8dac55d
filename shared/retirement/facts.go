// Package retirement says what still needs a revision of a mesh, and takes away what is left of one once nothing does.
package retirement

import (
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Facts are what was seen of all that can need a revision. They grow with the number of workloads, not of pods.
type Facts struct {
	// Revision is that of the control plane in IstioNamespace that is to go.
	Revision, IstioNamespace string
	// Next is the mesh's other revision, empty where there is none or more than one: commands then leave it to be filled in.
	Next string
	// Installed says whether the revision has an injector of its own.
	Installed bool
	// Origin is where the revision was installed from.
	Origin Origin
	// Istioctl says whether it is istioctl that would uninstall it, which takes namesakes along.
	Istioctl bool
	// Namesakes are Istio's namespaces of other meshes in this cluster that have a revision of this name.
	Namesakes []string
	// Tags point at the revision.
	Tags []Tag
	// Validator is the default validator, if it belongs to the revision; empty otherwise.
	Validator string
	// Namespaces are in the order of their names.
	Namespaces []Namespace
	Workloads  []Workload
	Managed    []Managed
	Gateways   []Gateway
	Templates  []Template
	Connected  Connected
	// Ending is the command that takes everything off the revision that an upgrade under way is about, empty where there is none.
	Ending string
	// Gaps are what could not be read.
	Gaps []cluster.Gap
}

// Tag is a tag that points at the revision by each of the objects, such as "Service istiod-revision-tag-prod".
type Tag struct {
	Name    string
	Objects []string
}

// Namespace is one whose pods the revision injects.
type Namespace struct {
	Name    string
	Follows upgrade.Follows
}

// Workload is one that has pods which run a proxy of the revision and have not run to their end.
type Workload struct {
	Namespace string
	Ref       workload.Ref
	Pods      int
}

// Managed is a gateway or waypoint whose Deployment the revision's istiod keeps.
type Managed struct {
	Namespace string
	// Gateway is the Gateway that it is made of, empty where it does not say; Deployment is what is made of it.
	Gateway, Deployment string
}

// Gateway is one whose own label istio.io/rev leads to the revision.
type Gateway struct {
	Namespace, Name string
	// Value is the label's, Tag is true where it names a tag.
	Value string
	Tag   bool
}

// Template is the template of a workload whose next pods the revision would inject, be there pods of it now or not.
type Template struct {
	Namespace string
	Ref       workload.Ref
	// Reason says what leads to the revision, or what keeps from telling.
	Reason string
	// Own is true where a label of the template itself, or a proxy in it, leads to the revision, or where no label of its namespace does.
	Own bool
	// Tag is the tag that the template's own label names, empty where it names none.
	Tag string
}

// Connected are the proxies that are connected to the revision's istiod.
type Connected struct {
	Proxies int
	// Some are the first of them, as POD.NAMESPACE. Gateways of AKS's own are not among them: they go with the revision.
	Some []string
	// Unasked says why a pod of istiod, or all of it, could not be asked; empty where every one was.
	Unasked string
}
