package proxy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"istio.io/api/annotation"
	"istio.io/api/label"
)

// ContainerName is the name of the proxy's container in every injected pod and every gateway. Source:
// ProxyContainerName in istio.io/istio/pkg/kube/inject.
const ContainerName = "istio-proxy"

// AutoImage is the image by which a template asks the injector to fill in the proxy's. Source: AutoImage in
// istio.io/istio/pkg/kube/inject.
const AutoImage = "auto"

// What tells the other parts of the data plane. Source: the charts ztunnel and istio-cni, and constants in
// istio.io/istio/pkg/config/constants. Other networks' agents have containers called install-cni as well; the label's
// value is Istio's alone.
const (
	ztunnelApp       = "ztunnel"
	cniApp           = "istio-cni-node"
	cniContainerName = "install-cni"
	waypointManager  = "istio.io-mesh-controller"
	// oldGatewayName is the label with the Gateway's name in releases before istio.io/api exported one.
	oldGatewayName = "istio.io/gateway-name"
)

// Type is the role of a proxy.
type Type string

// The roles that a proxy can have. Ztunnel and the CNI agent are no proxies that anything injects, but part of the
// same data plane.
const (
	Sidecar  Type = "sidecar"
	Gateway  Type = "gateway"
	Waypoint Type = "waypoint"
	Ztunnel  Type = "ztunnel"
	CNI      Type = "cni"
)

// Container is the proxy's container in a pod.
type Container struct {
	// Image is the reference in the pod's spec.
	Image string
	// Native is true for a sidecar among the init containers, with restartPolicy Always.
	Native bool
}

// Pod is what the mesh needs to know of a pod: plain values, so that decisions about it need no API types.
type Pod struct {
	Namespace, Name, Node string
	// UID tells the pod from others of its name that came before or after it.
	UID types.UID
	// Created is when the pod was created.
	Created time.Time
	Phase   corev1.PodPhase
	Ready   bool
	// ReadySince is since when the pod is ready, zero where it is not, or does not say.
	ReadySince          time.Time
	Labels, Annotations map[string]string
	HostNetwork         bool
	// Terminating is true for a pod that has been deleted and is not gone yet.
	Terminating bool
	// Controller is the owner that manages the pod, nil for a bare pod.
	Controller *metav1.OwnerReference
	Type       Type
	// Container is the proxy's, nil where the pod has none.
	Container *Container
}

// IsDataPlane says whether a container of that name is one that FromPod looks for.
func IsDataPlane(container string) bool {
	return container == ContainerName || container == cniContainerName
}

// Reads says whether anything looks at a pod's annotation of that name: all that matter here are Istio's own.
func Reads(annotation string) bool { return strings.Contains(annotation, "istio.io/") }

// FromPod keeps of a pod what the mesh needs to know. The result shares the pod's labels and controller; of the annotations it
// has those that Reads is true for, in a map of its own, nil where there are none.
func FromPod(pod *corev1.Pod) Pod {
	p := Pod{
		Namespace:   pod.Namespace,
		Name:        pod.Name,
		Node:        pod.Spec.NodeName,
		UID:         pod.UID,
		Created:     pod.CreationTimestamp.Time,
		Phase:       pod.Status.Phase,
		Labels:      pod.Labels,
		Annotations: read(pod.Annotations),
		HostNetwork: pod.Spec.HostNetwork,
		Terminating: pod.DeletionTimestamp != nil,
		Controller:  metav1.GetControllerOfNoCopy(pod),
	}
	p.Ready, p.ReadySince = ready(pod.Status.Conditions)
	p.Type, p.Container = find(pod)
	return p
}

// read returns the annotations that anything looks at. The others can be large: kubectl leaves whole manifests there.
func read(annotations map[string]string) map[string]string {
	var kept map[string]string
	for name, value := range annotations {
		if Reads(name) {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[name] = value
		}
	}
	return kept
}

// ready says whether a pod is ready, and since when.
func ready(conditions []corev1.PodCondition) (bool, time.Time) {
	for _, c := range conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return true, c.LastTransitionTime.Time
		}
		if c.Type == corev1.PodReady {
			break
		}
	}
	return false, time.Time{}
}

// find looks through both container lists: native sidecars are init containers.
func find(pod *corev1.Pod) (Type, *Container) {
	if c := named(cniContainerName, pod.Spec.Containers); c != nil && pod.Labels["k8s-app"] == cniApp {
		return CNI, &Container{Image: c.Image}
	}
	if c := named(ContainerName, pod.Spec.Containers); c != nil {
		return role(pod, c), &Container{Image: c.Image}
	}
	if c := named(ContainerName, pod.Spec.InitContainers); c != nil {
		native := c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
		return role(pod, c), &Container{Image: c.Image, Native: native}
	}
	return role(pod, nil), nil
}

func named(name string, containers []corev1.Container) *corev1.Container {
	for i := range containers {
		if containers[i].Name == name {
			return &containers[i]
		}
	}
	return nil
}

func role(pod *corev1.Pod, c *corev1.Container) Type {
	switch manager := pod.Labels[label.GatewayManaged.Name]; {
	case manager == waypointManager:
		return Waypoint
	case manager != "":
		return Gateway
	}
	if c == nil {
		return Sidecar
	}
	if pod.Labels["app"] == ztunnelApp && pod.Annotations[annotation.SidecarStatus.Name] == "" {
		return Ztunnel
	}
	for _, arg := range c.Args {
		if arg == "router" {
			return Gateway
		}
	}
	return Sidecar
}

// Managed says whether istiod itself keeps the pod's Deployment, as it does for Gateway API gateways and
// waypoints.
func (p Pod) Managed() bool { return p.Labels[label.GatewayManaged.Name] != "" }

// GatewayName returns the name of the Gateway that a managed gateway belongs to.
func (p Pod) GatewayName() string {
	return cmp.Or(p.Labels[label.IoK8sNetworkingGatewayGatewayName.Name], p.Labels[oldGatewayName])
}

// Terminal says whether the pod has run to its end: it is Completed or Failed.
func (p Pod) Terminal() bool {
	return p.Phase == corev1.PodSucceeded || p.Phase == corev1.PodFailed
}

// HasProxy says whether a proxy is in the pod. A container that still asks for the `auto` image was never injected.
func (p Pod) HasProxy() bool { return p.Container != nil && p.Container.Image != AutoImage }

// InOwnTemplate says whether the proxy stands in the pod's own template: injection leaves an annotation on every pod that
// it changes, and this one has a proxy and no such annotation. The gateways of a plain `istioctl install` are so.
func (p Pod) InOwnTemplate() bool {
	_, injected := p.Annotations[annotation.SidecarStatus.Name]
	return p.HasProxy() && !injected
}

// injectionStatus is the part of the annotation sidecar.istio.io/status that is needed here. Source:
// SidecarInjectionStatus in istio.io/istio/pkg/kube/inject.
type injectionStatus struct {
	Revision string `json:"revision"`
}

// InjectionStatus reads the annotation that injection leaves on a pod. It returns false where the pod bears none,
// and an error that names the annotation where it is malformed.
func (p Pod) InjectionStatus() (revision string, injected bool, err error) {
	raw, ok := p.Annotations[annotation.SidecarStatus.Name]
	if !ok {
		return "", false, nil
	}
	status := injections.of(raw, parseInjectionStatus)
	return status.revision, status.err == nil, status.err
}

type parsedStatus struct {
	revision string
	err      error
}

var injections memo[parsedStatus]

func parseInjectionStatus(raw string) parsedStatus {
	var status injectionStatus
	if err := json.Unmarshal([]byte(raw), &status); err != nil {
		return parsedStatus{err: fmt.Errorf("annotation %s is malformed: %w", annotation.SidecarStatus.Name, err)}
	}
	return parsedStatus{revision: status.Revision}
}

// Revision returns the revision of the control plane that the pod's proxy belongs to, empty where the pod does not say,
// and for ztunnel and the CNI agent, which have none. Injection writes it into the annotation istio.io/rev and into
// sidecar.istio.io/status; both hold the revision, never the tag. Releases 1.6 to 1.10 wrote neither, but the label
// istio.io/rev; those before had no revisions. Source: createPatch in pkg/kube/inject/webhook.go, release-1.6 to 1.8 of
// istio/istio, and manifests/charts/istio-control/istio-discovery/files/injection-template.yaml, release-1.9 and 1.10.
func (p Pod) Revision() string {
	if !p.HasProxy() || p.Type == Ztunnel || p.Type == CNI {
		return ""
	}
	if rev := p.Annotations[annotation.IoIstioRev.Name]; rev != "" {
		return rev
	}
	rev, injected, err := p.InjectionStatus()
	if err != nil || !injected {
		return ""
	}
	return cmp.Or(rev, p.Labels[label.IoIstioRev.Name], "default")
}

// RevisionLabelMayBeInjected says whether the pod's label istio.io/rev may have been added by injection, and not be its
// template's: so it is on pods that were injected by releases 1.6 to 1.10, which wrote the revision nowhere else.
func (p Pod) RevisionLabelMayBeInjected() bool {
	_, labelled := p.Labels[label.IoIstioRev.Name]
	rev, injected, err := p.InjectionStatus()
	return labelled && injected && err == nil && rev == "" && p.Annotations[annotation.IoIstioRev.Name] == ""
}

// overrides is the shape of the annotation proxy.istio.io/overrides. Source: ParsedContainers in
// istio.io/istio/pkg/kube/inject.
type overrides struct {
	Containers     []corev1.Container `json:"containers"`
	InitContainers []corev1.Container `json:"initContainers"`
}

// OwnImage returns the image that the pod's own template gives its istio-proxy container, empty where it gives
// none. Injection replaces the container, but keeps what the template had in the annotation
// proxy.istio.io/overrides. The error says which annotation is malformed.
func (p Pod) OwnImage() (string, error) {
	_, injected, err := p.InjectionStatus()
	if err != nil && p.Container != nil {
		return "", err
	}
	if !injected {
		if p.Container == nil || p.Container.Image == AutoImage {
			return "", nil
		}
		return p.Container.Image, nil
	}
	raw, ok := p.Annotations[annotation.ProxyOverrides.Name]
	if !ok {
		return "", nil
	}
	var own overrides
	if err := json.Unmarshal([]byte(raw), &own); err != nil {
		return "", fmt.Errorf("annotation %s is malformed: %w", annotation.ProxyOverrides.Name, err)
	}
	for _, list := range [][]corev1.Container{own.Containers, own.InitContainers} {
		if c := named(ContainerName, list); c != nil && c.Image != AutoImage {
			return c.Image, nil
		}
	}
	return "", nil
}
