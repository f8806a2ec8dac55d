package restartscan

import (
	"context"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// lister lists objects of a namespace, "" for all.
type lister func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error)

// each lists objects of the request's namespaces, page by page. What may not be listed is the gap.
func (r *reader) each(what string, limits metav1.ListOptions, list lister, do func(runtime.Object)) (*cluster.Gap, error) {
	return r.clients.Everywhere(r.ctx, what, r.q.Namespace, func(namespace string) error {
		page := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = limits.LabelSelector
			return list(ctx, namespace, o)
		}
		return cluster.EachPage(r.ctx, r.q.Chunk, limits, page, func(o runtime.Object) error {
			do(o)
			return nil
		})
	})
}

// workloads reads those that there may be something to do about, each kind once.
func (r *reader) workloads() error {
	wanted := r.wanted()
	for _, kind := range restartplan.KindsOf(slices.Collect(maps.Keys(wanted))) {
		gap, err := r.each(rollout.Resource(kind).Resource, metav1.ListOptions{}, r.listerOf(kind), func(o runtime.Object) {
			if w, ok := rollout.Of(o); ok && wanted[podtemplate.Workload{Namespace: w.Namespace, Ref: w.Ref}] {
				r.keep(w)
			}
		})
		if err != nil {
			return err
		}
		if gap != nil {
			r.result.Input.Unread[kind.Kind] = gap.Error()
			r.lack(gap)
		}
	}
	return nil
}

func (r *reader) keep(w *rollout.Workload) {
	r.result.Input.Workloads[podtemplate.Workload{Namespace: w.Namespace, Ref: w.Ref}] = w
}

// listerOf lists workloads of a kind, typed where there is a typed client.
func (r *reader) listerOf(kind workload.Ref) lister {
	apps, core := r.clients.Kube.AppsV1(), r.clients.Kube.CoreV1()
	return func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		switch kind.Kind {
		case "Deployment":
			return apps.Deployments(namespace).List(ctx, o)
		case "StatefulSet":
			return apps.StatefulSets(namespace).List(ctx, o)
		case "DaemonSet":
			return apps.DaemonSets(namespace).List(ctx, o)
		case "ReplicaSet":
			return apps.ReplicaSets(namespace).List(ctx, o)
		case "ReplicationController":
			return core.ReplicationControllers(namespace).List(ctx, o)
		default:
			return r.clients.Dynamic.Resource(rollout.Resource(kind)).Namespace(namespace).List(ctx, o)
		}
	}
}

// sets reads the versions of the workloads' templates, where these tell more than the workloads themselves: in the middle of a
// rollout, and where templates are compared.
func (r *reader) sets() error {
	grace := r.q.Options.Method == v1alpha1.ByGracePeriod
	owners := map[string]bool{}
	replicaSets, revisions := false, false
	for _, w := range r.result.Input.Workloads {
		owners[string(w.UID)] = true
		replicaSets = replicaSets || w.Ref.Kind == "Deployment"
		revisions = revisions || w.Ref.Kind == "DaemonSet" || w.Ref.Kind == "StatefulSet" && grace
	}
	take := func(o runtime.Object) {
		if set, ok := rollout.SetOf(o); ok && owners[string(set.Owner)] {
			r.result.Input.Sets = append(r.result.Input.Sets, set)
		}
	}
	if replicaSets {
		gap, err := r.each("replicasets of deployments", metav1.ListOptions{}, r.replicaSets(grace), take)
		if err := r.without(gap, err, "Deployment"); err != nil {
			return err
		}
	}
	if !revisions {
		return nil
	}
	kinds := []string{"DaemonSet"}
	if grace {
		kinds = append(kinds, "StatefulSet")
	}
	gap, err := r.each("controllerrevisions", metav1.ListOptions{}, func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		return r.clients.Kube.AppsV1().ControllerRevisions(namespace).List(ctx, o)
	}, take)
	return r.without(gap, err, kinds...)
}

// without leaves the workloads of some kinds alone where the versions of their templates may not be read: whether their pods are
// being replaced already could not be told.
func (r *reader) without(gap *cluster.Gap, err error, kinds ...string) error {
	if err != nil || gap == nil {
		return err
	}
	r.lack(gap)
	for key := range r.result.Input.Workloads {
		if slices.Contains(kinds, key.Ref.Kind) && (gap.Namespaces == nil || slices.Contains(gap.Namespaces, key.Namespace)) {
			delete(r.result.Input.Workloads, key)
			r.result.Input.Unread[key.Ref.Kind] = gap.Error()
		}
	}
	return nil
}

// replicaSets lists them with their templates, or only their metadata.
func (r *reader) replicaSets(templates bool) lister {
	resource := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	return func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		if templates {
			return r.clients.Kube.AppsV1().ReplicaSets(namespace).List(ctx, o)
		}
		return r.clients.Metadata.Resource(resource).Namespace(namespace).List(ctx, o)
	}
}
