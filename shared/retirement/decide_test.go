package retirement

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func ref(kind, name string) workload.Ref {
	group := "apps"
	switch kind {
	case "Pod":
		group = ""
	case "Job", "CronJob":
		group = "batch"
	}
	return workload.Ref{Group: group, Kind: kind, Name: name}
}

// everything is a mesh in which all that there is needs revision 1-22.
func everything() *Facts {
	return &Facts{
		Revision: "1-22", IstioNamespace: "istio-system", Next: "1-23", Installed: true,
		Namesakes: []string{"istio-b"},
		Tags: []Tag{
			{"prod-stable", []string{"MutatingWebhookConfiguration istio-revision-tag-prod-stable", "Service istiod-revision-tag-prod-stable"}},
			{"default", []string{"MutatingWebhookConfiguration istio-revision-tag-default"}},
		},
		Validator: "istiod-default-validator",
		Namespaces: []Namespace{
			{"bank", upgrade.Follows{Form: v1alpha1.ByDefaultTag, Tag: "default", Revision: "1-22"}},
			{"cafe", upgrade.Follows{Form: v1alpha1.ByRevision, Revision: "1-22"}},
			{"hotel", upgrade.Follows{Form: v1alpha1.ByDefaultInstall, Revision: "1-22"}},
			{"shop", upgrade.Follows{Form: v1alpha1.ByTag, Tag: "prod-stable", Revision: "1-22"}},
		},
		Workloads: []Workload{{"shop", ref("Deployment", "cart"), 3}, {"shop", ref("StatefulSet", "db"), 1}, {"shop", ref("Job", "bill"), 1}, {"shop", ref("Pod", "bare"), 1}},
		Managed:   []Managed{{"shop", "entry", "entry-istio"}, {"shop", "", "waypoint"}},
		Gateways:  []Gateway{{"edge", "in", "1-22", false}, {"edge", "out", "prod-stable", true}},
		Templates: []Template{
			{"bank", ref("CronJob", "night"), "namespace label istio-injection=enabled -> tag default -> revision 1-22", false},
			{"club", ref("CronJob", "dawn"), "pod label istio.io/rev=1-22 -> revision 1-22", true},
			{"club", ref("Deployment", "bar"), "pod label istio.io/rev=1-22 -> revision 1-22", true},
			{"club", ref("Job", "once"), "pod label istio.io/rev=1-22 -> revision 1-22", true},
			{"club", ref("StatefulSet", "attic"), "no injection label -> revision 1-22", false},
		},
		Connected: Connected{Proxies: 7, Some: []string{"cart-1.shop", "cart-2.shop"}, Unasked: "pod istiod-1: it is down"},
		Gaps:      []cluster.Gap{{Missing: "services in istio-system", Err: errors.New("services is forbidden")}},
	}
}

func TestEveryNeedIsToldWithWhatToType(t *testing.T) {
	var text strings.Builder
	seen := map[v1alpha1.NeedKind]bool{}
	for _, n := range Decide(everything()) {
		seen[n.Kind] = true
		blocks := "blocks"
		if !n.Blocks() {
			blocks = "is only said"
		}
		fmt.Fprintf(&text, "%s, %s\n  %s\n", n.Kind, blocks, n)
	}
	golden.Equal(t, "needs.txt", text.String())
	for _, k := range v1alpha1.NeedKinds() {
		if !seen[k] {
			t.Errorf("no need of kind %s", k)
		}
	}
}

func TestWhatNobodyNeedsMayGo(t *testing.T) {
	if needs := Decide(&Facts{Revision: "1-22", IstioNamespace: "istio-system", Next: "1-23", Installed: true}); len(needs) > 0 {
		t.Errorf("got %v", needs)
	}
}

func TestWhereItIsNotKnownWhatComesNextThatIsLeftToFillIn(t *testing.T) {
	f := &Facts{Revision: "1-22", Namespaces: []Namespace{{"cafe", upgrade.Follows{Form: v1alpha1.ByRevision, Revision: "1-22"}}}}
	if needs := Decide(f); len(needs) != 1 || needs[0].Command != "kubectl label namespace cafe istio.io/rev=REVISION --overwrite" {
		t.Errorf("got %v", needs)
	}
}

func TestAllProxiesAreNamedWhereTheyAreFew(t *testing.T) {
	f := &Facts{Revision: "1-22", IstioNamespace: "istio-system", Connected: Connected{Proxies: 1, Some: []string{"vm-1.shop"}}}
	want := "the istiod of revision 1-22 in namespace istio-system has 1 proxies connected to it (vm-1.shop): `istioctl proxy-status --revision 1-22 -i istio-system`"
	if needs := Decide(f); len(needs) != 1 || needs[0].String() != want {
		t.Errorf("got %v", needs)
	}
}
