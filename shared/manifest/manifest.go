// Package manifest finds, from a pod that runs, the manifest that it was created from: without what injection added and
// without what the API server, the scheduler and the network plugins did.
package manifest

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"istio.io/api/annotation"
)

// Of returns what the pod was before it was injected and before the API server and the scheduler filled it in. The
// result can be created again under the pod's name, and is injected as a new pod is. It shares nothing with the pod.
// What injection adds is known from istio.io/istio/pkg/kube/inject and its templates.
//
// Some things stay, because nobody can tell them from the user's own, and a new injection, or the server, sets them
// again all the same: annotations of the injector's `injectedAnnotations` and of the CNI (traffic.sidecar.istio.io/*), the
// label topology.istio.io/network, the sysctls of gateways, values that the API server fills in where a manifest has
// none, and what LimitRanges, ServiceAccounts (imagePullSecrets) and other webhooks added. Ports of probes that
// injection rewrote are numbers, where they may have been names. A node that the manifest itself named is lost.
//
// The error says which annotation, or which variable of the proxy, is malformed.
func Of(pod *corev1.Pod) (*corev1.Pod, error) {
	p := pod.DeepCopy()
	if err := withoutInjection(p); err != nil {
		return nil, fmt.Errorf("finding the manifest of pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	withoutServer(p)
	return p, nil
}

// added is what an injection says that it added, by name. Source: SidecarInjectionStatus in
// istio.io/istio/pkg/kube/inject.
type added struct {
	Containers       []string `json:"containers"`
	InitContainers   []string `json:"initContainers"`
	Volumes          []string `json:"volumes"`
	ImagePullSecrets []string `json:"imagePullSecrets"`
}

// overrides is what the pod had by the same names before. Source: ParsedContainers in istio.io/istio/pkg/kube/inject.
type overrides struct {
	Containers     []corev1.Container `json:"containers"`
	InitContainers []corev1.Container `json:"initContainers"`
}

// withoutInjection reverses an injection. A pod that bears no status was not injected, and stays as it is.
func withoutInjection(p *corev1.Pod) error {
	if _, injected := p.Annotations[annotation.SidecarStatus.Name]; !injected {
		return nil
	}
	var status added
	var own overrides
	if err := read(p.Annotations, annotation.SidecarStatus.Name, &status); err != nil {
		return err
	}
	if err := read(p.Annotations, annotation.ProxyOverrides.Name, &own); err != nil {
		return err
	}
	// What the proxy was told is needed before the proxy goes.
	told := proxyEnvironment(p)
	if err := restoreProbes(p, told); err != nil {
		return err
	}
	if err := restorePrometheus(p.Annotations, told); err != nil {
		return err
	}
	removeLabels(p, told)
	restoreContainers(&p.Spec, status, own)
	removeVolumes(&p.Spec, status.Volumes)
	removePullSecrets(&p.Spec, status.ImagePullSecrets)
	removeAnnotations(p)
	return nil
}

// read reads an annotation of JSON; one that is not there leaves the value as it is.
func read(annotations map[string]string, name string, into any) error {
	raw, ok := annotations[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal([]byte(raw), into); err != nil {
		return fmt.Errorf("annotation %s is malformed: %w", name, err)
	}
	return nil
}
