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

func group(group, name string) schema.GroupKind { return schema.GroupKind{Group: group, Kind: name} }

var kinds = []kind{
	{
		group("apps", "Deployment"), "deployments.apps",
		func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error) {
			return kube.AppsV1().Deployments(namespace).List(ctx, o)
		},
		func(o runtime.Object) *corev1.Pod { return ofDeployment(o.(*appsv1.Deployment)) },
	},
	{
		group("apps", "ReplicaSet"), "replicasets.apps",
		func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error) {
			return kube.AppsV1().ReplicaSets(namespace).List(ctx, o)
		},
		func(o runtime.Object) *corev1.Pod { return ofReplicaSet(o.(*appsv1.ReplicaSet)) },
	},
	{
		group("apps", "StatefulSet"), "statefulsets.apps",
		func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error) {
			return kube.AppsV1().StatefulSets(namespace).List(ctx, o)
		},
		func(o runtime.Object) *corev1.Pod { return ofStatefulSet(o.(*appsv1.StatefulSet)) },
	},
	{
		group("apps", "DaemonSet"), "daemonsets.apps",
		func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error) {
			return kube.AppsV1().DaemonSets(namespace).List(ctx, o)
		},
		func(o runtime.Object) *corev1.Pod { return ofDaemonSet(o.(*appsv1.DaemonSet)) },
	},
	{
		group("batch", "Job"), "jobs.batch",
		func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error) {
			return kube.BatchV1().Jobs(namespace).List(ctx, o)
		},
		func(o runtime.Object) *corev1.Pod { return ofJob(o.(*batchv1.Job)) },
	},
	{
		group("", "ReplicationController"), "replicationcontrollers",
		func(ctx context.Context, kube kubernetes.Interface, namespace string, o metav1.ListOptions) (runtime.Object, error) {
			return kube.CoreV1().ReplicationControllers(namespace).List(ctx, o)
		},
		func(o runtime.Object) *corev1.Pod { return ofReplicationController(o.(*corev1.ReplicationController)) },
	},
}

// Readable says whether the template of a workload of that kind is known how to read: Deployments, ReplicaSets,
// StatefulSets, DaemonSets, Jobs and ReplicationControllers.
func Readable(ref workload.Ref) bool {
	for _, k := range kinds {
		if k.is(ref) {
			return true
		}
	}
	return false
}
