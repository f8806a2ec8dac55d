package manifest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"istio.io/api/annotation"
	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// What the templates of injection set unless the pod has it already.
const (
	defaultContainer     = "kubectl.kubernetes.io/default-container"
	defaultLogsContainer = "kubectl.kubernetes.io/default-logs-container"
	mutualTLS            = "istio"
	latest               = "latest"
)

// workloadVariable is the name by which the proxy knows the pod's workload, wherever labels say nothing of it.
const workloadVariable = "ISTIO_META_WORKLOAD_NAME"

// removeAnnotations takes out the annotations of injection, and those that it derived from what else the pod says:
// they come to the same when derived again.
func removeAnnotations(p *corev1.Pod) {
	for _, name := range []string{annotation.SidecarStatus.Name, annotation.ProxyOverrides.Name, annotation.IoIstioRev.Name} {
		delete(p.Annotations, name)
	}
	// The templates for gRPC without a proxy leave probes alone, and say so.
	if strings.Contains(p.Annotations[annotation.InjectTemplates.Name], "grpc-") {
		removeIf(p.Annotations, annotation.SidecarRewriteAppHTTPProbers.Name, "false")
	}
	for _, c := range p.Spec.Containers {
		if c.Name == proxy.ContainerName {
			continue
		}
		removeIf(p.Annotations, defaultContainer, c.Name)
		removeIf(p.Annotations, defaultLogsContainer, c.Name)
		break
	}
}

// removeLabels takes out the labels that injection derived: they come to the same when derived again.
func removeLabels(p *corev1.Pod, told map[string]string) {
	name := cmp.Or(p.Labels["app.kubernetes.io/name"], p.Labels["app"], told[workloadVariable])
	version := cmp.Or(p.Labels["app.kubernetes.io/version"], p.Labels["version"], latest)
	// The other templates leave this label to the user.
	if templates, chosen := p.Annotations[annotation.InjectTemplates.Name]; !chosen || strings.Contains(templates, "sidecar") {
		removeIf(p.Labels, label.SecurityTlsMode.Name, mutualTLS)
	}
	removeIf(p.Labels, label.ServiceCanonicalName.Name, name, shortened(name))
	removeIf(p.Labels, label.ServiceCanonicalRevision.Name, version)
	if told["ISTIO_META_ENABLE_HBONE"] == "true" {
		removeIf(p.Labels, "networking.istio.io/tunnel", "http")
	}
}

// shortened fits a name into a label as the sidecar's template does.
func shortened(name string) string {
	if len(name) > 63 {
		name = name[:63]
	}
	return strings.Trim(name, "-_.")
}

// removeIf removes a key that has one of the values.
func removeIf(from map[string]string, key string, values ...string) {
	for _, v := range values {
		if from[key] == v {
			delete(from, key)
		}
	}
}

// Source: applyPrometheusMerge in istio.io/istio/pkg/kube/inject: the proxy serves the application's metrics with its
// own, and is told in a variable where the application has them.
const (
	scrapeVariable   = "ISTIO_PROMETHEUS_ANNOTATIONS"
	scrapeAnnotation = "prometheus.io/scrape"
	pathAnnotation   = "prometheus.io/path"
	portAnnotation   = "prometheus.io/port"
	mergedPath       = "/stats/prometheus"

	targetsAnnotation    = "prometheus.istio.io/scrape-targets"
	securePortAnnotation = "prometheus.istio.io/secure-port"
	securePortVariable   = "ENVOY_SECURE_MERGED_METRICS_PORT"
)

// scrape is where an application's metrics are. Source: PrometheusScrapeConfiguration in
// istio.io/istio/pilot/cmd/pilot-agent/status.
type scrape struct {
	Scrape  string         `json:"scrape"`
	Path    string         `json:"path"`
	Port    string         `json:"port"`
	Targets []scrapeTarget `json:"targets"`
}

type scrapeTarget struct {
	Port string `json:"port"`
	Path string `json:"path"`
}

// restorePrometheus puts the application's own scrape annotations in the place of the proxy's.
func restorePrometheus(annotations, told map[string]string) error {
	if port := told[securePortVariable]; port != "" {
		removeIf(annotations, securePortAnnotation, port)
	}
	if annotations[pathAnnotation] != mergedPath {
		return nil
	}
	for _, name := range []string{scrapeAnnotation, pathAnnotation, portAnnotation} {
		delete(annotations, name)
	}
	var own scrape
	raw, ok := told[scrapeVariable]
	if !ok {
		return nil
	}
	if err := json.Unmarshal([]byte(raw), &own); err != nil {
		return fmt.Errorf("the proxy's variable %s is malformed: %w", scrapeVariable, err)
	}
	for name, value := range own.annotations() {
		if value != "" {
			annotations[name] = value
		}
	}
	return nil
}

// annotations are those that the configuration was read from. The first target also stands as port and path.
func (s scrape) annotations() map[string]string {
	if len(s.Targets) == 0 {
		return map[string]string{scrapeAnnotation: s.Scrape, pathAnnotation: s.Path, portAnnotation: s.Port}
	}
	var targets []string
	for _, t := range s.Targets {
		targets = append(targets, t.Port+":"+t.Path)
	}
	return map[string]string{scrapeAnnotation: s.Scrape, targetsAnnotation: strings.Join(targets, ",")}
}
