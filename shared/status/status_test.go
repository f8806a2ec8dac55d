package status

import (
	"reflect"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

const (
	repository = "docker.io/istio/proxyv2"
	digestA    = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB    = "@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// running is a pod whose proxy was injected by the revision.
func running(rev, image string) proxy.Pod {
	return proxy.FromPod(fixture.Pod("shop/cart-1", fixture.Injected(rev, image)))
}

func without() proxy.Pod { return proxy.FromPod(fixture.Pod("shop/cart-1")) }

// notInjected is a pod with a proxy that says nothing of a revision.
func notInjected(image string) proxy.Pod {
	return proxy.FromPod(fixture.Pod("shop/cart-1", fixture.Proxy(image)))
}

func injects(rev, image string) injection.Decision {
	return injection.Decision{Outcome: injection.Injected, Owner: revision.ControlPlane{Revision: rev}, Image: image, Reason: "why"}
}

func outcome(o injection.Outcome) injection.Decision {
	return injection.Decision{Outcome: o, Reason: "why"}
}

// installed are the revisions of these tests that still have an injector.
func installed(rev string) bool { return rev != "gone" }

func TestTheStatusOfAPod(t *testing.T) {
	const old, wanted = repository + ":1.22.0", repository + ":1.23.0"
	for _, c := range []struct {
		rule     string
		pod      proxy.Pod
		decision injection.Decision
		want     v1alpha1.Status
		reason   string
	}{
		{"runs what it would get", running("1-22", old), injects("1-22", old), v1alpha1.Current, "why"},
		{"the same image, spelt in another way", running("1-22", "istio/proxyv2:1.22.0"), injects("1-22", old), v1alpha1.Current, "why"},
		{"the same image, of a proxy that names no revision", notInjected(old), injects("1-22", old), v1alpha1.Current, "why"},
		{"the same digest", running("1-22", repository+digestA), injects("1-22", repository+digestA), v1alpha1.Current, "why"},
		{"no proxy, none expected", without(), outcome(injection.NotInjected), v1alpha1.None, "why"},
		{"no proxy, and the template adds none", without(), injects("1-22", ""), v1alpha1.None, "why; the injected template adds no proxy"},
		{"no proxy, one expected", without(), injects("1-22", old), v1alpha1.Missing, "why"},
		{"a container that was never injected is no proxy", notInjected("auto"), injects("1-22", old), v1alpha1.Missing, "why"},
		{"a proxy, none expected", running("1-22", old), outcome(injection.NotInjected), v1alpha1.Unexpected, "why"},
		{"a proxy, and the template adds none", running("1-22", old), injects("1-22", ""), v1alpha1.Unexpected, "why; the injected template adds no proxy"},
		{"lower", running("1-22", old), injects("1-23", wanted), v1alpha1.Outdated, "why"},
		{"lower, at one revision, after an upgrade in place", running("1-22", old), injects("1-22", repository+":1.22.1"), v1alpha1.Outdated, "why"},
		{"higher", running("1-23", wanted), injects("1-22", old), v1alpha1.Ahead, "why"},
		{"its revision has no injector", running("gone", old), injects("1-22", old), v1alpha1.Orphaned, "why; revision gone has no injector any more"},

		{"mismatched: the revision", running("1-22", old), injects("1-23", old), v1alpha1.Mismatched, "why; revision 1-22, not 1-23"},
		{"mismatched: the variant", running("1-22", old+"-distroless"), injects("1-22", old), v1alpha1.Mismatched, "why; variant distroless, not default"},
		{"mismatched: the other variant", running("1-22", old), injects("1-22", old+"-debug"), v1alpha1.Mismatched, "why; variant default, not debug"},
		{"mismatched: the hub", running("1-22", "gcr.io/istio/proxyv2:1.22.0"), injects("1-22", old), v1alpha1.Mismatched, "why; image gcr.io/istio/proxyv2, not istio/proxyv2"},
		{"mismatched: the digest", running("1-22", old+digestA), injects("1-22", old+digestB), v1alpha1.Mismatched,
			"why; image " + old + digestA + ", not " + old + digestB},
		{"mismatched: revision and variant", running("1-22", old), injects("1-23", old+"-debug"), v1alpha1.Mismatched, "why; revision 1-22, not 1-23; variant default, not debug"},
		{"mismatched: the revision of one digest", running("1-22", repository+digestA), injects("1-23", repository+digestA), v1alpha1.Mismatched, "why; revision 1-22, not 1-23"},
		{"mismatched: two digests", running("1-22", repository+digestA), injects("1-22", repository+digestB), v1alpha1.Mismatched,
			"why; " + repository + digestA + " and " + repository + digestB + " cannot be ordered"},
		{"mismatched: no versions", running("1-22", repository+":latest"), injects("1-22", old), v1alpha1.Mismatched,
			"why; " + repository + ":latest and " + old + " cannot be ordered"},
		{"an image that is no reference", running("1-22", "a/NAME:1"), injects("1-22", old), v1alpha1.Mismatched,
			"why; it runs an image that is no reference: image \"a/NAME:1\": invalid reference format: repository name (a/NAME) must be lowercase; a/NAME:1 and " + old + " cannot be ordered"},
		{"an expected image that is no reference", running("1-22", old), injects("1-22", "a/NAME:1"), v1alpha1.Mismatched,
			"why; injection would set an image that is no reference: image \"a/NAME:1\": invalid reference format: repository name (a/NAME) must be lowercase; " + old + " and a/NAME:1 cannot be ordered"},

		{"unknown is first, with a proxy", running("gone", old), outcome(injection.Unknown), v1alpha1.Unknown, "why"},
		{"unknown is first, without one", without(), outcome(injection.Unknown), v1alpha1.Unknown, "why"},
		{"what istiod would refuse is unknown", running("1-22", old), outcome(injection.Refused), v1alpha1.Unknown, "why"},
		{"orphaned before unexpected", running("gone", old), outcome(injection.NotInjected), v1alpha1.Orphaned, "why; revision gone has no injector any more"},
		{"orphaned before outdated", running("gone", old), injects("1-23", wanted), v1alpha1.Orphaned, "why; revision gone has no injector any more"},
		{"outdated before mismatched", running("1-22", "gcr.io/istio/proxyv2:1.22.0-debug"), injects("1-23", wanted), v1alpha1.Outdated, "why"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			v := Judge(c.pod, c.decision, installed)
			if v.Status != c.want || v.Reason != c.reason {
				t.Errorf("%s: %s\nwant %s: %s", v.Status, v.Reason, c.want, c.reason)
			}
			if (v.Proxy != nil) != c.pod.HasProxy() {
				t.Errorf("proxy %+v", v.Proxy)
			}
		})
	}
}

func TestAProxyInThePodsOwnTemplate(t *testing.T) {
	const own = repository + ":1.20.0"
	m := &injection.Mesh{Injectors: revision.Injectors([]admissionv1.MutatingWebhookConfiguration{*fixture.Injector("1-22")})}
	for _, c := range []struct {
		rule       string
		annotation string
		want       v1alpha1.Status
		expected   string
		reason     string
	}{
		{"is what it would be again", "", v1alpha1.Current, "", "no injection label; the proxy is in the pod's own template"},
		{"of an installed revision", "1-22", v1alpha1.Current, "1-22", "no injection label; the proxy is in the pod's own template"},
		{"of a revision that is gone", "gone", v1alpha1.Orphaned, "gone",
			"no injection label; the proxy is in the pod's own template; revision gone has no injector any more"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			options := []fixture.PodOption{fixture.Proxy(own, "proxy", "router")}
			if c.annotation != "" {
				options = append(options, fixture.Annotation("istio.io/rev", c.annotation))
			}
			pod := proxy.FromPod(fixture.Pod("istio-system/gw-1", options...))
			v := Judge(pod, m.Decide(pod, nil), installed)
			if v.Status != c.want || v.Reason != c.reason || v.Expected != (v1alpha1.Expected{Image: own, Version: "1.20.0", Revision: c.expected}) {
				t.Errorf("got %+v", v)
			}
		})
	}
}

func TestTheReasonOfATerminatingPodEndsWithThat(t *testing.T) {
	for _, c := range []struct {
		rule     string
		pod      proxy.Pod
		decision injection.Decision
		want     v1alpha1.Status
		reason   string
	}{
		{"current", running("1-22", repository+":1.22.0"), injects("1-22", repository+":1.22.0"), v1alpha1.Current, "why; the pod is terminating"},
		{"unknown", without(), outcome(injection.Unknown), v1alpha1.Unknown, "why; the pod is terminating"},
		{"after what else there is to say", running("gone", repository+":1.22.0"), outcome(injection.NotInjected), v1alpha1.Orphaned,
			"why; revision gone has no injector any more; the pod is terminating"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			c.pod.Terminating = true
			if v := Judge(c.pod, c.decision, installed); v.Status != c.want || v.Reason != c.reason {
				t.Errorf("got %s: %s", v.Status, v.Reason)
			}
		})
	}
}

func TestAVerdictSaysWhoseTheDecisionIsAndWhetherALabelDangles(t *testing.T) {
	d := injects("1-22", repository+":1.22.0")
	d.Owner.Namespace = "istio-system"
	if v := Judge(without(), d, installed); v.Owner != d.Owner || v.Dangling {
		t.Errorf("got %+v", v)
	}
	dangling := outcome(injection.NotInjected)
	dangling.Dangling = true
	if v := Judge(without(), dangling, installed); v.Owner != (revision.ControlPlane{}) || !v.Dangling {
		t.Errorf("got %+v", v)
	}
}

func TestAVerdictSaysWhatRunsAndWhatIsExpected(t *testing.T) {
	native := proxy.FromPod(fixture.Pod("shop/cart-1", fixture.NativeProxy(repository+":1.22.0-debug"), fixture.Annotation("istio.io/rev", "1-22")))
	d := injects("1-23", repository+":1.23.0-distroless")
	d.Tag = "prod-canary"
	v := Judge(native, d, installed)
	wantProxy := &v1alpha1.Proxy{Image: repository + ":1.22.0-debug", Version: "1.22.0", Revision: "1-22", Native: true}
	wantExpected := v1alpha1.Expected{Injected: true, Image: repository + ":1.23.0-distroless", Version: "1.23.0", Revision: "1-23", Tag: "prod-canary"}
	if !reflect.DeepEqual(v.Proxy, wantProxy) || v.Expected != wantExpected {
		t.Errorf("got %+v, %+v", v.Proxy, v.Expected)
	}
}

func TestAnImageFromATemplateIsExpectedButNotInjected(t *testing.T) {
	ztunnel := proxy.FromPod(fixture.Pod("istio-system/ztunnel-1", fixture.Label("app", "ztunnel"), fixture.Proxy("istio/ztunnel:1.22.0")))
	v := Judge(ztunnel, injection.DecideFromTemplate("daemonset istio-system/ztunnel", "istio/ztunnel:1.23.0"), installed)
	want := v1alpha1.Expected{Image: "istio/ztunnel:1.23.0", Version: "1.23.0"}
	if v.Status != v1alpha1.Outdated || v.Expected != want || v.Reason != "template of daemonset istio-system/ztunnel" {
		t.Errorf("got %+v", v)
	}
}

func TestNothingIsExpectedOfAPodThatIsNotInjected(t *testing.T) {
	d := outcome(injection.NotInjected)
	d.Owner.Revision = "1-22"
	if v := Judge(without(), d, installed); v.Expected != (v1alpha1.Expected{}) {
		t.Errorf("got %+v", v.Expected)
	}
}
