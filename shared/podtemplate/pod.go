// Package podtemplate reads workloads' pod templates and turns them into the pods that their controllers would create.
package podtemplate

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// FromTemplate returns the pod that a controller in the namespace would create from the template: with a name that is
// to be generated, the template's labels, annotations, finalizers and spec, and the controller as its owner. It takes the
// controller's API version, kind, name and UID; blockOwnerDeletion is left out, because some clusters ask for a further
// permission where it is set, and injection does not look at it. The result shares nothing with the template. Source:
// GetPodFromTemplate in k8s.io/kubernetes/pkg/controller.
func FromTemplate(namespace string, controller metav1.OwnerReference, template *corev1.PodTemplateSpec) *corev1.Pod {
	isController := true
	controller.Controller, controller.BlockOwnerDeletion = &isController, nil
	t := template.DeepCopy()
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       namespace,
			GenerateName:    controller.Name + "-",
			Labels:          t.Labels,
			Annotations:     t.Annotations,
			Finalizers:      t.Finalizers,
			OwnerReferences: []metav1.OwnerReference{controller},
		},
		Spec: t.Spec,
	}
}

// Of returns the pod that the controller of a typed object would create from its template; false for kinds of which this is
// not known. The result shares nothing with the object.
func Of(object runtime.Object) (*corev1.Pod, bool) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return ofDeployment(o), true
	case *appsv1.ReplicaSet:
		return ofReplicaSet(o), true
	case *appsv1.StatefulSet:
		return ofStatefulSet(o), true
	case *appsv1.DaemonSet:
		return ofDaemonSet(o), true
	case *corev1.ReplicationController:
		return ofReplicationController(o), true
	case *batchv1.Job:
		return ofJob(o), true
	default:
		return nil, false
	}
}

// owner is the reference to an object as its pods' controller.
func owner(apiVersion, kind string, object metav1.Object) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: object.GetName(), UID: object.GetUID()}
}

var appsVersion, batchVersion = appsv1.SchemeGroupVersion.String(), batchv1.SchemeGroupVersion.String()

// standInHash takes the place of the hash that only the deployment controller can compute.
const standInHash = "dryrun"

// ofDeployment gives the pod a ReplicaSet as its owner, as the real ones have: istiod tells a Deployment's pods by that
// and by the hash. The UID is the Deployment's, because that ReplicaSet may not exist. Source: GetDeployMetaFromPod in
// istio.io/istio/pkg/kube.
func ofDeployment(d *appsv1.Deployment) *corev1.Pod {
	set := owner(appsVersion, "ReplicaSet", d)
	set.Name += "-" + standInHash
	pod := FromTemplate(d.Namespace, set, &d.Spec.Template)
	if pod.Labels == nil {
		pod.Labels = map[string]string{}
	}
	pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = standInHash
	return pod
}

func ofReplicaSet(s *appsv1.ReplicaSet) *corev1.Pod {
	return FromTemplate(s.Namespace, owner(appsVersion, "ReplicaSet", s), &s.Spec.Template)
}

func ofDaemonSet(s *appsv1.DaemonSet) *corev1.Pod {
	return FromTemplate(s.Namespace, owner(appsVersion, "DaemonSet", s), &s.Spec.Template)
}

func ofJob(j *batchv1.Job) *corev1.Pod {
	return FromTemplate(j.Namespace, owner(batchVersion, "Job", j), &j.Spec.Template)
}

// ofReplicationController allows for a template that is not there, which the API does.
func ofReplicationController(c *corev1.ReplicationController) *corev1.Pod {
	template := c.Spec.Template
	if template == nil {
		template = &corev1.PodTemplateSpec{}
	}
	return FromTemplate(c.Namespace, owner("v1", "ReplicationController", c), template)
}

// ofStatefulSet adds the volumes of the claims, which the template only mounts. Source: updateStorage in
// k8s.io/kubernetes/pkg/controller/statefulset.
func ofStatefulSet(s *appsv1.StatefulSet) *corev1.Pod {
	pod := FromTemplate(s.Namespace, owner(appsVersion, "StatefulSet", s), &s.Spec.Template)
	claimed := map[string]bool{}
	var volumes []corev1.Volume
	for _, claim := range s.Spec.VolumeClaimTemplates {
		claimed[claim.Name] = true
		volumes = append(volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + s.Name + "-0"},
		}})
	}
	for _, v := range pod.Spec.Volumes {
		if !claimed[v.Name] {
			volumes = append(volumes, v)
		}
	}
	pod.Spec.Volumes, pod.Spec.Subdomain = volumes, s.Spec.ServiceName
	return pod
}
