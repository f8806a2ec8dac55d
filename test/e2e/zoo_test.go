package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// zoo is something of everything there is: each status by a real cause, each kind of workload and of proxy, and two
// meshes. Its namespaces begin with its name.
type zoo struct {
	t    *testing.T
	lab  *cluster.Cluster
	name string
}

const (
	zooMesh     = "zoo-istio"
	zooRevision = "zoo-1-22"
	zooVersion  = "1.22.0-distroless"
)

// finishedManifest has a Job that ends, and a CronJob that only starts when it is told to.
const finishedManifest = `apiVersion: batch/v1
kind: Job
metadata: {namespace: %[1]s, name: ended}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: app, image: registry.example.com/once:1}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {namespace: %[1]s, name: nightly}
spec:
  suspend: true
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {lab.mesh.kubectl.dev/run: forever}}
        spec: {restartPolicy: Never, containers: [{name: app, image: registry.example.com/nightly:1}]}
`

// createZoo makes a zoo that stays until the test ends, and returns once nothing in it moves any more.
func createZoo(t *testing.T, lab *cluster.Cluster, name string) zoo {
	t.Helper()
	z := zoo{t, lab, name}
	up, down := name+"-up", name+"-down"
	z.tag(up, oldRevision)
	z.tag(down, newRevision)
	z.secondMesh()
	for namespace, l := range map[string]labels{
		"current": {"istio.io/rev": canaryTag}, "outdated": {"istio.io/rev": up}, "ahead": {"istio.io/rev": down},
		"mismatched": {"istio.io/rev": oldRevision}, "missing": nil, "unexpected": {"istio.io/rev": oldRevision},
		"orphaned": {"istio.io/rev": "1-21"}, "none": nil, "enabled": {"istio-injection": "enabled"},
		"dangling": {"istio.io/rev": "no-such"}, "mesh": {"istio.io/rev": zooRevision}, "hidden": {"istio.io/rev": newRevision, "zoo": "hidden"},
	} {
		createNamespace(t, lab, z.in(namespace), l)
		awaitServiceAccount(t, lab, z.in(namespace))
		z.deployment(namespace, "app", 2)
	}
	z.workloads()
	z.gateways()
	z.agents()
	z.settle()
	z.change(up, down)
	return z
}

func (z zoo) in(namespace string) string { return z.name + "-" + namespace }

// tag sets a tag that goes when the test ends.
func (z zoo) tag(tag, revision string) {
	z.t.Helper()
	if err := setTag(z.t.Context(), z.lab, tag, revision); err != nil {
		z.t.Fatal(err)
	}
	z.t.Cleanup(func() {
		if _, err := z.lab.Istioctl(context.Background(), "tag", "remove", tag, "-y"); err != nil {
			z.t.Error(err)
		}
	})
}

// secondMesh installs Istio in another namespace, and a revision that will go again.
func (z zoo) secondMesh() {
	z.t.Helper()
	install(z.t, z.lab, cluster.Istio{Revision: zooRevision, Tag: zooVersion, Namespace: zooMesh})
	z.t.Cleanup(func() {
		if err := z.lab.UninstallIstio(context.Background(), zooMesh, zooRevision); err != nil {
			z.t.Error(err)
		}
	})
	install(z.t, z.lab, cluster.Istio{Revision: "1-21", Tag: "1.21.0"})
}

func (z zoo) deployment(namespace, name string, replicas int32, options ...podOption) {
	z.t.Helper()
	d := newDeployment(z.in(namespace), name, replicas, options...)
	if _, err := z.lab.Client().AppsV1().Deployments(d.Namespace).Create(z.t.Context(), d, metav1.CreateOptions{}); err != nil {
		z.t.Fatal(err)
	}
}

// workloads makes one of every kind.
func (z zoo) workloads() {
	z.t.Helper()
	apply(z.t, z.lab, fmt.Sprintf(workloadsManifest, z.in("current")))
	apply(z.t, z.lab, fmt.Sprintf(finishedManifest, z.in("current")))
	if _, err := z.lab.Kubectl(z.t.Context(), "create", "job", "by-hand", "--from=cronjob/nightly", "-n", z.in("current")); err != nil {
		z.t.Fatal(err)
	}
	z.deployment("current", "plain", 1, withAnnotation("sidecar.istio.io/nativeSidecar", "false"))
	z.deployment("current", "gateway", 1, withAnnotation("inject.istio.io/templates", "gateway"), asGateway)
	z.deployment("current", "own", 1, withOwnProxy("example.com/own:1"))
	z.deployment("none", "own-template", 1, withLabel("sidecar.istio.io/inject", "false"), withOwnProxy(oldImage))
	createPods(z.t, z.lab, newPod(z.in("current"), "static", onHostNetwork, ofNode(z.t, z.lab, "node-1")), newPod(z.in("current"), "bare", scheduled), newPod(z.in("current"), "pending"),
		newPod(z.in("current"), "out", withLabel("sidecar.istio.io/inject", "false")),
		newPod(z.in("current"), "host", onHostNetwork), newPod(z.in("none"), "asks", withLabel("istio.io/rev", stableTag)))
}

// ofNode makes the pod look like the kubelet's own.
func ofNode(t *testing.T, lab *cluster.Cluster, name string) podOption {
	t.Helper()
	node, err := lab.Client().CoreV1().Nodes().Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	return func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: name, UID: node.UID, Controller: &yes}}
	}
}

// gateways makes Gateways that istiod manages.
func (z zoo) gateways() {
	z.t.Helper()
	for _, c := range []gatewayCase{
		{name: "by-tag", labels: "istio.io/rev: prod-canary"}, {name: "by-default"},
		{name: "waypoint", kind: "istio-waypoint", labels: "istio.io/rev: 1-23"},
	} {
		namespace := z.in("gw-" + c.name)
		createNamespace(z.t, z.lab, namespace, nil)
		c.create(z.t, z.lab, namespace)
	}
	for _, name := range []string{"by-tag", "by-default", "waypoint"} {
		awaitGatewayPod(z.t, z.lab, z.in("gw-"+name))
	}
}

// agents makes what looks like ztunnel and the CNI agent; those of the first are outdated.
func (z zoo) agents() {
	z.t.Helper()
	namespace := z.in("agents")
	createNamespace(z.t, z.lab, namespace, nil)
	apply(z.t, z.lab, fmt.Sprintf(daemonSetManifest, namespace, "ztunnel", "app", "istio-proxy", "1.22.0"))
	apply(z.t, z.lab, fmt.Sprintf(daemonSetManifest, namespace, "istio-cni-node", "k8s-app", "install-cni", "1.22.0"))
	eventuallyPods(z.t, z.lab, namespace, 6)
	apply(z.t, z.lab, fmt.Sprintf(daemonSetManifest, namespace, "ztunnel", "app", "istio-proxy", "1.23.0"))
}

// settle waits until every Deployment is rolled out, and every other workload has its pods.
func (z zoo) settle() {
	z.t.Helper()
	eventually(z.t, 90*time.Second, func() error {
		list, err := z.lab.Client().AppsV1().Deployments("").List(z.t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, d := range list.Items {
			if !rolledOut(d) {
				return fmt.Errorf("deployment %s/%s is not rolled out", d.Namespace, d.Name)
			}
		}
		return z.allHavePods()
	})
}

func rolledOut(d appsv1.Deployment) bool {
	want := *d.Spec.Replicas
	return d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == want && d.Status.ReadyReplicas == want && d.Status.Replicas == want
}

func (z zoo) allHavePods() error {
	pods, err := z.lab.Client().CoreV1().Pods(z.in("current")).List(z.t.Context(), metav1.ListOptions{})
	if err != nil {
		return err
	}
	seen, ended := map[string]bool{}, false
	for i := range pods.Items {
		p := &pods.Items[i]
		seen[questionOf(p).String()] = true
		ended = ended || p.Status.Phase == corev1.PodSucceeded
		if p.Spec.NodeName != "" && p.Status.Phase == corev1.PodPending {
			return fmt.Errorf("pod %s is not running", p.Name)
		}
	}
	for _, w := range []string{"statefulset/db", "daemonset/agent", "job/once", "job/by-hand", "job/ended", "replicationcontroller/old", "replicaset/lone"} {
		if !seen[w] {
			return fmt.Errorf("%s has no pods", w)
		}
	}
	if !ended {
		return errors.New("no pod has ended")
	}
	return nil
}

// change makes, of pods that are all current, one of every status.
func (z zoo) change(up, down string) {
	t, lab := z.t, z.lab
	t.Helper()
	if err := lab.UninstallIstio(t.Context(), "istio-system", "1-21"); err != nil {
		t.Fatal(err)
	}
	for tag, revision := range map[string]string{up: newRevision, down: oldRevision} {
		if err := setTag(t.Context(), lab, tag, revision); err != nil {
			t.Fatal(err)
		}
	}
	apply(t, lab, proxyConfig(z.in("mismatched"), "variant", "distroless", ""))
	apply(t, lab, proxyConfig(z.in("hidden"), "not-discovered", "debug", ""))
	configureMesh(t, lab, newRevision, func(mesh settings) {
		mesh["discoverySelectors"] = []any{map[string]any{"matchExpressions": []any{
			map[string]any{"key": "zoo", "operator": "NotIn", "values": []any{"hidden"}}}}}
	})
	relabel(t, lab, z.in("missing"), "istio.io/rev="+canaryTag)
	relabel(t, lab, z.in("unexpected"), "istio.io/rev=mistyped")
	relabel(t, lab, z.in("orphaned"), "istio.io/rev="+newRevision)
}

// manage makes an injector whose control plane hides its configuration, and pods that follow it.
func (z zoo) manage() {
	z.t.Helper()
	addManagedControlPlane(z.t, z.lab)
	createNamespace(z.t, z.lab, z.in("managed"), labels{"istio.io/rev": "managed"})
	awaitServiceAccount(z.t, z.lab, z.in("managed"))
	createDeployment(z.t, z.lab, newDeployment(z.in("managed"), "app", 1))
}
