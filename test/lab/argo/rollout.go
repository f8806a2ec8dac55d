package argo

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var (
	kind     = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"}
	resource = kind.GroupVersion().WithResource("rollouts")
)

// hashLabel tells the pods of a Rollout's ReplicaSets apart.
const hashLabel = "rollouts-pod-template-hash"

// rollout is what of a Rollout is played.
type rollout struct {
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Replicas        *int32                 `json:"replicas"`
		Selector        *metav1.LabelSelector  `json:"selector"`
		Template        corev1.PodTemplateSpec `json:"template"`
		MinReadySeconds int32                  `json:"minReadySeconds"`
		RestartAt       *metav1.Time           `json:"restartAt"`
		Strategy        struct {
			Canary    *strategy `json:"canary"`
			BlueGreen *strategy `json:"blueGreen"`
		} `json:"strategy"`
	} `json:"spec"`
	Status status `json:"status"`
}

type strategy struct {
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable"`
}

// status is what of a Rollout's status is played.
type status struct {
	ObservedGeneration string       `json:"observedGeneration,omitempty"`
	Replicas           int32        `json:"replicas"`
	UpdatedReplicas    int32        `json:"updatedReplicas"`
	ReadyReplicas      int32        `json:"readyReplicas"`
	AvailableReplicas  int32        `json:"availableReplicas"`
	HPAReplicas        int32        `json:"HPAReplicas"`
	Selector           string       `json:"selector,omitempty"`
	CurrentPodHash     string       `json:"currentPodHash,omitempty"`
	StableRS           string       `json:"stableRS,omitempty"`
	RestartedAt        *metav1.Time `json:"restartedAt,omitempty"`
	Phase              string       `json:"phase,omitempty"`
}

func (r *rollout) replicas() int32 {
	if r.Spec.Replicas == nil {
		return 1
	}
	return *r.Spec.Replicas
}

// atOnce returns how many pods may be restarted at once. The real default, the text "25", is no percentage, so that
// without maxUnavailable it is one.
func (r *rollout) atOnce() int32 {
	for _, s := range []*strategy{r.Spec.Strategy.BlueGreen, r.Spec.Strategy.Canary} {
		if s == nil || s.MaxUnavailable == nil {
			continue
		}
		if n, err := intstr.GetScaledValueFromIntOrPercent(s.MaxUnavailable, int(r.replicas()), false); err == nil {
			return max(1, min(int32(n), r.replicas()))
		}
	}
	return 1
}
