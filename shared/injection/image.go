package injection

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"istio.io/api/annotation"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// proxyImage computes the image that templates know as `.ProxyImage`. Source: ProxyImage and proxyImageURL in
// istio.io/istio/pkg/kube/inject.
func (v values) proxyImage(imageType string, annotations map[string]string) string {
	imageType = cmp.Or(imageType, v.variant)
	if t, ok := annotations[annotation.SidecarProxyImageType.Name]; ok {
		imageType = t
	}
	return v.hub + "/" + cmp.Or(v.image, "proxyv2") + ":" + withImageType(v.tag, imageType)
}

// withImageType puts an image type into a tag, in place of the one that it may bear. Source:
// updateImageTypeIfPresent in istio.io/istio/pkg/kube/inject.
func withImageType(tag, imageType string) string {
	if imageType == "" {
		return tag
	}
	for _, known := range []string{"distroless", "debug"} {
		if rest, ok := strings.CutSuffix(tag, "-"+known); ok {
			tag = rest
			break
		}
	}
	if imageType == "default" {
		return tag
	}
	return tag + "-" + imageType
}

// stockImage chooses as Istio's own templates do: an image that is given whole, by annotation or in the values, counts
// only with a "/" in it.
func (v values) stockImage(computed string, annotations map[string]string) string {
	whole := v.image
	if a, ok := annotations[annotation.SidecarProxyImage.Name]; ok {
		whole = a
	}
	if strings.Contains(whole, "/") {
		return whole
	}
	return computed
}

// plainImage puts the image together as templates up to 1.11 did: from these three alone.
func (v values) plainImage(hub string) string { return hub + "/" + v.image + ":" + v.tag }

// ProxyConfig is what a ProxyConfig resource says about images.
type ProxyConfig struct {
	Namespace, Name string
	Created         time.Time
	// Revision is the value of the label istio.io/rev, nil without one: other revisions disregard the resource.
	Revision *string
	// Selector is the labels that a pod must bear; an empty one covers the namespace, or the mesh.
	Selector  map[string]string
	ImageType string
}

// ProxyConfigs are the ProxyConfig resources of a cluster, oldest first: where several apply, the oldest counts.
type ProxyConfigs struct {
	list []ProxyConfig
	// gaps says, by namespace, why those of a namespace are not known; "" stands for all.
	gaps map[string]string
}

// NewProxyConfigs puts ProxyConfig resources into the order in which istiod regards them. Source:
// sortConfigByCreationTime in istio.io/istio/pilot/pkg/model.
func NewProxyConfigs(list []ProxyConfig) ProxyConfigs {
	slices.SortFunc(list, func(a, b ProxyConfig) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
	return ProxyConfigs{list: list}
}

// Lacking returns the resources with the reasons, by namespace, why those of some namespaces could not be read.
func (c ProxyConfigs) Lacking(gaps map[string]string) ProxyConfigs {
	c.gaps = gaps
	return c
}

// scope is the part of the cluster's ProxyConfig resources that one control plane regards.
type scope struct {
	configs ProxyConfigs
	config  *Config
	owner   revision.ControlPlane
	// namespaces holds the labels of every namespace that is known.
	namespaces map[string]map[string]string
}

func (m *Mesh) scope(owner revision.ControlPlane, config *Config) scope {
	return scope{configs: m.ProxyConfigs, config: config, owner: owner, namespaces: m.Namespaces}
}

// regards says whether the control plane reads a ProxyConfig: not one that is labelled for another revision (a tag does
// not count there), nor one in a namespace that its discovery selectors leave out. Source: LabelsInRevision in
// istio.io/istio/pkg/config and the filters of istio.io/istio/pilot/pkg/config/kube/crdclient.
func (s scope) regards(c *ProxyConfig) bool {
	return (c.Revision == nil || *c.Revision == s.owner.Revision) && s.config.discovers(s.namespaces[c.Namespace])
}

// imageType returns the image type of the proxy configuration that holds for a pod with those labels in the namespace,
// empty where none sets one. From weakest to strongest: the mesh configuration, a ProxyConfig for the mesh, one for
// the namespace, the pod's annotation, one that selects the pod. Source: EffectiveProxyConfig in
// istio.io/istio/pilot/pkg/model.
func (s scope) imageType(namespace string, set map[string]string, annotated string) (string, error) {
	for _, unread := range []string{"", namespace, s.config.RootNamespace} {
		if gap := s.configs.gaps[unread]; gap != "" {
			return "", errors.New(gap)
		}
	}
	all := func(c *ProxyConfig) bool { return len(c.Selector) == 0 }
	selecting := func(c *ProxyConfig) bool {
		return len(c.Selector) > 0 && labels.SelectorFromSet(c.Selector).Matches(labels.Set(set))
	}
	imageType := cmp.Or(s.first(s.config.RootNamespace, all), s.config.imageType)
	if namespace != s.config.RootNamespace {
		imageType = cmp.Or(s.first(namespace, all), imageType)
	}
	return cmp.Or(s.first(namespace, selecting), annotated, imageType), nil
}

// first returns the image type of the namespace's oldest ProxyConfig that matches: where several do, it alone counts.
func (s scope) first(namespace string, matches func(*ProxyConfig) bool) string {
	for i := range s.configs.list {
		c := &s.configs.list[i]
		if c.Namespace == namespace && matches(c) && s.regards(c) {
			return c.ImageType
		}
	}
	return ""
}

// annotatedImageType returns the image type that the annotation proxy.istio.io/config sets, empty where it sets none.
// The error says that the annotation is malformed: istiod refuses such a pod.
func annotatedImageType(annotations map[string]string) (string, error) {
	text, ok := annotations[annotation.ProxyConfig.Name]
	if !ok {
		return "", nil
	}
	imageType, err := parseProxyConfig(text)
	if err != nil {
		return "", fmt.Errorf("annotation %s is malformed: %w", annotation.ProxyConfig.Name, err)
	}
	return imageType, nil
}
