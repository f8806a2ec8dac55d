package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

const gatewayManifest = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  namespace: %s
  name: %s
  labels: {%s}
  annotations: {%s}
spec:
  gatewayClassName: %s
  listeners: [{name: l, port: %d, protocol: %s}]
`

// gatewayCase is a Gateway that istiod manages, and what its pods must run.
type gatewayCase struct {
	name, labels, annotations, kind string
	namespace                       labels
	image, revision, tag            string
}

var gatewayCases = []gatewayCase{
	{name: "by-revision", labels: "istio.io/rev: 1-23", image: "docker.io/istio/proxyv2:1.23.0", revision: newRevision},
	{name: "by-tag", labels: "istio.io/rev: prod-canary", image: "docker.io/istio/proxyv2:1.23.0", revision: newRevision, tag: canaryTag},
	{name: "by-namespace", namespace: labels{"istio.io/rev": newRevision}, image: "docker.io/istio/proxyv2:1.23.0", revision: newRevision},
	{name: "own-label-first", labels: "istio.io/rev: 1-22", namespace: labels{"istio.io/rev": newRevision}, image: oldImage, revision: oldRevision},
	{name: "by-default", image: oldImage, revision: oldRevision, tag: "default"},
	{name: "injection-label-is-no-revision", namespace: labels{"istio-injection": "enabled"}, image: oldImage, revision: oldRevision, tag: "default"},
	{name: "annotated-image", annotations: "sidecar.istio.io/proxyImage: example.com/gw:1", image: "example.com/gw:1", revision: oldRevision, tag: "default"},
	{name: "annotated-type", annotations: "sidecar.istio.io/proxyImageType: debug", image: oldImage + "-debug", revision: oldRevision, tag: "default"},
	{name: "waypoint", kind: "istio-waypoint", labels: "istio.io/rev: 1-23", image: "docker.io/istio/proxyv2:1.23.0", revision: newRevision},
}

// TestManagedGateways compares what we expect of Gateway API gateways and waypoints with the Deployments that the real
// istiods write for them.
func TestManagedGateways(t *testing.T) {
	lab := sharedLab(t)
	for _, c := range gatewayCases {
		t.Run(c.name, func(t *testing.T) {
			namespace := "gateway-" + c.name
			createNamespace(t, lab, namespace, c.namespace)
			c.create(t, lab, namespace)
			got := awaitGatewayPod(t, lab, namespace)
			if got.Proxy.Image != c.image || got.Proxy.Revision != c.revision {
				t.Fatalf("the real istiod made %+v", got.Proxy)
			}
			e := got.Expected
			if e.Image != c.image || e.Revision != c.revision || e.Tag != c.tag || e.Injected || got.Status != "current" {
				t.Errorf("%s, expected %+v: %s", got.Status, e, got.Reason)
			}
			want := "gateway"
			if c.kind != "" {
				want = "waypoint"
			}
			if got.Type != want {
				t.Errorf("type %s, want %s", got.Type, want)
			}
		})
	}
	t.Run("moves with its tag", func(t *testing.T) { gatewayMoves(t, lab) })
	t.Run("with addresses is left alone", func(t *testing.T) { gatewayWithAddresses(t, lab) })
	t.Run("of a dangling revision stays", func(t *testing.T) { gatewayDangles(t, lab) })
}

func (c gatewayCase) create(t *testing.T, lab *cluster.Cluster, namespace string) {
	t.Helper()
	kind, port, protocol := "istio", 80, "HTTP"
	if c.kind != "" {
		kind, port, protocol = c.kind, 15008, "HBONE"
	}
	apply(t, lab, fmt.Sprintf(gatewayManifest, namespace, "gw", c.labels, c.annotations, kind, port, protocol))
}

// awaitGatewayPod waits for the one pod of the namespace's gateway.
func awaitGatewayPod(t *testing.T, lab *cluster.Cluster, namespace string) item {
	t.Helper()
	var got item
	eventually(t, 30*time.Second, func() error {
		items := proxyver(t, lab, "-n", namespace)
		if len(items) != 1 {
			return fmt.Errorf("%d pods in %s", len(items), namespace)
		}
		for _, got = range items {
			if got.Proxy == nil {
				return fmt.Errorf("%s has no proxy", got.Pod)
			}
		}
		return nil
	})
	return got
}

func gatewayMoves(t *testing.T, lab *cluster.Cluster) {
	moveTag(oldRevision)(t, lab, "")
	createNamespace(t, lab, "gateway-moves", labels{"istio.io/rev": movingTag})
	gatewayCase{}.create(t, lab, "gateway-moves")
	if got := awaitGatewayPod(t, lab, "gateway-moves"); got.Proxy.Revision != oldRevision || got.Expected.Tag != movingTag {
		t.Fatalf("before: %+v, %+v", got.Proxy, got.Expected)
	}
	moveTag(newRevision)(t, lab, "")
	eventually(t, 30*time.Second, func() error {
		items := proxyver(t, lab, "-n", "gateway-moves")
		if len(items) == 0 {
			return errors.New("the gateway has no pods")
		}
		for _, got := range items {
			if got.Expected.Revision != newRevision {
				t.Fatalf("after the tag moved, revision %s is expected", got.Expected.Revision)
			}
			if got.Status != "current" || got.Proxy.Revision != newRevision {
				return fmt.Errorf("istiod has not re-rolled %s yet: %s, %+v", got.Pod, got.Status, got.Proxy)
			}
		}
		return nil
	})
}

func gatewayWithAddresses(t *testing.T, lab *cluster.Cluster) {
	const namespace = "gateway-addresses"
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	gatewayCase{}.create(t, lab, namespace)
	awaitGatewayPod(t, lab, namespace)
	patch := `{"spec":{"addresses":[{"type":"Hostname","value":"gw.example.com"}]}}`
	if _, err := lab.Kubectl(t.Context(), "patch", "gateway", "gw", "-n", namespace, "--type=merge", "-p", patch); err != nil {
		t.Fatal(err)
	}
	relabel(t, lab, namespace, "istio.io/rev="+newRevision)
	got := awaitGatewayPod(t, lab, namespace)
	want := "Gateway gateway-addresses/gw (namespace label istio.io/rev=1-23): istiod leaves a Gateway with such addresses " +
		"alone, so its Deployment stays as it is"
	if got.Status != "current" || got.Reason != want || got.Proxy.Revision != oldRevision {
		t.Errorf("%s: %s", got.Status, got.Reason)
	}
}

func gatewayDangles(t *testing.T, lab *cluster.Cluster) {
	createNamespace(t, lab, "gateway-dangles", labels{"istio.io/rev": newRevision})
	gatewayCase{}.create(t, lab, "gateway-dangles")
	awaitGatewayPod(t, lab, "gateway-dangles")
	relabel(t, lab, "gateway-dangles", "istio.io/rev=mistyped")
	got := awaitGatewayPod(t, lab, "gateway-dangles")
	want := "Gateway gateway-dangles/gw (namespace label istio.io/rev=mistyped): no control plane with an injector claims it, so its Deployment stays as it is"
	if got.Status != "current" || got.Reason != want || got.Expected.Image != got.Proxy.Image {
		t.Errorf("%s: %s", got.Status, got.Reason)
	}
}
