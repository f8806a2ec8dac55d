package rollout

import (
	"encoding/json"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Set is one version of a workload's pod template, with the pods that are of it: a ReplicaSet, or a ControllerRevision.
type Set struct {
	Namespace, Name string
	UID, Owner      types.UID
	// Revision is the number of a ControllerRevision, Label that of a ReplicaSet as its annotation has it.
	Revision int64
	Label    string
	// Hash is what the pods of a ControllerRevision bear as the label controller-revision-hash.
	Hash string
	// GracePeriod and TemplateKey are those of the template; TemplateKey is empty where it is not known.
	GracePeriod int64
	TemplateKey string
}

// SetOf returns what there is to say of a ReplicaSet, typed or only its metadata, or of a ControllerRevision; false for
// anything else, and for one that nothing controls.
func SetOf(object any) (Set, bool) {
	o, ok := object.(metav1.Object)
	if !ok {
		return Set{}, false
	}
	controller := metav1.GetControllerOfNoCopy(o)
	if controller == nil {
		return Set{}, false
	}
	s := Set{
		Namespace: o.GetNamespace(), Name: o.GetName(), UID: o.GetUID(), Owner: controller.UID,
		Label: o.GetAnnotations()[DeploymentRevision], Hash: o.GetLabels()[appsv1.ControllerRevisionHashLabelKey],
	}
	switch object := object.(type) {
	case *metav1.PartialObjectMetadata:
	case *appsv1.ReplicaSet:
		s.GracePeriod, s.TemplateKey = gracePeriodOf(&object.Spec.Template.Spec), templateKey(&object.Spec.Template)
	case *appsv1.ControllerRevision:
		s.Revision = object.Revision
		s.readRevision(object)
	default:
		return Set{}, false
	}
	return s, true
}

// readRevision reads the template out of a ControllerRevision, which holds it as a patch of its owner. One that cannot be
// read leaves the key empty. Source: getPatch in k8s.io/kubernetes/pkg/controller/daemon and .../statefulset.
func (s *Set) readRevision(r *appsv1.ControllerRevision) {
	var patch struct {
		Spec struct {
			Template corev1.PodTemplateSpec `json:"template"`
		} `json:"spec"`
	}
	if json.Unmarshal(r.Data.Raw, &patch) != nil {
		return
	}
	s.GracePeriod, s.TemplateKey = gracePeriodOf(&patch.Spec.Template.Spec), templateKey(&patch.Spec.Template)
}

// Has says whether a pod is of this version.
func (s Set) Has(pod Pod) bool {
	if pod.Controller == nil {
		return false
	}
	if pod.Controller.UID == s.UID {
		return true
	}
	// Pods of StatefulSets bear the whole name, those of DaemonSets the hash.
	return pod.Controller.UID == s.Owner && pod.Hash != "" && (pod.Hash == s.Name || pod.Hash == s.Hash || strings.HasSuffix(s.Name, "-"+pod.Hash))
}
