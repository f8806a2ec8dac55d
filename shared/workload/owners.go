// Package workload finds the workload that a pod belongs to.
package workload

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Ref names an object of a namespace.
type Ref struct {
	Group, Kind, Name string
}

// String returns the reference as people type it: `deployment/cart`.
func (r Ref) String() string { return strings.ToLower(r.Kind) + "/" + r.Name }

// Chain is a pod's way up: the pod itself, its controller, that one's controller, as far as it is known.
type Chain struct {
	Refs []Ref
	// workload is the index of the highest object that can be restarted.
	workload int
}

// Workload returns the highest object that mesh-reinject can restart; the pod itself where nothing controls it.
func (c Chain) Workload() Ref { return c.Refs[c.workload] }

// Above returns the highest object that controls the workload, and false where nothing does.
func (c Chain) Above() (Ref, bool) {
	if c.workload+1 >= len(c.Refs) {
		return Ref{}, false
	}
	return c.Refs[len(c.Refs)-1], true
}

// Contains says whether the object is the pod or controls it.
func (c Chain) Contains(ref Ref) bool {
	for _, r := range c.Refs {
		if r == ref {
			return true
		}
	}
	return false
}

// kinds are those whose controllers have to be looked up, and where they are listed.
var kinds = map[schema.GroupKind]schema.GroupVersionResource{
	{Group: "apps", Kind: "ReplicaSet"}:  {Group: "apps", Version: "v1", Resource: "replicasets"},
	{Group: "batch", Kind: "Job"}:        {Group: "batch", Version: "v1", Resource: "jobs"},
	{Group: "apps", Kind: "Deployment"}:  {Group: "apps", Version: "v1", Resource: "deployments"},
	{Group: "apps", Kind: "StatefulSet"}: {Group: "apps", Version: "v1", Resource: "statefulsets"},
	{Group: "apps", Kind: "DaemonSet"}:   {Group: "apps", Version: "v1", Resource: "daemonsets"},
	// OpenShift's DeploymentConfigs stand above these.
	{Kind: "ReplicationController"}: {Version: "v1", Resource: "replicationcontrollers"},
}

// always are the kinds without which a pod's workload cannot be told.
var always = []schema.GroupKind{{Group: "apps", Kind: "ReplicaSet"}, {Group: "batch", Kind: "Job"}}

// restartable says whether mesh-reinject restarts an object by what controls it: a ReplicaSet by its Deployment or
// Rollout.
func restartable(below, above Ref) bool {
	switch {
	case below.Group == "apps" && below.Kind == "ReplicaSet":
		return above.Group == "apps" && above.Kind == "Deployment" ||
			above.Group == "argoproj.io" && above.Kind == "Rollout"
	default:
		return false
	}
}

// Owners knows the controllers of a cluster's workloads.
type Owners struct {
	// controllers holds what controls each object that is known, the zero value where nothing does.
	controllers map[key]Ref
	gaps        []cluster.Gap
	// refused are the gaps of the kinds that the caller may not list.
	refused map[schema.GroupKind]cluster.Gap
}

type key struct {
	namespace string
	ref       Ref
}

// Gaps returns the kinds that could not be listed. Ways up end there.
func (o *Owners) Gaps() []cluster.Gap { return o.gaps }

// Options says which owners to read.
type Options struct {
	// Namespace limits the reading; empty for all.
	Namespace string
	// Above also reads what stands above Deployments, StatefulSets, DaemonSets and ReplicationControllers.
	Above bool
	// Chunk is the page size of lists.
	Chunk int64
}

// NewOwners returns owners of which nothing is known yet.
func NewOwners() *Owners {
	return &Owners{controllers: map[key]Ref{}, refused: map[schema.GroupKind]cluster.Gap{}}
}

// Set notes what controls an object of that kind, and says whether that is news.
func (o *Owners) Set(kind schema.GroupKind, object metav1.Object) bool {
	id := keyOf(kind, object)
	before, known := o.controllers[id]
	var above Ref
	if controller := metav1.GetControllerOfNoCopy(object); controller != nil {
		above = refTo(controller)
	}
	o.controllers[id] = above
	return !known && above != (Ref{}) || before != above
}

// Knows says whether the object that controls the pod has been seen, or need not be: nothing stands between such an object
// and its workload.
func (o *Owners) Knows(pod proxy.Pod) bool {
	if pod.Controller == nil {
		return true
	}
	ref := refTo(pod.Controller)
	_, known := o.controllers[key{pod.Namespace, ref}]
	return known || !slices.Contains(always, schema.GroupKind{Group: ref.Group, Kind: ref.Kind})
}

// Find looks for the object that controls the pod, if it is not known: it may have been made after the owners were listed,
// as in a rollout. Each is looked for once; one that is gone, or that may not be read, stays as it is. The error is for a
// cluster that cannot be reached or that fails.
func (o *Owners) Find(ctx context.Context, clients *cluster.Clients, pod proxy.Pod) error {
	if o.Knows(pod) {
		return nil
	}
	ref := refTo(pod.Controller)
	kind := schema.GroupKind{Group: ref.Group, Kind: ref.Kind}
	// Where the list was refused, so is a list of one, and thousands would be asked for.
	if gap, ok := o.refused[kind]; ok && (len(gap.Namespaces) == 0 || slices.Contains(gap.Namespaces, pod.Namespace)) {
		return nil
	}
	o.controllers[key{pod.Namespace, ref}] = Ref{}
	// A list of one asks for no other right than the list of all.
	list, err := clients.Metadata.Resource(kinds[kind]).Namespace(pod.Namespace).
		List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + ref.Name})
	if _, err := cluster.Outcome(ref.String()+" in namespace "+pod.Namespace, err); err != nil || list == nil {
		return err
	}
	for i := range list.Items {
		if list.Items[i].Name == ref.Name {
			o.Set(kind, &list.Items[i])
		}
	}
	return nil
}

// Delete forgets an object of that kind.
func (o *Owners) Delete(kind schema.GroupKind, object metav1.Object) {
	delete(o.controllers, keyOf(kind, object))
}

// Lack notes objects that could not be read. Ways up end there.
func (o *Owners) Lack(g cluster.Gap) { o.gaps = append(o.gaps, g) }

func keyOf(kind schema.GroupKind, object metav1.Object) key {
	return key{object.GetNamespace(), Ref{Group: kind.Group, Kind: kind.Kind, Name: object.GetName()}}
}

// Resources returns where the objects are listed that stand between pods and their workloads; with above also those of
// the objects that stand between workloads and what controls them.
func Resources(above bool) map[schema.GroupKind]schema.GroupVersionResource {
	resources := map[schema.GroupKind]schema.GroupVersionResource{}
	for kind, resource := range kinds {
		if above || slices.Contains(always, kind) {
			resources[kind] = resource
		}
	}
	return resources
}

// ReadOwners lists, as metadata only, the objects that stand between pods and their workloads. What the caller may not
// list becomes a gap; the error is for a cluster that cannot be reached or that fails.
func ReadOwners(ctx context.Context, clients *cluster.Clients, options Options) (*Owners, error) {
	owners := NewOwners()
	var mutex sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	for kind, resource := range Resources(options.Above) {
		group.Go(func() error {
			gap, err := clients.Everywhere(groupCtx, resource.Resource, options.Namespace, func(namespace string) error {
				client := clients.Metadata.Resource(resource).Namespace(namespace)
				page := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
				return cluster.EachPage(groupCtx, options.Chunk, metav1.ListOptions{}, page, func(o runtime.Object) error {
					mutex.Lock()
					defer mutex.Unlock()
					owners.Set(kind, o.(*metav1.PartialObjectMetadata))
					return nil
				})
			})
			if gap != nil {
				mutex.Lock()
				defer mutex.Unlock()
				owners.Lack(*gap)
				owners.refused[kind] = *gap
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(owners.gaps, func(a, b cluster.Gap) int { return cmp.Compare(a.Missing, b.Missing) })
	return owners, nil
}

func refTo(owner *metav1.OwnerReference) Ref {
	kind := Kind(schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind())
	return Ref{Group: kind.Group, Kind: kind.Kind, Name: owner.Name}
}

// Kind returns the kind as it is named today: what is of the group apps was of the group extensions up to Kubernetes 1.15,
// and pods and ReplicaSets made before 1.9 still call their owners so.
func Kind(kind schema.GroupKind) schema.GroupKind {
	if kind.Group == "extensions" {
		kind.Group = "apps"
	}
	return kind
}

// maxDepth ends a way up that leads in a circle.
const maxDepth = 8

// Of returns a pod's way up.
func (o *Owners) Of(pod proxy.Pod) Chain {
	chain := Chain{Refs: []Ref{{Kind: "Pod", Name: pod.Name}}}
	if pod.Controller == nil {
		return chain
	}
	ref := refTo(pod.Controller)
	// The kubelet's own pods are controlled by their node, which is no workload.
	if ref.Group == "" && ref.Kind == "Node" {
		return chain
	}
	chain.Refs = append(chain.Refs, ref)
	chain.workload = 1
	for len(chain.Refs) < maxDepth {
		above := o.controllers[key{pod.Namespace, ref}]
		if above == (Ref{}) {
			break
		}
		chain.Refs = append(chain.Refs, above)
		if restartable(ref, above) && chain.workload == len(chain.Refs)-2 {
			chain.workload++
		}
		ref = above
	}
	return chain
}

// Traceable says whether pods that belong to an object of that kind are always found: because they are its own, or
// because every kind that can stand between was read.
func Traceable(ref Ref) bool {
	switch kind := (schema.GroupKind{Group: ref.Group, Kind: ref.Kind}); kind {
	case schema.GroupKind{Kind: "Pod"}, schema.GroupKind{Group: "batch", Kind: "CronJob"},
		schema.GroupKind{Group: "argoproj.io", Kind: "Rollout"},
		schema.GroupKind{Group: "apps.openshift.io", Kind: "DeploymentConfig"},
		schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "Gateway"}:
		return true
	default:
		_, ok := kinds[kind]
		return ok
	}
}
