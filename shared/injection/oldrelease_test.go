package injection

import (
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

func TestAnInjectorOfAnOldRelease(t *testing.T) {
	const because, whole = "namespace label istio-injection=enabled -> revision default", "example.com/own:1"
	for _, c := range []struct {
		rule, template string
		options        []fixture.PodOption
		outcome        Outcome
		image, reason  string
	}{
		{"replaces the pod's own container", spelled, []fixture.PodOption{fixture.Proxy(whole)}, Injected, "a/b:1", because},
		{"knows no templates by name", spelled, []fixture.PodOption{fixture.Annotation("inject.istio.io/templates", "nope")}, Injected, "a/b:1", because},
		{"knows no image types", choosing(ifWhole, fromHub), []fixture.PodOption{fixture.Annotation("sidecar.istio.io/proxyImageType", "debug")},
			Injected, "hub.example.com/i/proxyv2:1.4.6", because},
		{"may or may not refuse what is malformed", spelled, []fixture.PodOption{fixture.Annotation("status.sidecar.istio.io/port", "http")}, Unknown, "",
			because + ": annotation status.sidecar.istio.io/port is malformed: "},
		{"leaves a pod without an image where the annotation is empty", ofAnnotation, []fixture.PodOption{fixture.Annotation("sidecar.istio.io/proxyImage", "")}, Unknown, "",
			because + ": annotation sidecar.istio.io/proxyImage is empty, so that the proxy would have no image"},
		{"with a template of the user's", choosing("{{ if .Mine }}\n", fromHub), nil, Unknown, "",
			because + `: injection template "sidecar" computes the image in a way of its own`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := ofOldRelease(t, c.template, oldValues)
			m.ProxyConfigs = ProxyConfigs{}.Lacking(map[string]string{"": "no such resource"})
			d := m.Decide(pod(c.options...), set{"istio-injection": "enabled"})
			if d.Outcome != c.outcome || d.Image != c.image || !strings.HasPrefix(d.Reason, c.reason) {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestARevisionLabelThatInjectionMayHaveAdded(t *testing.T) {
	injected := func(rev string) []fixture.PodOption {
		return []fixture.PodOption{fixture.Proxy(oldImage), fixture.Label("istio.io/rev", rev),
			fixture.Annotation("sidecar.istio.io/status", `{"containers":["istio-proxy"]}`)}
	}
	for _, c := range []struct {
		rule      string
		namespace set
		rev       string
		outcome   Outcome
		reason    string
		dangling  bool
	}{
		{"is no matter where the namespace selects", follows("1-23"), "1-22", Injected, "namespace label istio.io/rev=1-23 -> revision 1-23", false},
		{"nor where it selects nothing", nil, "gone", NotInjected, "no injection label", false},
		{"may alone be why the pod is selected", nil, "1-22", Unknown, "pod label istio.io/rev=1-22 -> revision 1-22: " +
			"the pod's label istio.io/rev may be its template's or may have been added by injection", false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			p := pod(injected(c.rev)...)
			d := twoRevisions(t).Decide(p, c.namespace)
			if d.Outcome != c.outcome || (d.Image != "") != (c.outcome == Injected) || d.Reason != c.reason || d.Dangling != c.dangling {
				t.Errorf("got %+v", d)
			}
			if p.Labels["istio.io/rev"] != c.rev {
				t.Error("the pod's labels were changed")
			}
		})
	}
}
