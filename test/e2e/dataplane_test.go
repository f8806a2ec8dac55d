package e2e

import (
	"fmt"
	"testing"
)

const daemonSetManifest = `apiVersion: apps/v1
kind: DaemonSet
metadata: {namespace: %[1]s, name: %[2]s}
spec:
  updateStrategy: {type: OnDelete}
  selector: {matchLabels: {%[3]s: %[2]s}}
  template:
    metadata:
      labels: {%[3]s: %[2]s, sidecar.istio.io/inject: "false"}
    spec:
      containers: [{name: %[4]s, image: "docker.io/istio/%[2]s:%[5]s"}]
`

// TestNodeAgentsExpectTheirOwnDaemonSetsImage: ztunnel and the CNI agent are not injected; what counts is the template.
func TestNodeAgentsExpectTheirOwnDaemonSetsImage(t *testing.T) {
	lab := sharedLab(t)
	for name, c := range map[string]struct{ label, container, kind string }{
		"ztunnel":        {"app", "istio-proxy", "ztunnel"},
		"istio-cni-node": {"k8s-app", "install-cni", "cni"},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := "agent-" + c.kind
			createNamespace(t, lab, namespace, labels{"istio.io/rev": newRevision})
			apply(t, lab, fmt.Sprintf(daemonSetManifest, namespace, name, c.label, c.container, "1.22.0"))
			eventuallyPods(t, lab, namespace, 3)
			for _, want := range []string{"current", "outdated"} {
				items := proxyver(t, lab, "-n", namespace)
				if len(items) != 3 {
					t.Errorf("%d pods are in the report, want 3", len(items))
				}
				for id, i := range items {
					if i.Status != want || i.Type != c.kind || i.Expected.Injected || i.Proxy == nil {
						t.Errorf("%s is %s, want %s: %+v", id, i.Status, want, i)
					}
				}
				// OnDelete: the pods stay as they are.
				apply(t, lab, fmt.Sprintf(daemonSetManifest, namespace, name, c.label, c.container, "1.23.0"))
			}
		})
	}
}
