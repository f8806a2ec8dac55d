package injection

import (
	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// unselected says why no injector is called for the pod.
func (m *Mesh) unselected(pod proxy.Pod, namespace map[string]string) Decision {
	injection, hasInjection := namespace[namespaceInjection]
	nsRev, hasNSRev := namespace[label.IoIstioRev.Name]
	podRev, hasPodRev := pod.Labels[label.IoIstioRev.Name]
	switch asked := pod.Labels[label.SidecarInject.Name]; {
	case asked == "false":
		return Decision{Reason: "pod label " + label.SidecarInject.Name + "=false"}
	case hasInjection && injection != "enabled":
		return Decision{Reason: "namespace label " + revision.LabelText(namespaceInjection, injection)}
	case hasInjection:
		return m.noDefault("namespace", namespaceInjection, injection)
	case hasNSRev:
		return m.dangling("namespace", nsRev)
	case hasPodRev:
		return m.dangling("pod", podRev)
	case asked == "true":
		return m.noDefault("pod", label.SidecarInject.Name, asked)
	default:
		return Decision{Reason: "no injection label"}
	}
}

func (m *Mesh) dangling(whose, value string) Decision {
	reason := whose + " label " + revision.LabelText(label.IoIstioRev.Name, value)
	if revision.Names(m.Injectors, label.IoIstioRev.Name, value) {
		return Decision{Reason: reason + " selects no injector for this pod"}
	}
	return Decision{Dangling: true, ByNamespace: whose == "namespace", Reason: reason + " names no revision or tag"}
}

// noDefault is the decision about a pod that asks for the default revision and does not get it.
func (m *Mesh) noDefault(whose, key, value string) Decision {
	reason := whose + " label " + revision.LabelText(key, value)
	if revision.Names(m.Injectors, key, value) {
		return Decision{Reason: reason + " selects no injector for this pod"}
	}
	return Decision{Dangling: true, Reason: reason + ", but there is no default revision or tag"}
}

// namespaceInjection is the label by which a namespace follows the default revision. istio.io/api does not export it.
const namespaceInjection = "istio-injection"
