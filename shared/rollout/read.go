package rollout

import (
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"istio.io/api/annotation"
	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// DeploymentRevision is the annotation by which a Deployment and its ReplicaSets say which of its revisions they are. Source:
// RevisionAnnotation in k8s.io/kubernetes/pkg/controller/deployment/util.
const DeploymentRevision = "deployment.kubernetes.io/revision"

// The groups of the kinds that are known.
const (
	appsGroup = "apps"
	argoGroup = "argoproj.io"
)

// Of returns what there is to say of a Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController or, as an
// unstructured object, an Argo Rollout; false for anything else. The result shares the object.
func Of(object runtime.Object) (*Workload, bool) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return ofDeployment(o), true
	case *appsv1.StatefulSet:
		return ofStatefulSet(o), true
	case *appsv1.DaemonSet:
		return ofDaemonSet(o), true
	case *appsv1.ReplicaSet:
		return ofReplicaSet(o), true
	case *corev1.ReplicationController:
		return ofReplicationController(o), true
	case *unstructured.Unstructured:
		return ofRollout(o), true
	default:
		return nil, false
	}
}

// describe fills in what every kind has.
func describe(group, kind string, o metav1.Object, object runtime.Object, template *corev1.PodTemplateSpec) *Workload {
	w := &Workload{
		Namespace: o.GetNamespace(), Ref: workload.Ref{Group: group, Kind: kind, Name: o.GetName()}, UID: o.GetUID(),
		ResourceVersion: o.GetResourceVersion(), Labels: o.GetLabels(), Annotations: o.GetAnnotations(),
		Deleting: o.GetDeletionTimestamp() != nil, Generation: o.GetGeneration(), Object: object,
	}
	if template == nil {
		return w
	}
	w.GracePeriod = gracePeriodOf(&template.Spec)
	w.TemplateAnnotated = template.Annotations != nil
	_, w.HandInjected = template.Annotations[annotation.SidecarStatus.Name]
	w.Managed = template.Labels[label.GatewayManaged.Name] != ""
	w.Gateway = template.Labels[label.IoK8sNetworkingGatewayGatewayName.Name]
	for _, v := range template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			w.Claims = append(w.Claims, v.PersistentVolumeClaim.ClaimName)
		}
	}
	return w
}

// gracePeriodOf returns a pod's grace period in seconds. The API server fills in one that is not set.
func gracePeriodOf(spec *corev1.PodSpec) int64 {
	if spec.TerminationGracePeriodSeconds == nil {
		return corev1.DefaultTerminationGracePeriodSeconds
	}
	return *spec.TerminationGracePeriodSeconds
}

// orOne returns the number of replicas, which the API server sets to 1 where it is not given.
func orOne(replicas *int32) int {
	if replicas == nil {
		return 1
	}
	return int(*replicas)
}

func ofDeployment(d *appsv1.Deployment) *Workload {
	w := describe(appsGroup, "Deployment", d, d, &d.Spec.Template)
	w.TemplateKey = templateKey(&d.Spec.Template)
	w.Observed, w.Paused, w.Replicas = d.Status.ObservedGeneration, d.Spec.Paused, orOne(d.Spec.Replicas)
	w.Strategy = Rolling
	switch rolling := d.Spec.Strategy.RollingUpdate; {
	case d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType:
		w.Strategy, w.MaxUnavailable = Recreate, w.Replicas
	case rolling != nil:
		w.MaxSurge, w.MaxUnavailable = fence(rolling.MaxSurge, rolling.MaxUnavailable, w.Replicas)
		_, w.MaxUnavailableOfTwo = fence(rolling.MaxSurge, rolling.MaxUnavailable, 2)
	}
	w.Status = Status{
		Replicas: int(d.Status.Replicas), Updated: int(d.Status.UpdatedReplicas), Available: int(d.Status.AvailableReplicas),
		TemplateRevision: d.Annotations[DeploymentRevision], Settled: true,
	}
	for _, c := range d.Status.Conditions {
		switch {
		case c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == progressDeadlineExceeded:
			w.Status.Stalled = c.Message
		case c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue:
			w.Status.CreateFailure = c.Message
		}
	}
	return w
}

// progressDeadlineExceeded: source: TimedOutReason in k8s.io/kubernetes/pkg/controller/deployment/util.
const progressDeadlineExceeded = "ProgressDeadlineExceeded"

// fence returns the pods that a rollout may have too many, and may be short of. Where both come to none, one may be missing.
// Source: ResolveFenceposts in k8s.io/kubernetes/pkg/controller/deployment/util.
func fence(maxSurge, maxUnavailable *intstr.IntOrString, replicas int) (surge, unavailable int) {
	surge, unavailable = scaled(maxSurge, replicas, true), scaled(maxUnavailable, replicas, false)
	if surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, min(unavailable, replicas)
}

// scaled returns a number of pods that is given as such or as a percentage; 0 where it is not given, or malformed.
func scaled(value *intstr.IntOrString, of int, up bool) int {
	if value == nil {
		return 0
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(value, of, up)
	if err != nil {
		return 0
	}
	return n
}

func ofStatefulSet(s *appsv1.StatefulSet) *Workload {
	w := describe(appsGroup, "StatefulSet", s, s, &s.Spec.Template)
	w.TemplateKey = templateKey(&s.Spec.Template)
	w.Observed, w.Replicas = s.Status.ObservedGeneration, orOne(s.Spec.Replicas)
	w.Strategy, w.MaxUnavailable = Rolling, 1
	if s.Spec.Ordinals != nil {
		w.FirstOrdinal = int(s.Spec.Ordinals.Start)
	}
	switch rolling := s.Spec.UpdateStrategy.RollingUpdate; {
	case s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType:
		w.Strategy = OnDelete
	case rolling != nil:
		if rolling.Partition != nil {
			w.Partition = int(*rolling.Partition)
		}
		// Source: getStatefulSetMaxUnavailable in k8s.io/kubernetes/pkg/controller/statefulset.
		w.MaxUnavailable = max(1, scaled(rolling.MaxUnavailable, w.Replicas, false))
	}
	w.Status = Status{
		Replicas: int(s.Status.Replicas), Updated: int(s.Status.UpdatedReplicas), Available: int(s.Status.AvailableReplicas),
		TemplateRevision: s.Status.UpdateRevision, Settled: s.Status.UpdateRevision == s.Status.CurrentRevision,
	}
	return w
}

func ofDaemonSet(s *appsv1.DaemonSet) *Workload {
	w := describe(appsGroup, "DaemonSet", s, s, &s.Spec.Template)
	w.TemplateKey = templateKey(&s.Spec.Template)
	w.Observed, w.Replicas = s.Status.ObservedGeneration, int(s.Status.DesiredNumberScheduled)
	w.Strategy, w.MaxUnavailable = Rolling, 1
	switch rolling := s.Spec.UpdateStrategy.RollingUpdate; {
	case s.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType:
		w.Strategy = OnDelete
	case rolling != nil:
		w.MaxSurge = scaled(rolling.MaxSurge, w.Replicas, true)
		w.MaxUnavailable = scaled(rolling.MaxUnavailable, w.Replicas, true)
	}
	w.Status = Status{
		Replicas: int(s.Status.CurrentNumberScheduled), Updated: int(s.Status.UpdatedNumberScheduled),
		Available: int(s.Status.NumberAvailable), Settled: true,
	}
	return w
}

func ofReplicaSet(s *appsv1.ReplicaSet) *Workload {
	w := describe(appsGroup, "ReplicaSet", s, s, &s.Spec.Template)
	w.Observed, w.Replicas, w.Strategy = s.Status.ObservedGeneration, orOne(s.Spec.Replicas), Fixed
	w.Status = Status{Replicas: int(s.Status.Replicas), Available: int(s.Status.AvailableReplicas), Settled: true}
	for _, c := range s.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			w.Status.CreateFailure = c.Message
		}
	}
	return w
}

func ofReplicationController(c *corev1.ReplicationController) *Workload {
	w := describe("", "ReplicationController", c, c, c.Spec.Template)
	w.Observed, w.Replicas, w.Strategy = c.Status.ObservedGeneration, orOne(c.Spec.Replicas), Fixed
	w.Status = Status{Replicas: int(c.Status.Replicas), Available: int(c.Status.AvailableReplicas), Settled: true}
	for _, condition := range c.Status.Conditions {
		if condition.Type == corev1.ReplicationControllerReplicaFailure && condition.Status == corev1.ConditionTrue {
			w.Status.CreateFailure = condition.Message
		}
	}
	return w
}

// ofRollout reads the fields that restarting needs; what is malformed counts as not given. Source: RolloutSpec and
// RolloutStatus in github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1.
func ofRollout(u *unstructured.Unstructured) *Workload {
	w := describe(argoGroup, "Rollout", u, u, rolloutTemplate(u))
	w.Strategy, w.Replicas = ByRestartAt, 1
	if n, found, err := unstructured.NestedInt64(u.Object, "spec", "replicas"); found && err == nil {
		w.Replicas = int(n)
	}
	// The status holds the generation as text.
	w.Observed, _ = strconv.ParseInt(text(u, "status", "observedGeneration"), 10, 64)
	w.MaxUnavailable = rolloutUnavailable(u, w.Replicas)
	w.Status = Status{
		Replicas: number(u, "status", "replicas"), Updated: number(u, "status", "updatedReplicas"),
		Available: number(u, "status", "availableReplicas"), Settled: true,
		RestartAt: text(u, "spec", "restartAt"), RestartedAt: text(u, "status", "restartedAt"),
	}
	return w
}

// rolloutTemplate returns the template, nil where it is that of another object, or malformed.
func rolloutTemplate(u *unstructured.Unstructured) *corev1.PodTemplateSpec {
	content, found, err := unstructured.NestedMap(u.Object, "spec", "template")
	if !found || err != nil {
		return nil
	}
	var template corev1.PodTemplateSpec
	if runtime.DefaultUnstructuredConverter.FromUnstructured(content, &template) != nil {
		return nil
	}
	return &template
}

// rolloutUnavailable is how many pods a restart takes down at once. The default, "25", is no percentage and comes to one. Source: Reconcile in
// github.com/argoproj/argo-rollouts/rollout/restart.go, which takes at least one.
func rolloutUnavailable(u *unstructured.Unstructured, replicas int) int {
	for _, strategy := range []string{"canary", "blueGreen"} {
		value, found, err := unstructured.NestedFieldNoCopy(u.Object, "spec", "strategy", strategy, "maxUnavailable")
		if !found || err != nil {
			continue
		}
		v := intstr.Parse(fmt.Sprint(value))
		return max(1, scaled(&v, replicas, false))
	}
	return 1
}

func text(u *unstructured.Unstructured, path ...string) string {
	value, _, _ := unstructured.NestedString(u.Object, path...)
	return value
}

func number(u *unstructured.Unstructured, path ...string) int {
	value, _, _ := unstructured.NestedInt64(u.Object, path...)
	return int(value)
}
