package rollout

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// began is when the tests' pods were created, unless they say otherwise.
var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func percent(text string) *intstr.IntOrString { return ptr(intstr.Parse(text)) }

// deployment is one whose controller is done with its revision 2, and whose spec is of generation 4.
func deployment(changes ...func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart", UID: "cart", Generation: 4, Annotations: map[string]string{DeploymentRevision: "2"}},
		Spec:       appsv1.DeploymentSpec{Replicas: ptr[int32](2)},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 4, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
	}
	for _, change := range changes {
		change(d)
	}
	return d
}

func statefulSet(changes ...func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "db", UID: "db", Generation: 4},
		Spec:       appsv1.StatefulSetSpec{Replicas: ptr[int32](2)},
		Status: appsv1.StatefulSetStatus{ObservedGeneration: 4, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2,
			UpdateRevision: "db-new", CurrentRevision: "db-new"},
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

func daemonSet(changes ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	s := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "agent", UID: "agent", Generation: 4},
		Status: appsv1.DaemonSetStatus{ObservedGeneration: 4, DesiredNumberScheduled: 2, CurrentNumberScheduled: 2,
			UpdatedNumberScheduled: 2, NumberAvailable: 2},
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

// pod is a ready one of a version of a template; what its image ends in says whether it is fresh.
func pod(name, set string, changes ...func(*Pod)) Pod {
	p := Pod{Namespace: "shop", Name: name, UID: types.UID(name), Created: began, Ready: true, Image: "new",
		Controller: &metav1.OwnerReference{UID: types.UID(set)}}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func old(p *Pod)      { p.Image = "old" }
func unready(p *Pod)  { p.Ready = false }
func leaving(p *Pod)  { p.Terminating = true }
func terminal(p *Pod) { p.Terminal = true }

func hashed(hash string) func(*Pod) { return func(p *Pod) { p.Hash = hash } }

func troubled(fatal bool, text string) func(*Pod) {
	return func(p *Pod) { p.Ready, p.Trouble = false, Trouble{Fatal: fatal, Text: text} }
}

func fresh(p Pod) bool { return p.Image == "new" }
func stale(p Pod) bool { return p.Image != "new" }

// sets are the versions of the tests' workloads: the Deployment's ReplicaSets 1 and 2, the DaemonSet's revisions.
func sets() []Set {
	return []Set{
		{Name: "cart-1", UID: "rs1", Owner: "cart", Label: "1"}, {Name: "cart-2", UID: "rs2", Owner: "cart", Label: "2"},
		{Name: "agent-x", UID: "cr1", Owner: "agent", Revision: 1, Hash: "x"}, {Name: "agent-y", UID: "cr2", Owner: "agent", Revision: 2, Hash: "y"},
		{Name: "other", UID: "rs9", Owner: "other", Label: "2", Revision: 9},
	}
}

// of is the state of a workload with these pods.
func of(w *Workload, pods ...Pod) State { return State{Workload: w, Pods: pods, Sets: sets()} }

func rollout(restartAt, restartedAt string) *Workload {
	return &Workload{Namespace: "shop", Ref: workload.Ref{Group: argoGroup, Kind: "Rollout", Name: "roll"}, UID: "roll", Strategy: ByRestartAt,
		Generation: 1, Observed: 1, Replicas: 2, Status: Status{Available: 2, RestartAt: restartAt, RestartedAt: restartedAt}}
}

func container(name string, state corev1.ContainerState, restarts int32, last string) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: name, State: state, RestartCount: restarts}
	if last != "" {
		s.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: last, Message: " out\n"}
	}
	return s
}

func waiting(reason, message string) corev1.ContainerState {
	return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}
