package manifest

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// withoutServer takes out what the API server, the scheduler and network plugins have set.
func withoutServer(p *corev1.Pod) {
	p.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	p.Status = corev1.PodStatus{}
	removeAssigned(p)
	p.ObjectMeta = metav1.ObjectMeta{
		Namespace:       p.Namespace,
		Name:            p.Name,
		GenerateName:    p.GenerateName,
		Labels:          p.Labels,
		Annotations:     p.Annotations,
		OwnerReferences: p.OwnerReferences,
		Finalizers:      p.Finalizers,
	}
	removeToken(&p.Spec)
	removeDefaults(&p.Spec)
}

// assigned are the labels and annotations that come with the node and the address that a pod gets. Sources: the admission
// plugin PodTopologyLabels; Calico, Multus and OVN-Kubernetes, which would take a copied address for one that is held.
var assigned = []string{
	corev1.LabelTopologyZone, corev1.LabelTopologyRegion,
	"cni.projectcalico.org/containerID", "cni.projectcalico.org/podIP", "cni.projectcalico.org/podIPs",
	"k8s.v1.cni.cncf.io/network-status", "k8s.v1.cni.cncf.io/networks-status",
	"k8s.ovn.org/pod-networks",
}

func removeAssigned(p *corev1.Pod) {
	for _, key := range assigned {
		delete(p.Labels, key)
		delete(p.Annotations, key)
	}
	if len(p.Labels) == 0 {
		p.Labels = nil
	}
	if len(p.Annotations) == 0 {
		p.Annotations = nil
	}
}

// removeDefaults takes out what admission computes and, for some of it, refuses when it is set to anything else.
func removeDefaults(spec *corev1.PodSpec) {
	spec.NodeName = ""
	spec.EphemeralContainers = nil
	spec.Priority, spec.PreemptionPolicy, spec.Overhead = nil, nil, nil
	spec.DeprecatedServiceAccount = ""
	if spec.ServiceAccountName == "default" {
		spec.ServiceAccountName = ""
	}
	spec.Tolerations = slices.DeleteFunc(spec.Tolerations, isDefaultToleration)
}

// isDefaultToleration: source: the admission plugin DefaultTolerationSeconds.
func isDefaultToleration(t corev1.Toleration) bool {
	return (t.Key == corev1.TaintNodeNotReady || t.Key == corev1.TaintNodeUnreachable) &&
		t.Effect == corev1.TaintEffectNoExecute && t.Operator == corev1.TolerationOpExists &&
		t.TolerationSeconds != nil && *t.TolerationSeconds == 300
}

// Source: the admission plugin ServiceAccount. Before Kubernetes 1.21 the volume was the Secret of a token.
const (
	tokenVolume    = "kube-api-access-"
	tokenMountPath = "/var/run/secrets/kubernetes.io/serviceaccount"
	oldTokenVolume = "-token-"
)

// removeToken takes out the volume with the service account's token, and where it is mounted.
func removeToken(spec *corev1.PodSpec) {
	tokens := map[string]bool{}
	for _, v := range spec.Volumes {
		tokens[v.Name] = v.Projected != nil && strings.HasPrefix(v.Name, tokenVolume) ||
			v.Secret != nil && v.Secret.SecretName == v.Name && strings.HasPrefix(v.Name, spec.ServiceAccountName+oldTokenVolume)
	}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			containers[i].VolumeMounts = slices.DeleteFunc(containers[i].VolumeMounts, func(m corev1.VolumeMount) bool {
				return m.MountPath == tokenMountPath && (tokens[m.Name] || strings.HasPrefix(m.Name, tokenVolume))
			})
		}
	}
	spec.Volumes = slices.DeleteFunc(spec.Volumes, func(v corev1.Volume) bool { return tokens[v.Name] })
}
