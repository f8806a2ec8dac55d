package injection

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"istio.io/api/annotation"
	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// systemNamespaces are those in which istiod never injects. Source: IgnoredNamespaces in
// istio.io/istio/pkg/kube/inject.
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

// declinesAlways returns why istiod leaves the pod alone whatever its configuration, empty where it does not. Source:
// injectRequired in istio.io/istio/pkg/kube/inject.
func declinesAlways(pod proxy.Pod) string {
	if pod.HostNetwork {
		return "the pod uses the host's network"
	}
	if slices.Contains(systemNamespaces, pod.Namespace) {
		return "istiod never injects into " + pod.Namespace
	}
	return ""
}

// declines returns why istiod leaves the pod alone under this configuration, empty where it injects. Source:
// injectRequired in istio.io/istio/pkg/kube/inject.
func (c *Config) declines(pod proxy.Pod) string {
	asked, by := askedFor(pod)
	if asked == "" {
		if matchesAny(c.never, pod.Labels) {
			asked, by = "false", "neverInjectSelector"
		} else if matchesAny(c.always, pod.Labels) {
			asked, by = "true", "alwaysInjectSelector"
		}
	}
	switch {
	case c.policy != "enabled" && c.policy != "disabled":
		return fmt.Sprintf("the injector's policy is %q, which switches injection off", c.policy)
	case asked == "true":
		return ""
	case asked == "false" && by == "neverInjectSelector":
		return "neverInjectSelector matches the pod"
	case asked == "false":
		return by + "=false"
	case c.policy == "disabled":
		return "the injector's policy is disabled"
	default:
		return ""
	}
}

// askedFor returns "true" or "false" where the pod's label or, without one, its annotation sidecar.istio.io/inject
// says so, and which of the two it was.
func askedFor(pod proxy.Pod) (value, by string) {
	value, by = pod.Annotations[annotation.SidecarInject.Name], "annotation "+annotation.SidecarInject.Name
	if v, ok := pod.Labels[label.SidecarInject.Name]; ok {
		value, by = v, "pod label "+label.SidecarInject.Name
	}
	if value != "true" && value != "false" {
		return "", ""
	}
	return value, by
}

func matchesAny(selectors []labels.Selector, set map[string]string) bool {
	return slices.ContainsFunc(selectors, func(s labels.Selector) bool { return s.Matches(labels.Set(set)) })
}
