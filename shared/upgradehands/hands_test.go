package upgradehands

import (
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/status"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

const istio = fixture.IstioNamespace

// objects are two revisions, and a tag of one of them as istioctl made it before 1.28, without a Service.
func objects(t *testing.T, at string) *tag.Objects {
	t.Helper()
	o := &tag.Objects{Webhooks: []admissionv1.MutatingWebhookConfiguration{*fixture.Injector("1-22"), *fixture.Injector("1-23")}}
	own, err := o.Own(istio, at)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tag.Render(own, tag.Options{Tag: "prod-stable", Namespace: istio})
	if err != nil {
		t.Fatal(err)
	}
	o.Webhooks = append(o.Webhooks, *r.Webhook)
	return o
}

// TestATagWithoutAServiceIsWholeWhenItIsPutBack: what it was is what a rollback wants, and not what a tag is made of today.
func TestATagWithoutAServiceIsWholeWhenItIsPutBack(t *testing.T) {
	before := objects(t, "1-22")
	was := before.Record(istio, "prod-stable")
	u := &v1alpha1.CanaryUpgrade{
		Phase: v1alpha1.PhaseRollingBack, From: "1-22", To: "1-23", StableTag: "prod-stable",
		Tags: []v1alpha1.UpgradeTag{{Name: "prod-stable", Before: "1-22", Wrote: []string{"1-23"}, Was: &was}},
	}
	for at, half := range map[string]bool{"1-22": false, "1-23": true} {
		h := &Hands{Namespace: istio, Upgrade: u, tags: objects(t, at)}
		if got := h.half(h.tags.Tag(istio, "prod-stable")); got != half {
			t.Errorf("at %s it is half: %t, want %t", at, got, half)
		}
	}
	h := &Hands{Namespace: istio, Upgrade: u, tags: objects(t, "1-23")}
	writes, err := h.Preview(upgrade.Step{Kind: upgrade.SetTag, Tag: "prod-stable", Revision: "1-22"})
	if err != nil || len(writes) != 1 || writes[0].Verb != tag.Update || h.half(h.tags.Tag(istio, "prod-stable")) {
		t.Errorf("%v, %+v", err, writes)
	}
}

// TestWhatIsLeftBehind tells what was to move from what runs to completion and from what names its own revision.
func TestWhatIsLeftBehind(t *testing.T) {
	pod := func(kind, name, runs, wants string) scan.Item {
		return scan.Item{
			Pod:     proxy.Pod{Namespace: "shop", Name: name},
			Chain:   workload.Chain{Refs: []workload.Ref{{Kind: kind, Name: name}}},
			Verdict: status.Verdict{Proxy: &v1alpha1.Proxy{Revision: runs}, Expected: v1alpha1.Expected{Revision: wants}},
		}
	}
	got := behind([]scan.Item{
		pod("Deployment", "web", "1-22", "1-23"), pod("Deployment", "web", "1-22", "1-23"), pod("Deployment", "done", "1-23", "1-23"),
		pod("Job", "import", "1-22", "1-23"), pod("Deployment", "own", "1-22", "1-22"),
	}, "1-22")
	if len(got.gateways) > 0 || !slices.Equal(got.pods, []string{"shop/import", "shop/own", "shop/web"}) || !slices.Equal(got.stale, []string{"deployment/web in namespace shop"}) || !slices.Equal(got.jobs, []string{"job/import in namespace shop"}) ||
		!slices.Equal(got.own, []string{"deployment/own in namespace shop"}) || !slices.Equal(got.namespaces, []string{"shop"}) {
		t.Errorf("got %+v", got)
	}
}
