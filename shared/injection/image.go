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

// ProxyConfig is what a ProxyConfig resource says about images.
type ProxyConfig struct {
	Namespace, Name string
	Created         time.Time
	// Selector is the labels that a pod must bear; an empty one covers the namespace, or the mesh.
	Selector  map[string]string
	ImageType string
}

// ProxyConfigs are the ProxyConfig resources of a cluster, oldest first: where several apply, the oldest counts.
type ProxyConfigs struct {
	list []ProxyConfig
	gap  string
}

// NewProxyConfigs puts ProxyConfig resources into the order in which istiod regards them. Source:
// sortConfigByCreationTime in istio.io/istio/pilot/pkg/model.
func NewProxyConfigs(list []ProxyConfig) ProxyConfigs {
	slices.SortFunc(list, func(a, b ProxyConfig) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
	return ProxyConfigs{list: list}
}

// UnknownProxyConfigs stands for ProxyConfig resources that could not be read, for the reason given.
func UnknownProxyConfigs(reason string) ProxyConfigs { return ProxyConfigs{gap: reason} }

// imageType returns the image type of the proxy configuration that holds for a pod with those labels in the namespace,
// empty where none sets one. From weakest to strongest: the mesh configuration, a ProxyConfig for the mesh, one for
// the namespace, the pod's annotation, one that selects the pod. Source: EffectiveProxyConfig in
// istio.io/istio/pilot/pkg/model.
func (p ProxyConfigs) imageType(namespace string, set map[string]string, annotated string, config *Config) (string, error) {
	if p.gap != "" {
		return "", errors.New(p.gap)
	}
	imageType := cmp.Or(p.unselective(config.RootNamespace), config.imageType)
	if namespace != config.RootNamespace {
		imageType = cmp.Or(p.unselective(namespace), imageType)
	}
	return cmp.Or(p.selecting(namespace, set), annotated, imageType), nil
}

// unselective returns the image type of the first ProxyConfig of the namespace without a selector.
func (p ProxyConfigs) unselective(namespace string) string {
	for _, c := range p.list {
		if c.Namespace == namespace && len(c.Selector) == 0 {
			return c.ImageType
		}
	}
	return ""
}

// selecting returns the image type of the first ProxyConfig of the namespace whose selector the labels satisfy.
func (p ProxyConfigs) selecting(namespace string, set map[string]string) string {
	for _, c := range p.list {
		if c.Namespace == namespace && len(c.Selector) > 0 && labels.SelectorFromSet(c.Selector).Matches(labels.Set(set)) {
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
