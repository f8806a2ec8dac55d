package manifest

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// probersVariable holds, in the proxy, the handlers that injection turned away to the proxy, by the path that it gave
// them instead. Source: KubeAppProberEnvName in istio.io/istio/pilot/cmd/pilot-agent/status.
const probersVariable = "ISTIO_KUBE_APP_PROBERS"

// prober is a handler as the proxy keeps it. Source: Prober in istio.io/istio/pkg/kube/inject.
type prober struct {
	HTTPGet   *corev1.HTTPGetAction   `json:"httpGet"`
	TCPSocket *corev1.TCPSocketAction `json:"tcpSocket"`
	GRPC      *corev1.GRPCAction      `json:"grpc"`
}

// restoreProbes gives probes and lifecycle hooks their handlers back.
func restoreProbes(p *corev1.Pod, told map[string]string) error {
	raw, ok := told[probersVariable]
	if !ok {
		return nil
	}
	var original map[string]*prober
	if err := json.Unmarshal([]byte(raw), &original); err != nil {
		return fmt.Errorf("the proxy's variable %s is malformed: %w", probersVariable, err)
	}
	for _, containers := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for i := range containers {
			restoreProbesOf(&containers[i], original)
		}
	}
	return nil
}

func restoreProbesOf(c *corev1.Container, original map[string]*prober) {
	for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe, c.StartupProbe} {
		if probe == nil {
			continue
		}
		if o := originalOf(probe.HTTPGet, original); o != nil {
			probe.ProbeHandler = corev1.ProbeHandler{HTTPGet: o.HTTPGet, TCPSocket: o.TCPSocket, GRPC: o.GRPC}
		}
	}
	if c.Lifecycle == nil {
		return
	}
	for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PreStop, c.Lifecycle.PostStart} {
		if hook == nil {
			continue
		}
		if o := originalOf(hook.HTTPGet, original); o != nil {
			*hook = corev1.LifecycleHandler{HTTPGet: o.HTTPGet, TCPSocket: o.TCPSocket}
		}
	}
}

// originalOf returns what stood in the place of a handler; the paths differ by container and kind of probe.
func originalOf(rewritten *corev1.HTTPGetAction, original map[string]*prober) *prober {
	if rewritten == nil {
		return nil
	}
	return original[rewritten.Path]
}
