package restart

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/feed"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// kinds are those that the plan's workloads need.
func (r *runner) kinds() []kind {
	kinds := []kind{r.podKind(), r.eventKind()}
	seen := map[schema.GroupKind]bool{}
	sets, revisions, grace, evictions := false, false, false, false
	for _, t := range r.queue {
		ref := t.step.Ref
		gk := schema.GroupKind{Group: ref.Group, Kind: ref.Kind}
		if rollout.Known(ref) && !seen[gk] {
			seen[gk] = true
			kinds = append(kinds, r.workloadKind(ref))
		}
		grace = grace || t.step.Method == v1alpha1.ByGracePeriod
		sets = sets || ref.Kind == "Deployment" || ref.Kind == "Rollout"
		revisions = revisions || ref.Kind == "DaemonSet" || ref.Kind == "StatefulSet" && t.step.Method == v1alpha1.ByGracePeriod
		evictions = evictions || t.step.Method == v1alpha1.ByEviction || t.step.EvictHeld
	}
	if sets {
		kinds = append(kinds, r.replicaSetKind(grace))
	}
	if revisions {
		kinds = append(kinds, r.revisionKind())
	}
	if evictions {
		kinds = append(kinds, r.budgetKind())
	}
	return kinds
}

func (r *runner) podKind() kind {
	return kind{
		what: "pods", essential: true,
		in: func(namespace string) feed.Source {
			return feed.Of("pods", r.clients.Kube.CoreV1().Pods(namespace), metav1.ListOptions{})
		},
		slim: func(o runtime.Object) any { return rollout.PodOf(o.(*corev1.Pod)) },
		put: func(value any) func() {
			p := value.(rollout.Pod)
			r.newPod(p)
			r.store.putPod(p)
			r.touch(p)
			return func() {
				r.store.dropPod(p.UID)
				r.touch(p)
			}
		},
	}
}

// newPod takes a pod that was not there before for a sign that pods can be created again.
func (r *runner) newPod(p rollout.Pod) {
	if _, known := r.store.pods[p.UID]; known {
		return
	}
	if t := r.byUID[r.store.ownerOf(p)]; t != nil {
		t.note = ""
	}
}

// touch has the task looked at that a pod belongs to.
func (r *runner) touch(p rollout.Pod) {
	t := r.byUID[r.store.ownerOf(p)]
	if p.Controller == nil {
		t = r.byKey[podtemplate.Workload{Namespace: p.Namespace, Ref: workload.Ref{Kind: "Pod", Name: p.Name}}]
	}
	r.touchTask(t)
}

func (r *runner) touchTask(t *task) {
	if t != nil && t.under() {
		r.dirty[t] = true
	}
}

// workloadKind follows the workloads of a kind that are in the plan.
func (r *runner) workloadKind(ref workload.Ref) kind {
	resource := rollout.Resource(ref)
	return kind{
		what: resource.Resource, essential: true,
		in: func(namespace string) feed.Source { return r.sourceOf(resource, namespace) },
		slim: func(o runtime.Object) any {
			w, ok := rollout.Of(o)
			if !ok || r.byKey[keyOf(w)] == nil {
				return nil
			}
			return w
		},
		put: func(value any) func() {
			w := value.(*rollout.Workload)
			r.store.putWorkload(w)
			t := r.byKey[keyOf(w)]
			r.touchTask(t)
			return func() {
				delete(r.store.workloads, keyOf(w))
				r.touchTask(t)
			}
		},
	}
}

func keyOf(w *rollout.Workload) podtemplate.Workload {
	return podtemplate.Workload{Namespace: w.Namespace, Ref: w.Ref}
}

// sourceOf returns the source of a kind of workloads, typed where there is a typed client.
func (r *runner) sourceOf(resource schema.GroupVersionResource, namespace string) feed.Source {
	apps, all := r.clients.Kube.AppsV1(), metav1.ListOptions{}
	switch resource.Resource {
	case "deployments":
		return feed.Of(resource.Resource, apps.Deployments(namespace), all)
	case "statefulsets":
		return feed.Of(resource.Resource, apps.StatefulSets(namespace), all)
	case "daemonsets":
		return feed.Of(resource.Resource, apps.DaemonSets(namespace), all)
	case "replicasets":
		return feed.Of(resource.Resource, apps.ReplicaSets(namespace), all)
	case "replicationcontrollers":
		return feed.Of(resource.Resource, r.clients.Kube.CoreV1().ReplicationControllers(namespace), all)
	default:
		return feed.Of(resource.Resource, r.clients.Dynamic.Resource(resource).Namespace(namespace), all)
	}
}

// replicaSetKind follows the ReplicaSets of the plan's workloads, with their templates only where these are compared.
func (r *runner) replicaSetKind(templates bool) kind {
	k := r.setKind("replicasets of workloads")
	k.in = func(namespace string) feed.Source {
		if templates {
			return feed.Of(k.what, r.clients.Kube.AppsV1().ReplicaSets(namespace), metav1.ListOptions{})
		}
		resource := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
		return feed.Of(k.what, r.clients.Metadata.Resource(resource).Namespace(namespace), metav1.ListOptions{})
	}
	return k
}

func (r *runner) revisionKind() kind {
	k := r.setKind("controllerrevisions")
	k.in = func(namespace string) feed.Source {
		return feed.Of(k.what, r.clients.Kube.AppsV1().ControllerRevisions(namespace), metav1.ListOptions{})
	}
	return k
}

// setKind follows versions of the templates of the plan's workloads.
func (r *runner) setKind(what string) kind {
	return kind{
		what: what, essential: true,
		slim: func(o runtime.Object) any {
			set, ok := rollout.SetOf(o)
			if !ok || r.byUID[set.Owner] == nil {
				return nil
			}
			return set
		},
		put: func(value any) func() {
			set := value.(rollout.Set)
			r.store.putSet(set)
			r.touchTask(r.byUID[set.Owner])
			return func() {
				r.store.dropSet(set.UID)
				r.touchTask(r.byUID[set.Owner])
			}
		},
	}
}

// complaint is a warning that somebody has of an object.
type complaint struct {
	about           types.UID
	reason, message string
	at              time.Time
}

// failedCreate is the reason of the event of a controller that cannot create a pod. Source: FailedCreatePodReason in
// k8s.io/kubernetes/pkg/controller.
const failedCreate = "FailedCreate"

// eventKind follows warnings from now on: those of before are about something else.
func (r *runner) eventKind() kind {
	return kind{
		what: "events",
		in: func(namespace string) feed.Source {
			limits := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("type", corev1.EventTypeWarning).String()}
			s := feed.Of("events", r.clients.Kube.CoreV1().Events(namespace), limits)
			list := s.List
			s.List = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				o.Limit = 1
				page, err := list(ctx, o)
				if err != nil {
					return nil, err
				}
				return &corev1.EventList{ListMeta: metav1.ListMeta{ResourceVersion: page.(*corev1.EventList).ResourceVersion}}, nil
			}
			return s
		},
		slim: func(o runtime.Object) any {
			e := o.(*corev1.Event)
			at := e.LastTimestamp.Time
			if at.IsZero() {
				at = e.EventTime.Time
			}
			return complaint{about: e.InvolvedObject.UID, reason: e.Reason, message: e.Message, at: at}
		},
		put: func(value any) func() {
			r.complain(value.(complaint))
			return func() {}
		},
	}
}

// complain notes a warning where it explains why a task does not get on.
func (r *runner) complain(c complaint) {
	owner := c.about
	if set, ok := r.store.sets[c.about]; ok {
		owner = set.Owner
	}
	if t := r.byUID[owner]; t != nil && t.under() && c.reason == failedCreate {
		// Events come late. A pod that was created since says that the trouble is over.
		if !slices.ContainsFunc(r.state(t).Pods, func(p rollout.Pod) bool { return !p.Created.Before(c.at) }) {
			t.note = c.message
			r.touchTask(t)
		}
		return
	}
	if p, ok := r.store.pods[c.about]; ok {
		r.store.said[c.about] = c.reason + ": " + c.message
		r.touch(p)
	}
}

// budgetKind follows PodDisruptionBudgets only to know when to ask again.
func (r *runner) budgetKind() kind {
	return kind{
		what: "poddisruptionbudgets",
		in: func(namespace string) feed.Source {
			return feed.Of("poddisruptionbudgets", r.clients.Kube.PolicyV1().PodDisruptionBudgets(namespace), metav1.ListOptions{})
		},
		slim: func(o runtime.Object) any {
			b := o.(*policyv1.PodDisruptionBudget)
			return b.Namespace
		},
		put: func(value any) func() {
			namespace := value.(string)
			r.budgetChanged(namespace)
			return func() { r.budgetChanged(namespace) }
		},
	}
}

// budgetChanged has refused evictions of a namespace asked for again.
func (r *runner) budgetChanged(namespace string) {
	for _, t := range r.flight {
		if t.step.Namespace == namespace && !t.retryAt.IsZero() {
			t.retryAt = time.Time{}
			r.touchTask(t)
		}
	}
}
