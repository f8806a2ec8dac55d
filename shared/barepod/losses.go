package barepod

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/manifest"
)

// Losses says in a sentence each, without its full stop, what the pod loses when it is deleted and created again from its
// manifest; nothing where it loses nothing. The pod is to have its managedFields: without them it cannot be told whether
// its manifest named a node.
func Losses(pod *corev1.Pod) []string {
	m, err := manifest.Of(pod)
	if err != nil {
		return []string{fmt.Sprintf("what it loses cannot be told: %v", err)}
	}
	return slices.Concat(volumes(m), node(pod), ephemeral(pod))
}

// volumes looks at the manifest, which is without the volumes that injection adds.
func volumes(m *corev1.Pod) []string {
	var scratch, claims []string
	for _, v := range m.Spec.Volumes {
		switch {
		case v.EmptyDir != nil:
			scratch = append(scratch, v.Name)
		case v.Ephemeral != nil:
			// Source: VolumeClaimName in k8s.io/component-helpers/storage/ephemeral. The pod owns the claim.
			claims = append(claims, m.Name+"-"+v.Name)
		}
	}
	var losses []string
	if len(scratch) > 0 {
		losses = append(losses, "what is in its emptyDir volumes is lost: "+strings.Join(scratch, ", "))
	}
	if len(claims) > 0 {
		losses = append(losses, "the PersistentVolumeClaims of its ephemeral volumes are deleted with it: "+strings.Join(claims, ", "))
	}
	return losses
}

// node tells a node that the manifest named from one that the scheduler chose: a binding leaves no trace in managedFields.
// Source: setPodNodeAndMetadata in k8s.io/kubernetes/pkg/registry/core/pod/storage.
func node(pod *corev1.Pod) []string {
	switch {
	case pod.Spec.NodeName == "":
		return nil
	case len(pod.ManagedFields) == 0:
		return []string{fmt.Sprintf("it may come to another node than %s, even if its manifest named that one", pod.Spec.NodeName)}
	case namesNode(pod):
		return []string{fmt.Sprintf("its manifest names node %s: created again, it goes where the scheduler puts it", pod.Spec.NodeName)}
	default:
		return nil
	}
}

func namesNode(pod *corev1.Pod) bool {
	for _, m := range pod.ManagedFields {
		if m.FieldsV1 != nil && strings.Contains(m.FieldsV1.GetRawString(), `"f:nodeName":`) {
			return true
		}
	}
	return false
}

func ephemeral(pod *corev1.Pod) []string {
	var names []string
	for _, c := range pod.Spec.EphemeralContainers {
		names = append(names, c.Name)
	}
	if names == nil {
		return nil
	}
	return []string{"its ephemeral containers are not created again: " + strings.Join(names, ", ")}
}
