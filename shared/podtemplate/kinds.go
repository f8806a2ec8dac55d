package podtemplate

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// kind is a kind of workload whose template is known how to read.
type kind struct {
	schema.GroupKind
	// resource is how it is called in messages, as in `kubectl get`.
	resource string
	list     func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error)
	pod      func(object runtime.Object) *corev1.Pod
}

func (k kind) is(ref workload.Ref) bool { return k.Group == ref.Group && k.Kind == ref.Kind }

// lister is what the typed clients can do with a kind whose lists are L.
type lister[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
}

type client = kubernetes.Interface

// readable returns the kind of that name whose objects, each an O, a client lists and of turns into pods.
func readable[L, O runtime.Object](group, name, resource string, in func(client, string) lister[L], of func(O) *corev1.Pod) kind {
	return kind{
		GroupKind: schema.GroupKind{Group: group, Kind: name}, resource: resource,
		list: func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error) {
			return in(kube, namespace).List(ctx, o)
		},
		pod: func(o runtime.Object) *corev1.Pod { return of(o.(O)) },
	}
}

var kinds = []kind{
	readable("apps", "Deployment", "deployments.apps",
		func(c client, ns string) lister[*appsv1.DeploymentList] { return c.AppsV1().Deployments(ns) }, ofDeployment),
	readable("apps", "ReplicaSet", "replicasets.apps",
		func(c client, ns string) lister[*appsv1.ReplicaSetList] { return c.AppsV1().ReplicaSets(ns) }, ofReplicaSet),
	readable("apps", "StatefulSet", "statefulsets.apps",
		func(c client, ns string) lister[*appsv1.StatefulSetList] { return c.AppsV1().StatefulSets(ns) }, ofStatefulSet),
	readable("apps", "DaemonSet", "daemonsets.apps",
		func(c client, ns string) lister[*appsv1.DaemonSetList] { return c.AppsV1().DaemonSets(ns) }, ofDaemonSet),
	readable("batch", "Job", "jobs.batch",
		func(c client, ns string) lister[*batchv1.JobList] { return c.BatchV1().Jobs(ns) }, ofJob),
	readable("", "ReplicationController", "replicationcontrollers",
		func(c client, ns string) lister[*corev1.ReplicationControllerList] {
			return c.CoreV1().ReplicationControllers(ns)
		}, ofReplicationController),
}
