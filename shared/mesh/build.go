package mesh

import (
	"fmt"
	"maps"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Mesh returns what the objects say about injection now; changing them later does not change it. istioNamespace holds
// the configuration of control planes that are called by URL, which does not tell; empty where the user has not said.
func (o *Objects) Mesh(istioNamespace string) *Mesh {
	injectors := o.injectors()
	m := &Mesh{
		namespaces:    maps.Clone(o.namespaces),
		terminating:   maps.Clone(o.terminating),
		injectorsGap:  o.gapOf(Webhooks, key{}),
		namespacesGap: o.gapOf(Namespaces, key{}),
		gaps:          o.distinctGaps(),
	}
	m.injection = injection.Mesh{
		Injectors:    injectors,
		Configs:      map[revision.ControlPlane]injection.Config{},
		ConfigGaps:   map[revision.ControlPlane]string{},
		ProxyConfigs: injection.NewProxyConfigs(slices.Collect(maps.Values(o.proxyConfigs))).Lacking(o.gapTexts(ProxyConfigs)),
		Namespaces:   m.namespaces,
		Claims:       o.claims(),
	}
	for _, i := range injectors {
		o.configure(&m.injection, i.Owner, i.Name, istioNamespace)
	}
	return m
}

func (o *Objects) injectors() []revision.Injector {
	return revision.Injectors(slices.Collect[admissionv1.MutatingWebhookConfiguration](maps.Values(o.webhooks)))
}

// distinctGaps returns the gaps in the order of the parts. Those of single objects count as one.
func (o *Objects) distinctGaps() []cluster.Gap {
	var gaps []cluster.Gap
	for _, part := range Parts() {
		ofObjects := false
		for _, g := range o.gaps {
			single := g.object != key{}
			if g.part == part && !g.quiet && !(single && ofObjects) {
				gaps = append(gaps, g.Gap)
				ofObjects = ofObjects || single
			}
		}
	}
	return gaps
}

// IstioNamespaces returns those in which the control planes are that injectors call, and the one that was named for
// control planes that are called by URL, empty for none.
func (o *Objects) IstioNamespaces(named string) []string {
	namespaces := istioNamespaces(o.injectors())
	if named != "" && !slices.Contains(namespaces, named) {
		namespaces = append(namespaces, named)
	}
	return namespaces
}

// gapOf returns the gap that leaves an object unread, nil where there is none.
func (o *Objects) gapOf(part Part, object key) *cluster.Gap {
	for i := range o.gaps {
		g := &o.gaps[i]
		switch {
		case g.part != part || g.object != key{} && g.object != object:
		case len(g.Namespaces) == 0 || slices.Contains(g.Namespaces, object.namespace):
			return &g.Gap
		}
	}
	return nil
}

// gapTexts returns why objects of a part are missing, by namespace; "" stands for all.
func (o *Objects) gapTexts(part Part) map[string]string {
	texts := map[string]string{}
	for _, g := range o.gaps {
		if g.part != part || g.object != (key{}) {
			continue
		}
		if len(g.Namespaces) == 0 {
			texts[""] = g.Error()
		}
		for _, namespace := range g.Namespaces {
			texts[namespace] = g.Error()
		}
	}
	return texts
}

// configure fills in one control plane's configuration, or in words why it cannot be told. Where two injectors call it,
// the first that tells counts.
func (o *Objects) configure(m *injection.Mesh, owner revision.ControlPlane, webhooks, istioNamespace string) {
	if _, done := m.Configs[owner]; done || m.ConfigGaps[owner] != "" {
		return
	}
	namespace := owner.Namespace
	if namespace == "" {
		namespace = istioNamespace
	}
	if namespace == "" {
		m.ConfigGaps[owner] = fmt.Sprintf("webhook configuration %s calls a URL, so its control plane's configuration "+
			"is hidden; if it is in this cluster, name its namespace with --istio-namespace", webhooks)
		return
	}
	config, gap := o.config(namespace, owner.Revision)
	if gap == "" {
		m.Configs[owner] = config
	} else {
		m.ConfigGaps[owner] = gap
	}
}

// config returns the configuration of the revision whose control plane is in that namespace.
func (o *Objects) config(namespace, name string) (config injection.Config, gap string) {
	id := key{namespace, injection.ConfigMapName(name)}
	injector, gap := o.data(id)
	if gap != "" {
		return config, gap
	}
	if injector == nil {
		return config, fmt.Sprintf("ConfigMap %s/%s does not exist", id.namespace, id.name)
	}
	var meshes []map[string]string
	for _, meshName := range injection.MeshConfigMapNames(name) {
		data, gap := o.data(key{namespace, meshName})
		if gap != "" {
			return config, gap
		}
		if data != nil {
			meshes = append(meshes, data)
		}
	}
	config, err := injection.ParseConfig(injector, meshes...)
	if err != nil {
		return config, fmt.Sprintf("ConfigMap %s/%s: %v", id.namespace, id.name, err)
	}
	return config, ""
}

// data returns what a ConfigMap holds, nil where there is none, or in words why it could not be read.
func (o *Objects) data(id key) (data map[string]string, gap string) {
	if cm, ok := o.configMaps[id]; ok {
		return cm.data, ""
	}
	if g := o.gapOf(ConfigMaps, id); g != nil {
		return nil, g.Error()
	}
	return nil, ""
}

func (o *Objects) claims() injection.Claims {
	claims := injection.Claims{
		DefaultValidator: o.validator,
		TagServices:      slices.Collect(maps.Values(o.tagServices)),
		Gateways:         map[string]injection.Gateway{},
		ClassDefaults:    map[string]bool{},
		GatewayGaps:      o.gapTexts(Gateways),
	}
	for id, g := range o.gateways {
		claims.Gateways[injection.GatewayKey(id.namespace, id.name)] = g
	}
	for id, cm := range o.configMaps {
		if cm.isDefault {
			claims.ClassDefaults[injection.ClassKey(id.namespace, cm.class)] = true
		}
	}
	if g := o.gapOf(Validator, key{}); g != nil {
		claims.ValidatorGap = g.Error()
	}
	for _, g := range o.gaps {
		// Services, and the list of ConfigMaps with the defaults of Gateway classes, count in Istio's namespaces alone.
		if g.part == Services || g.part == ConfigMaps && g.object == (key{}) {
			claims.Gap = g.Error()
		}
	}
	return claims
}
