package rollout

import (
	"encoding/json"
	"hash/fnv"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// templateKey tells a pod template from others, but for its grace period and for the label that the deployment controller
// adds to those of ReplicaSets. Two templates that controllers take for equal have the same key. Source: EqualIgnoreHash in
// k8s.io/kubernetes/pkg/controller/deployment/util.
func templateKey(template *corev1.PodTemplateSpec) string {
	t := template.DeepCopy()
	delete(t.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	t.Spec.TerminationGracePeriodSeconds = nil
	t.CreationTimestamp.Reset()
	encoded, err := json.Marshal(t)
	if err != nil {
		return ""
	}
	hash := fnv.New128a()
	hash.Write(encoded)
	return strconv.Quote(string(hash.Sum(nil)))
}
