package rollout

import (
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// facts are what decides how a workload is restarted.
type facts struct {
	Strategy                                       Strategy
	Replicas, Surge, Unavailable, Partition, First int
	Paused                                         bool
}

func factsOf(t *testing.T, object runtime.Object) (facts, *Workload) {
	t.Helper()
	w, ok := Of(object)
	if !ok {
		t.Fatalf("%T is not known", object)
	}
	return facts{w.Strategy, w.Replicas, w.MaxSurge, w.MaxUnavailable, w.Partition, w.FirstOrdinal, w.Paused}, w
}

func rolls(surge, unavailable string) func(*appsv1.Deployment) {
	return func(d *appsv1.Deployment) {
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: percent(surge), MaxUnavailable: percent(unavailable)}
	}
}

func parted(partition int32) func(*appsv1.StatefulSet) {
	return func(s *appsv1.StatefulSet) {
		s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition}
	}
}

func argo(spec, status map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"namespace": "shop", "name": "roll", "generation": int64(3)}, "spec": spec, "status": status,
	}}
}

func TestHowAWorkloadReplacesItsPods(t *testing.T) {
	for _, c := range []struct {
		rule   string
		object runtime.Object
		want   facts
	}{
		{"a Deployment's surge is rounded up, what may be missing down", deployment(rolls("25%", "25%"), func(d *appsv1.Deployment) { d.Spec.Replicas = ptr[int32](5) }),
			facts{Strategy: Rolling, Replicas: 5, Surge: 2, Unavailable: 1}},
		{"where both come to none one may be missing", deployment(rolls("0", "25%")), facts{Strategy: Rolling, Replicas: 2, Unavailable: 1}},
		{"no more can be missing than there are", deployment(rolls("0", "7")), facts{Strategy: Rolling, Replicas: 2, Unavailable: 2}},
		{"what is malformed counts as not given", deployment(rolls("x", "y%")), facts{Strategy: Rolling, Replicas: 2, Unavailable: 1}},
		{"replicas that are not given are one", deployment(func(d *appsv1.Deployment) { d.Spec.Replicas = nil }), facts{Strategy: Rolling, Replicas: 1}},
		{"a Deployment that recreates", deployment(func(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType }),
			facts{Strategy: Recreate, Replicas: 2, Unavailable: 2}},
		{"a paused Deployment", deployment(func(d *appsv1.Deployment) { d.Spec.Paused = true }), facts{Strategy: Rolling, Replicas: 2, Paused: true}},
		{"a StatefulSet goes one by one", statefulSet(), facts{Strategy: Rolling, Replicas: 2, Unavailable: 1}},
		{"a StatefulSet with a partition", statefulSet(parted(1), func(s *appsv1.StatefulSet) { s.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: 5} }),
			facts{Strategy: Rolling, Replicas: 2, Unavailable: 1, Partition: 1, First: 5}},
		{"a StatefulSet OnDelete", statefulSet(func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType }),
			facts{Strategy: OnDelete, Replicas: 2, Unavailable: 1}},
		{"a DaemonSet has as many as its controller says", daemonSet(), facts{Strategy: Rolling, Replicas: 2, Unavailable: 1}},
		{"a DaemonSet that surges", daemonSet(func(s *appsv1.DaemonSet) {
			s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: percent("10%"), MaxUnavailable: percent("0")}
		}), facts{Strategy: Rolling, Replicas: 2, Surge: 1}},
		{"a DaemonSet OnDelete", daemonSet(func(s *appsv1.DaemonSet) { s.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType }),
			facts{Strategy: OnDelete, Replicas: 2, Unavailable: 1}},
		{"a ReplicaSet", &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Replicas: ptr[int32](3)}}, facts{Strategy: Fixed, Replicas: 3}},
		{"a ReplicationController without a template", &corev1.ReplicationController{}, facts{Strategy: Fixed, Replicas: 1}},
		{"a Rollout that says nothing", argo(nil, nil), facts{Strategy: ByRestartAt, Replicas: 1, Unavailable: 1}},
		{"a Rollout restarts one at once", argo(map[string]any{"replicas": int64(8)}, nil), facts{Strategy: ByRestartAt, Replicas: 8, Unavailable: 1}},
		{"or what its strategy says", argo(map[string]any{"replicas": int64(8), "strategy": map[string]any{"canary": map[string]any{"maxUnavailable": "50%"}}}, nil),
			facts{Strategy: ByRestartAt, Replicas: 8, Unavailable: 4}},
		{"in numbers too", argo(map[string]any{"replicas": int64(8), "strategy": map[string]any{"blueGreen": map[string]any{"maxUnavailable": int64(3)}}}, nil),
			facts{Strategy: ByRestartAt, Replicas: 8, Unavailable: 3}},
		{"a malformed Rollout", argo(map[string]any{"replicas": "eight", "template": "none", "strategy": "canary"}, map[string]any{"observedGeneration": int64(3)}),
			facts{Strategy: ByRestartAt, Replicas: 1, Unavailable: 1}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got, _ := factsOf(t, c.object); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
	if _, ok := Of(&corev1.Pod{}); ok {
		t.Error("a pod is no workload")
	}
}

func failing(d *appsv1.Deployment) {
	d.Status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: progressDeadlineExceeded, Message: "too slow"},
		{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "quota"},
	}
}

func TestWhatAControllerSays(t *testing.T) {
	for _, c := range []struct {
		rule   string
		object runtime.Object
		want   Status
	}{
		{"of a Deployment", deployment(failing), Status{Replicas: 2, Updated: 2, Available: 2, TemplateRevision: "2", Settled: true, Stalled: "too slow", CreateFailure: "quota"}},
		{"a Deployment that progresses", deployment(failing, func(d *appsv1.Deployment) {
			d.Status.Conditions[0].Reason, d.Status.Conditions[1].Status = "DeploymentPaused", corev1.ConditionFalse
		}), Status{Replicas: 2, Updated: 2, Available: 2, TemplateRevision: "2", Settled: true}},
		{"of a StatefulSet in the middle", statefulSet(func(s *appsv1.StatefulSet) { s.Status.CurrentRevision = "db-old" }),
			Status{Replicas: 2, Updated: 2, Available: 2, TemplateRevision: "db-new"}},
		{"of a DaemonSet", daemonSet(), Status{Replicas: 2, Updated: 2, Available: 2, Settled: true}},
		{"of a ReplicaSet", &appsv1.ReplicaSet{Status: appsv1.ReplicaSetStatus{Conditions: []appsv1.ReplicaSetCondition{
			{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Message: "quota"}}}}, Status{Settled: true, CreateFailure: "quota"}},
		{"of a ReplicationController", &corev1.ReplicationController{Status: corev1.ReplicationControllerStatus{Conditions: []corev1.ReplicationControllerCondition{
			{Type: corev1.ReplicationControllerReplicaFailure, Status: corev1.ConditionTrue, Message: "quota"}}}}, Status{Settled: true, CreateFailure: "quota"}},
		{"of a Rollout", argo(map[string]any{"restartAt": "2026-03-01T12:00:00Z"}, map[string]any{"replicas": int64(2), "updatedReplicas": int64(1),
			"availableReplicas": int64(1), "restartedAt": "2026-03-01T11:00:00Z", "phase": "Degraded"}),
			Status{Replicas: 2, Updated: 1, Available: 1, Settled: true, RestartAt: "2026-03-01T12:00:00Z", RestartedAt: "2026-03-01T11:00:00Z"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, w := factsOf(t, c.object); w.Status != c.want {
				t.Errorf("got  %+v\nwant %+v", w.Status, c.want)
			}
		})
	}
}

func TestWhatTheTemplateTells(t *testing.T) {
	d := deployment(func(d *appsv1.Deployment) {
		d.DeletionTimestamp = &metav1.Time{Time: began}
		d.Spec.Template.Annotations = map[string]string{"sidecar.istio.io/status": "{}"}
		d.Spec.Template.Labels = map[string]string{"gateway.istio.io/managed": "istio.io-gateway-controller", "gateway.networking.k8s.io/gateway-name": "public"}
		d.Spec.Template.Spec.Volumes = []corev1.Volume{{}, {VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}}}
	})
	w, _ := Of(d)
	if !w.Deleting || !w.HandInjected || !w.Managed || !w.TemplateAnnotated || w.Gateway != "public" || !reflect.DeepEqual(w.Claims, []string{"data"}) || w.GracePeriod != 30 {
		t.Errorf("got %+v", w)
	}
	u := argo(map[string]any{"template": map[string]any{"spec": map[string]any{"terminationGracePeriodSeconds": int64(7)}}}, map[string]any{"observedGeneration": "3"})
	if w, _ := Of(u); w.GracePeriod != 7 || !w.Observes() {
		t.Errorf("got %+v", w)
	}
}

func TestKnownKindsAreListedSomewhere(t *testing.T) {
	w, _ := Of(deployment())
	if !Known(w.Ref) || Resource(w.Ref).Resource != "deployments" {
		t.Errorf("got %v", Resource(w.Ref))
	}
	w.Ref.Group = "example.com"
	if Known(w.Ref) {
		t.Error("another group's Deployment is not known")
	}
}
