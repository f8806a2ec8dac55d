package injection

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// systemNamespaces are those in which istiod never injects. Source: IgnoredNamespaces in
// istio.io/istio/pkg/kube/inject.
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease", "local-path-storage"}

// IsSystem says whether a namespace is one of those in which istiod never injects.
func IsSystem(namespace string) bool { return slices.Contains(systemNamespaces, namespace) }

// declinesAlways returns why istiod leaves the pod alone whatever its configuration, empty where it does not. Source:
// injectRequired in istio.io/istio/pkg/kube/inject.
func declinesAlways(pod proxy.Pod) string {
	if pod.HostNetwork {
		return "the pod uses the host's network"
	}
	if IsSystem(pod.Namespace) {
		return "istiod never injects into " + pod.Namespace
	}
	return ""
}

// declines returns why istiod leaves the pod alone under this configuration, empty where it injects. It returns false
// where that depends on the release, and the configuration does not tell which it is of.
func (c *Config) declines(pod proxy.Pod) (why string, known bool) {
	for i, r := range c.readings {
		other := c.declinesAs(r, pod)
		if i > 0 && (other == "") != (why == "") {
			return "", false
		}
		if i == 0 {
			why = other
		}
	}
	return why, true
}

// declinesAs returns why istiod leaves the pod alone if it reads the pod's wish in that way. Source: injectRequired in
// istio.io/istio/pkg/kube/inject.
func (c *Config) declinesAs(r reading, pod proxy.Pod) string {
	asked, by := r.wish(pod)
	if asked == "" {
		if matchesAny(c.never, pod.Labels) {
			asked, by = "false", "neverInjectSelector matches the pod"
		} else if matchesAny(c.always, pod.Labels) {
			asked = "true"
		}
	}
	switch {
	case c.policy != "enabled" && c.policy != "disabled":
		return fmt.Sprintf("the injector's policy is %q, which switches injection off", c.policy)
	case asked == "true":
		return ""
	case asked == "false":
		return by
	case c.policy == "disabled":
		return "the injector's policy is disabled"
	default:
		return ""
	}
}

func matchesAny(selectors []labels.Selector, set map[string]string) bool {
	return slices.ContainsFunc(selectors, func(s labels.Selector) bool { return s.Matches(labels.Set(set)) })
}
