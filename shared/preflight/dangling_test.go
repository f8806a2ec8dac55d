package preflight

import (
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// elsewhere has the tag's webhooks call another mesh.
func elsewhere(f *Facts, tag string) {
	for i := range f.Injectors {
		if f.Injectors[i].Tag == tag {
			f.Injectors[i].Owner.Namespace = "istio-two"
		}
	}
}

func TestTagsThatOutliveTheirRevision(t *testing.T) {
	const (
		refused   = ": its new pods are refused, or come without a proxy"
		relabel   = "kubectl label namespace shop --overwrite istio.io/rev=1-22"
		untag     = "kubectl mesh-canary tag remove default"
		loses     = "; 5 pods would lose the proxy at the next restart"
		gone      = "names tag old of revision 1-21, which is not installed"
		goneElse  = "istio.io/rev=old names tag old of revision 1-21, which is not installed; 5 pods would lose the proxy at the next restart"
		ownSays   = "its own label istio.io/rev=old names tag old of revision 1-21, which is not installed"
		ownRelabe = `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":"1-22"}}}}}'`
	)
	gateway := func(f *Facts) {
		f.Gateways = []Gateway{{Namespace: "shop", Name: "gw", Labels: set{"istio.io/rev": "old"}, Pods: 1}}
	}
	own := func(f *Facts) {
		tagged(f, "old", "1-21")
		labelled(f, nil)
		cart(f).Labels["istio.io/rev"] = "old"
	}
	for _, p := range []planted{
		{"that nobody follows", func(f *Facts) { tagged(f, "old", "1-21") }, ""},
		{"that a namespace with proxies follows", func(f *Facts) { tagged(f, "old", "1-21"); labelled(f, set{"istio.io/rev": "old"}) },
			lines("error", "labels", "dangling-label", "Namespace//shop", "istio.io/rev=old "+gone+loses, relabel)},
		{"that a namespace without proxies follows", func(f *Facts) { tagged(f, "old", "1-21"); f.Namespaces[2].Labels = set{"istio.io/rev": "old"} },
			lines("warning", "labels", "dangling-label", "Namespace//plain", "istio.io/rev=old "+gone+refused, "kubectl label namespace plain --overwrite istio.io/rev=prod")},
		{"of another mesh's revision, beside proxies", func(f *Facts) {
			tagged(f, "old", "1-21")
			elsewhere(f, "old")
			labelled(f, set{"istio.io/rev": "old"})
		},
			lines("error", "labels", "dangling-label", "Namespace//shop", goneElse, "kubectl label namespace shop --overwrite istio.io/rev=1-22")},
		{"of another mesh's revision", func(f *Facts) {
			tagged(f, "old", "1-21")
			elsewhere(f, "old")
			f.Namespaces[2].Labels = set{"istio.io/rev": "old"}
		}, ""},
		{"that is the default", func(f *Facts) { tagged(f, "default", "1-21"); labelled(f, set{"istio-injection": "enabled"}) },
			lines("error", "labels", "dangling-label", "Namespace//shop", "istio-injection=enabled names tag default of revision 1-21, which is not installed"+loses, relabel+" istio-injection-")},
		{"that is the default, and keeps an installation without a revision from injecting", func(f *Facts) {
			unrevisioned(f)
			f.Injectors = injectors(fixture.Injector("1-23"))
			f.Injectors = append(f.Injectors, revision.Injector{Name: "istio-sidecar-injector", Owner: f.From.ControlPlane})
			tagged(f, "default", "1-21")
			labelled(f, set{"istio-injection": "enabled"})
		},
			lines("error", "labels", "dangling-label", "Namespace//shop", "istio-injection=enabled names tag default of revision 1-21, which is not installed"+loses, untag)},
		{"that is the default, which contradicts another label", func(f *Facts) {
			tagged(f, "default", "1-21")
			labelled(f, set{"istio.io/rev": "prod", "istio-injection": "enabled"})
			shop(f).Follows = revision.ControlPlane{Namespace: "istio-system", Revision: "1-21"}
		},
			lines("error", "labels", "conflicting-labels", "Namespace//shop", "labels istio.io/rev=prod and istio-injection=enabled contradict one another; the latter decides, and no injector follows it; 5 pods would lose the proxy at the next restart", "kubectl label namespace shop istio-injection-")},
		{"that a workload names", own, lines("error", "labels", "dangling-label", "Deployment/shop/cart", ownSays+"; it would lose the proxy at the next restart", ownRelabe)},
		{"of another mesh's revision, that a workload with proxies names", func(f *Facts) { own(f); elsewhere(f, "old") },
			lines("error", "labels", "dangling-label", "Deployment/shop/cart", ownSays+"; it would lose the proxy at the next restart", ownRelabe)},
		{"of another mesh's revision, that a workload names", func(f *Facts) {
			tagged(f, "old", "1-21")
			elsewhere(f, "old")
			f.Workloads = append(f.Workloads, Workload{Namespace: "plain", Ref: workload.Ref{Group: "apps", Kind: "Deployment", Name: "other"}, Labels: set{"istio.io/rev": "old"}})
		}, ""},
		{"that a workload names without effect", func(f *Facts) { tagged(f, "old", "1-21"); cart(f).Labels["istio.io/rev"] = "old" },
			lines("warning", "labels", "conflicting-labels", "Deployment/shop/cart", "its own label istio.io/rev=old has no effect: the labels of its namespace decide", `kubectl patch deployment/cart -n shop --type merge -p '{"spec":{"template":{"metadata":{"labels":{"istio.io/rev":null}}}}}'`)},
		{"that a Gateway names", func(f *Facts) { tagged(f, "old", "1-21"); gateway(f) },
			lines("warning", "labels", "dangling-label", "Gateway/shop/gw", "its label istio.io/rev=old "+gone+", so that no istiod looks after it", "kubectl label gateways.gateway.networking.k8s.io/gw -n shop --overwrite istio.io/rev=prod")},
		{"of another mesh's revision, that a Gateway names", func(f *Facts) { tagged(f, "old", "1-21"); elsewhere(f, "old"); gateway(f) }, ""},
	} {
		t.Run(p.rule, p.test)
	}
}
