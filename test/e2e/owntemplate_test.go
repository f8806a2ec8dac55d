package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestAProxyInThePodsOwnTemplate: the gateway of a plain `istioctl install` is not injected. It runs what its template
// has, and nothing is to be done about it.
func TestAProxyInThePodsOwnTemplate(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "own-template", nil)
	createDeployment(t, lab, newDeployment("own-template", "istio-ingressgateway", 1,
		withLabel("sidecar.istio.io/inject", "false"), withAnnotation("istio.io/rev", oldRevision), withOwnProxy(oldImage)))
	for _, i := range proxyver(t, lab, "-n", "own-template") {
		want := "pod label sidecar.istio.io/inject=false; the proxy is in the pod's own template"
		if i.Status != "current" || i.Reason != want || i.Expected.Injected || i.Expected.Image != oldImage {
			t.Errorf("%s: %s, expected %+v", i.Status, i.Reason, i.Expected)
		}
	}
	if r := kubectl(t, lab, "mesh-proxyver", "-n", "own-template", "--exit-code"); r.code != 0 || r.stdout == "" {
		t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
	}
}

// TestOtherNetworksAgentsAreNotIstios: Calico's agent, too, has a container called install-cni.
func TestOtherNetworksAgentsAreNotIstios(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "calico", nil)
	apply(t, lab, fmt.Sprintf(daemonSetManifest, "calico", "calico-node", "k8s-app", "install-cni", "v3.21.4"))
	eventuallyPods(t, lab, "calico", 3)
	items := proxyver(t, lab, "-n", "calico")
	for id, i := range items {
		if i.Status != "none" || i.Proxy != nil {
			t.Errorf("%s is %s: %+v", id, i.Status, i.Proxy)
		}
	}
	if len(items) != 3 {
		t.Errorf("%d pods are in the report, want 3", len(items))
	}
}

// TestWhatCannotBeTracedIsSaid: a workload of a kind whose pods are not known must not answer "nothing".
func TestWhatCannotBeTracedIsSaid(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "untraced", nil)
	if _, err := lab.Kubectl(t.Context(), "create", "configmap", "app", "-n", "untraced"); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, kubectl(t, lab, "mesh-proxyver", "configmap/app", "-n", "untraced", "--exit-code"), 1,
		"error: no pod can be traced to configmap/app: name the workload that it made, such as its Deployment\n")
}

// TestALabelThatNamesNothingIsWarnedOf: such pods need no proxy as things stand, but somebody wanted one.
func TestALabelThatNamesNothingIsWarnedOf(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "dangling", labels{"istio.io/rev": "no-such"})
	createPods(t, lab, newPod("dangling", "gateway", withOwnProxy("auto")))
	r := kubectl(t, lab, "mesh-proxyver", "-n", "dangling")
	want := "No resources found in dangling namespace. Not shown without --all: pods with no proxy that need none: 1; pods that have ended: 0.\n" +
		"warning: not shown: pods without a proxy whose label asks for a revision or tag that does not exist: 1; see them with --all -o wide\n"
	if r.code != 0 || r.stdout != "" || r.stderr != want {
		t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
	}
}

// TestWhatIstiodRefusesIsNotCalledInjected compares malformed annotations with the real injector, which refuses the pod.
func TestWhatIstiodRefusesIsNotCalledInjected(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "refused", nil)
	pods := []*corev1.Pod{
		newPod("refused", "ports", withAnnotation("traffic.sidecar.istio.io/excludeInboundPorts", "abc")),
		newPod("refused", "ranges", withAnnotation("traffic.sidecar.istio.io/includeOutboundIPRanges", "10.0.0.0")),
		newPod("refused", "mode", withAnnotation("sidecar.istio.io/interceptionMode", "MAGIC")),
		newPod("refused", "cpu", withAnnotation("sidecar.istio.io/proxyCPU", "much")),
		newPod("refused", "template", withAnnotation("inject.istio.io/templates", "no-such")),
		newPod("refused", "config", withAnnotation("proxy.istio.io/config", "{broken")),
	}
	createPods(t, lab, pods...)
	relabel(t, lab, "refused", "istio.io/rev="+oldRevision)
	items := proxyver(t, lab, "-n", "refused")
	for _, p := range pods {
		if _, err := lab.Client().CoreV1().Pods("refused").Create(t.Context(), asking(p), metav1.CreateOptions{DryRun: []string{"All"}}); err == nil {
			t.Errorf("the real injector takes %s", p.Name)
		}
		if i := items["refused/"+p.Name]; i.Status != "unknown" || i.Expected.Injected {
			t.Errorf("%s is %s: %s", p.Name, i.Status, i.Reason)
		}
	}
}

// asking is the pod under another name.
func asking(p *corev1.Pod) *corev1.Pod {
	ask := p.DeepCopy()
	ask.Name = "ask-" + p.Name
	return ask
}
