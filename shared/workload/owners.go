// Package workload finds the workload that a pod belongs to.
package workload

import (
	"context"
	"strings"

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
	controllers map[key]Ref
	gaps        []cluster.Gap
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

// ReadOwners lists, as metadata only, the objects that stand between pods and their workloads. What the caller may not
// list becomes a gap; the error is for a cluster that cannot be reached or that fails.
func ReadOwners(ctx context.Context, clients *cluster.Clients, options Options) (*Owners, error) {
	read := always
	if options.Above {
		read = nil
		for kind := range kinds {
			read = append(read, kind)
		}
	}
	found := make([]map[key]Ref, len(read))
	gaps := make([]*cluster.Gap, len(read))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, kind := range read {
		group.Go(func() (err error) {
			found[i] = map[key]Ref{}
			err = list(groupCtx, clients, kind, options, found[i])
			gaps[i], err = cluster.Outcome(kinds[kind].Resource, err)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	owners := &Owners{controllers: map[key]Ref{}}
	for i := range read {
		for k, ref := range found[i] {
			owners.controllers[k] = ref
		}
		if gaps[i] != nil {
			owners.gaps = append(owners.gaps, *gaps[i])
		}
	}
	return owners, nil
}

func list(ctx context.Context, clients *cluster.Clients, kind schema.GroupKind, options Options, into map[key]Ref) error {
	client := clients.Metadata.Resource(kinds[kind]).Namespace(options.Namespace)
	page := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
	return cluster.EachPage(ctx, options.Chunk, metav1.ListOptions{}, page, func(o runtime.Object) error {
		object := o.(*metav1.PartialObjectMetadata)
		if controller := metav1.GetControllerOfNoCopy(object); controller != nil {
			below := key{object.Namespace, Ref{Group: kind.Group, Kind: kind.Kind, Name: object.Name}}
			into[below] = refTo(controller)
		}
		return nil
	})
}

func refTo(owner *metav1.OwnerReference) Ref {
	group := schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).Group
	return Ref{Group: group, Kind: owner.Kind, Name: owner.Name}
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
		above, ok := o.controllers[key{pod.Namespace, ref}]
		if !ok {
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
