// Package injection decides what Istio's injection does to a pod: whether the API server sends it to an injector,
// whether istiod then declines, and which proxy image it puts in. It restates the rules of
// istio.io/istio/pkg/kube/inject over plain values; webhook selectors are evaluated as they stand.
package injection

import (
	"encoding/json"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	meshconfig "istio.io/api/mesh/v1alpha1"
)

// Names of the keys in Istio's ConfigMaps.
const (
	configKey = "config"
	valuesKey = "values"
	meshKey   = "mesh"
)

// defaultRootNamespace is the root namespace of a mesh configuration that names none. Source: DefaultMeshConfig in
// istio.io/istio/pkg/config/mesh.
const defaultRootNamespace = "istio-system"

// Config is one control plane's injection configuration.
type Config struct {
	policy           string
	never, always    []labels.Selector
	defaultTemplates []string
	aliases          map[string][]string
	templates        map[string]templateImage
	// single is true for the configuration of releases before 1.9, whose one template is kept under the name that
	// became its own later.
	single bool
	// readings are the ways in which the control plane may read a pod's own wish.
	readings []reading
	values   values
	// noWaypoints is true where the values show that ambient mode, without which istiod makes no waypoints, is off.
	noWaypoints bool
	// imageType is the mesh configuration's defaultConfig.image.imageType.
	imageType string
	// discovery selects the namespaces that the control plane reads from; none at all means all.
	discovery []labels.Selector
	// RootNamespace is the namespace whose ProxyConfig resources hold for the whole mesh.
	RootNamespace string
}

// values are the Helm values that an image is built from.
type values struct {
	hub, tag, variant, image string
}

// ConfigMapName returns the name of the ConfigMap that holds a revision's injection configuration. Source:
// getInjectorConfigMapName in istio.io/istio/pilot/pkg/bootstrap.
func ConfigMapName(revision string) string { return revisioned("istio-sidecar-injector", revision) }

// MeshConfigMapNames returns the names of the ConfigMaps that hold a revision's mesh configuration, the one that
// wins last. The shared one is the AKS add-on's, set by SHARED_MESH_CONFIG. Source: getMeshConfigMapName and
// toSources in istio.io/istio/pilot/pkg/bootstrap.
func MeshConfigMapNames(revision string) []string {
	return []string{revisioned("istio-shared-configmap", revision), revisioned("istio", revision)}
}

// IsConfigMap says whether a ConfigMap of that name can hold a control plane's configuration, of injection or of the mesh.
func IsConfigMap(name string) bool { return name == "istio" || strings.HasPrefix(name, "istio-") }

func revisioned(name, revision string) string {
	if revision == "" || revision == "default" {
		return name
	}
	return name + "-" + revision
}

// ParseConfig reads the data of an injector's ConfigMap, and of the mesh ConfigMaps that exist, the one that wins
// last. The error says which key cannot be read, and why.
func ParseConfig(injector map[string]string, mesh ...map[string]string) (Config, error) {
	config, err := parseInjector(injector[configKey])
	if err != nil {
		return Config{}, fmt.Errorf("key %q: %w", configKey, err)
	}
	if err := config.applyValues(injector[valuesKey]); err != nil {
		return Config{}, fmt.Errorf("key %q: %w", valuesKey, err)
	}
	config.RootNamespace = defaultRootNamespace
	for _, data := range mesh {
		if err := config.applyMesh(data[meshKey]); err != nil {
			return Config{}, fmt.Errorf("mesh configuration, key %q: %w", meshKey, err)
		}
	}
	return config, nil
}

// sidecarTemplate is the name of the template that is applied where nothing asks for another. Source:
// SidecarTemplateName in istio.io/istio/pkg/kube/inject.
const sidecarTemplate = "sidecar"

// injectorFile is the shape of the key `config`. Source: Config in istio.io/istio/pkg/kube/inject. Up to 1.8 it had one
// template; since 1.9 the charts fill that key with an error message for older istiods.
type injectorFile struct {
	Policy           string                 `json:"policy"`
	Template         string                 `json:"template"`
	DefaultTemplates []string               `json:"defaultTemplates"`
	Templates        map[string]string      `json:"templates"`
	Aliases          map[string][]string    `json:"aliases"`
	Never            []metav1.LabelSelector `json:"neverInjectSelector"`
	Always           []metav1.LabelSelector `json:"alwaysInjectSelector"`
}

func parseInjector(text string) (Config, error) {
	var file injectorFile
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return Config{}, err
	}
	config := Config{
		policy:           file.Policy,
		never:            usable(file.Never),
		always:           usable(file.Always),
		defaultTemplates: file.DefaultTemplates,
		aliases:          file.Aliases,
		templates:        make(map[string]templateImage, len(file.Templates)),
	}
	if len(config.defaultTemplates) == 0 {
		config.defaultTemplates = []string{sidecarTemplate}
	}
	for name, text := range file.Templates {
		config.templates[name] = imageOfTemplate(text)
	}
	if image := imageOfTemplate(file.Template); len(file.Templates) == 0 && image.kind != noImage {
		config.single = true
		config.templates[sidecarTemplate] = image
	}
	return config, nil
}

// usable drops what istiod ignores: selectors that cannot be parsed, and empty ones.
func usable(list []metav1.LabelSelector) []labels.Selector {
	var selectors []labels.Selector
	for i := range list {
		if s, err := metav1.LabelSelectorAsSelector(&list[i]); err == nil && !s.Empty() {
			selectors = append(selectors, s)
		}
	}
	return selectors
}

// valuesFile is the part of the Helm values that is needed here.
type valuesFile struct {
	Global struct {
		Hub     string `json:"hub"`
		Tag     any    `json:"tag"`
		Variant string `json:"variant"`
		Proxy   struct {
			Image string `json:"image"`
		} `json:"proxy"`
		// ResourceScope is in every chart since 1.28.
		ResourceScope *string `json:"resourceScope"`
	} `json:"global"`
	// Charts of older releases leave it out.
	Pilot *struct {
		Env map[string]any `json:"env"`
	} `json:"pilot"`
}

// applyValues reads the key `values`. Releases up to 1.1 have none, and a template that spells its image out needs none.
func (c *Config) applyValues(text string) error {
	var file valuesFile
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		return err
	}
	c.values = values{hub: file.Global.Hub, variant: file.Global.Variant, image: file.Global.Proxy.Image}
	if file.Global.Tag != nil {
		// Helm turns `tag: 1.22` into a number; istiod formats it this way, so the same digits come out.
		c.values.tag = fmt.Sprintf("%v", file.Global.Tag)
	}
	missing := c.values.hub == "" && c.values.tag == "" && c.values.image == ""
	if missing && (!c.single || c.templates[sidecarTemplate].needsValues()) {
		return fmt.Errorf("global.hub, global.tag and global.proxy.image are all missing")
	}
	if file.Pilot != nil {
		on := func(name string) bool { return fmt.Sprint(file.Pilot.Env[name]) == "true" }
		c.noWaypoints = !on("PILOT_ENABLE_AMBIENT") && !on("PILOT_ENABLE_AMBIENT_WAYPOINTS")
	}
	c.readings = c.possibleReadings(file.Global.ResourceScope != nil)
	return nil
}

func (c *Config) applyMesh(text string) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return err
	}
	mesh := &meshconfig.MeshConfig{}
	if err := json.Unmarshal(raw, mesh); err != nil {
		return err
	}
	if t := mesh.GetDefaultConfig().GetImage().GetImageType(); t != "" {
		c.imageType = t
	}
	if ns := mesh.GetRootNamespace(); ns != "" {
		c.RootNamespace = ns
	}
	if selectors := mesh.GetDiscoverySelectors(); len(selectors) > 0 {
		c.discovery, err = discoverySelectors(selectors)
	}
	return err
}

func discoverySelectors(list []*meshconfig.LabelSelector) ([]labels.Selector, error) {
	var selectors []labels.Selector
	for _, s := range list {
		selector := &metav1.LabelSelector{MatchLabels: s.GetMatchLabels()}
		for _, e := range s.GetMatchExpressions() {
			selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{
				Key: e.GetKey(), Operator: metav1.LabelSelectorOperator(e.GetOperator()), Values: e.GetValues(),
			})
		}
		parsed, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil {
			return nil, fmt.Errorf("discoverySelectors: %w", err)
		}
		selectors = append(selectors, parsed)
	}
	return selectors, nil
}

// discovers says whether the control plane reads from a namespace with those labels. Source:
// discoveryNamespacesFilter in istio.io/istio/pkg/kube/namespace.
func (c *Config) discovers(namespace map[string]string) bool {
	return len(c.discovery) == 0 || matchesAny(c.discovery, namespace)
}

// Selective says whether the control plane reads from some namespaces only.
func (c *Config) Selective() bool { return len(c.discovery) > 0 }

// parseProxyConfig reads the annotation proxy.istio.io/config as istiod does, and returns the image type it sets,
// empty where it sets none.
func parseProxyConfig(text string) (imageType string, err error) {
	raw, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		return "", err
	}
	config := &meshconfig.ProxyConfig{}
	if err := json.Unmarshal(raw, config); err != nil {
		return "", err
	}
	return config.GetImage().GetImageType(), nil
}

// DefaultImage returns the image of a sidecar for which nothing asks for another, empty where the template does not tell.
func (c *Config) DefaultImage() string {
	computed := c.values.proxyImage(c.imageType, nil)
	template, ok := c.templates[sidecarTemplate]
	switch {
	case c.single && template.kind == opaqueImage:
		return ""
	case ok && (c.single || template.kind == hubImage):
		return template.of(c.values, computed, nil)
	}
	return c.values.stockImage(computed, nil)
}
