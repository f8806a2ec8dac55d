package injection

import (
	"cmp"
	"fmt"
	"slices"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Gateway is what istiod reads from a Gateway of the Gateway API when it writes that gateway's Deployment.
type Gateway struct {
	Labels, Annotations map[string]string
	// Class is the name of the Gateway's class.
	Class string
	// Addresses is true where the Gateway names addresses by which istiod takes it to be deployed by hand.
	Addresses bool
	// Parameters is true where the Gateway refers to a ConfigMap that istiod lays over the Deployment.
	Parameters bool
}

// Claims is what decides which control plane manages a Gateway.
type Claims struct {
	// TagServices are the Services `istiod-revision-tag-TAG`.
	TagServices []TagService
	// DefaultValidator is the revision that the default validating webhook belongs to, empty where there is none.
	DefaultValidator string
	// Gateways are the cluster's Gateways by "namespace/name".
	Gateways map[string]Gateway
	// ClassDefaults holds, by ClassKey, the classes for which Istio's namespace has a ConfigMap that istiod lays over the
	// Deployments.
	ClassDefaults map[string]bool
	// Gap says what of all this could not be read, empty where nothing is missing.
	Gap string
	// GatewayGaps says, by namespace, why Gateways could not be read; "" stands for all namespaces.
	GatewayGaps map[string]string
	// ValidatorGap says why DefaultValidator is not known, empty where it is.
	ValidatorGap string
}

// TagService is a Service that makes a control plane claim a tag's gateways.
type TagService struct {
	Tag   string
	Owner revision.ControlPlane
}

// defaultTagConfiguration is the name by which istiod knows that a default tag exists. Source: pkg/revisions in
// istio.io/istio, which looks for this very name.
const defaultTagConfiguration = "istio-revision-tag-default"

// eastWestManager is the value of the label gateway.istio.io/managed on ambient mode's east-west gateways, which are
// made from the waypoint's template. Source: GetClassInfos in istio.io/istio/pilot/pkg/config/kube/gatewaycommon.
const eastWestManager = "istio.io-eastwest-controller"

// DecideManaged says what istiod would have a managed gateway or waypoint run now. Such pods are not injected: istiod
// writes their Deployment, and the Gateway's revision decides which istiod does. Source: configureIstioGateway in
// istio.io/istio/pilot/pkg/config/kube and IsMine in istio.io/istio/pkg/revisions.
func (m *Mesh) DecideManaged(pod proxy.Pod, namespace map[string]string) Decision {
	if pod.Container == nil {
		return Decision{Reason: "managed by istiod, but runs no " + proxy.ContainerName + " container"}
	}
	name := GatewayKey(pod.Namespace, pod.GatewayName())
	d := Decision{Reason: "Gateway " + name}
	if gap := cmp.Or(m.Claims.Gap, m.Claims.GatewayGaps[""], m.Claims.GatewayGaps[pod.Namespace]); gap != "" {
		return d.unknown(gap)
	}
	gateway, ok := m.Claims.Gateways[name]
	if !ok {
		d.Reason += " no longer exists"
		return d
	}
	selected, because := gatewayRevision(gateway, namespace)
	d.Reason += " (" + because + ")"
	if gateway.Addresses {
		return d.leftAlone(pod, "istiod leaves a Gateway with such addresses alone")
	}
	claimants := m.claimants(selected, namespace)
	if m.Claims.ValidatorGap != "" && selected == "" && !m.defaultTagExists() && len(claimants) < len(revision.Installed(m.Injectors)) {
		return d.unknown(m.Claims.ValidatorGap)
	}
	switch len(claimants) {
	case 0:
		d.Dangling = selected != "" && !m.named(selected)
		return d.leftAlone(pod, "no control plane with an injector claims it")
	case 1:
		d.Owner = claimants[0]
	default:
		return d.unknown(fmt.Sprintf("control planes %s and %s both claim it", claimants[0].Revision, claimants[1].Revision))
	}
	// Without a label it is the default tag that led here, if there is one: an installation without revisions, or the
	// default validator, claims such gateways as well.
	if tag := cmp.Or(selected, revision.Default); tag != d.Owner.Revision && slices.Contains(m.tagsOf(d.Owner), tag) {
		d.Tag = tag
		d.Reason += " -> tag " + tag
	}
	d.Reason += " -> revision " + d.Owner.Revision
	return m.managedImage(d, pod, gateway)
}

// gatewayRevision returns the value that selects the control plane, and where it stands.
func gatewayRevision(gateway Gateway, namespace map[string]string) (selected, because string) {
	if v, ok := gateway.Labels[label.IoIstioRev.Name]; ok {
		return v, "its label " + revision.LabelText(label.IoIstioRev.Name, v)
	}
	if v, ok := namespace[label.IoIstioRev.Name]; ok {
		return v, "namespace label " + revision.LabelText(label.IoIstioRev.Name, v)
	}
	return "", "no label " + label.IoIstioRev.Name
}

// leftAlone is the decision for a gateway that no control plane manages, for the reason given: its Deployment stays as it
// is.
func (d Decision) leftAlone(pod proxy.Pod, why string) Decision {
	d.Outcome = Templated
	d.Owner.Revision = pod.Revision()
	d.Image = pod.Container.Image
	d.Reason += ": " + why + ", so its Deployment stays as it is"
	return d
}

func (m *Mesh) managedImage(d Decision, pod proxy.Pod, gateway Gateway) Decision {
	config, ok := m.Configs[d.Owner]
	if !ok {
		return d.unknown(m.ConfigGaps[d.Owner])
	}
	// istiod looks ProxyConfigs up by this one label, not by the pod's.
	byName := map[string]string{label.IoK8sNetworkingGatewayGatewayName.Name: pod.GatewayName()}
	imageType, err := m.scope(d.Owner, &config).imageType(pod.Namespace, byName, "")
	if err != nil {
		return d.unknown(err.Error())
	}
	template := "kube-gateway"
	if pod.Type == proxy.Waypoint || pod.Labels[label.GatewayManaged.Name] == eastWestManager {
		template = "waypoint"
	}
	if config.templates[template].kind != stockImage {
		return d.unknown(fmt.Sprintf("template %q computes the image in a way of its own", template))
	}
	computed := config.values.proxyImage(imageType, gateway.Annotations)
	d.Image = config.values.stockImage(computed, gateway.Annotations)
	// Where what runs is something else, it matters what is not read here.
	if template == "waypoint" && config.noWaypoints && (d.Image != pod.Container.Image || d.Owner.Revision != pod.Revision()) {
		return d.unknown("that control plane may make no waypoints: its values do not set PILOT_ENABLE_AMBIENT")
	}
	if d.Image != pod.Container.Image {
		if gateway.Parameters {
			return d.unknown("its parametersRef can replace the image")
		}
		if m.Claims.ClassDefaults[ClassKey(d.Owner.Namespace, gateway.Class)] {
			return d.unknown("the defaults of class " + gateway.Class + " can replace the image")
		}
	}
	d.Outcome = Templated
	return d
}

// claimants returns the control planes that manage a Gateway, in a namespace with those labels, whose revision label has
// the value, empty where it has none.
func (m *Mesh) claimants(selected string, namespace map[string]string) []revision.ControlPlane {
	var claimants []revision.ControlPlane
	for _, owner := range revision.Installed(m.Injectors) {
		if config, ok := m.Configs[owner]; ok && !config.discovers(namespace) {
			continue
		}
		tags := m.tagsOf(owner)
		mine := slices.Contains(tags, selected)
		if selected == "" {
			isDefault := m.Claims.DefaultValidator == owner.Revision && !m.defaultTagExists()
			mine = slices.Contains(tags, revision.Default) || isDefault
		}
		if mine {
			claimants = append(claimants, owner)
		}
	}
	return claimants
}

func (m *Mesh) defaultTagExists() bool {
	return slices.ContainsFunc(m.Injectors, func(i revision.Injector) bool { return i.Name == defaultTagConfiguration })
}

// named says whether some control plane goes by that revision or tag, whether or not it manages the Gateway.
func (m *Mesh) named(selected string) bool {
	return slices.ContainsFunc(revision.Installed(m.Injectors), func(owner revision.ControlPlane) bool {
		return slices.Contains(m.tagsOf(owner), selected)
	})
}

// tagsOf returns everything by which a control plane may be named: its revision and all its tags, whether a webhook
// configuration or a Service makes them.
func (m *Mesh) tagsOf(owner revision.ControlPlane) []string {
	tags := []string{owner.Revision}
	for _, i := range m.Injectors {
		if i.Tag != "" && i.Owner.Revision == owner.Revision {
			tags = append(tags, i.Tag)
		}
	}
	for _, s := range m.Claims.TagServices {
		if s.Owner == owner {
			tags = append(tags, s.Tag)
		}
	}
	return tags
}

// DecideFromTemplate says what a pod of a DaemonSet that is part of the data plane (ztunnel, the CNI agent) would run:
// what the DaemonSet's template has.
func DecideFromTemplate(workload, image string) Decision {
	return Decision{Outcome: Templated, Image: image, Reason: "template of " + workload}
}

// UnknownDecision is the decision about a pod for which something that decides could not be read.
func UnknownDecision(missing string) Decision { return Decision{Outcome: Unknown, Reason: missing} }

// GatewayKey is the key of a Gateway in Claims.Gateways.
func GatewayKey(namespace, name string) string { return namespace + "/" + name }

// ClassKey is the key of a Gateway class in Claims.ClassDefaults, for the control plane in that Istio namespace.
func ClassKey(istioNamespace, class string) string { return istioNamespace + "/" + class }
