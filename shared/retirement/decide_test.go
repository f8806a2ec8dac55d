package retirement

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
		Namesakes: []string{"istio-b"}, Istioctl: true,
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
			{"bank", ref("CronJob", "night"), "namespace label istio-injection=enabled -> tag default -> revision 1-22", false, ""},
			{"club", ref("CronJob", "dawn"), "pod label istio.io/rev=1-22 -> revision 1-22", true, ""},
			{"club", ref("Deployment", "bar"), "pod label istio.io/rev=1-22 -> revision 1-22", true, ""},
			{"club", ref("Deployment", "tap"), "pod label istio.io/rev=prod-stable -> tag prod-stable -> revision 1-22", true, "prod-stable"},
			{"club", ref("Job", "once"), "pod label istio.io/rev=1-22 -> revision 1-22", true, ""},
			{"club", ref("StatefulSet", "attic"), "no injection label -> revision 1-22", false, ""},
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

func TestWhileAnUpgradeIsUnderWayItIsWhatTakesEverythingOff(t *testing.T) {
	record := func(phase v1alpha1.Phase) *v1alpha1.CanaryUpgrade {
		return &v1alpha1.CanaryUpgrade{Phase: phase, From: "1-22", To: "1-23"}
	}
	for _, c := range []struct {
		u              *v1alpha1.CanaryUpgrade
		revision, want string
	}{
		{nil, "1-22", ""},
		{record(v1alpha1.PhaseStarted), "1-22", "kubectl mesh-canary complete"},
		{record(v1alpha1.PhaseCompleting), "1-22", "kubectl mesh-canary complete"},
		{record(v1alpha1.PhaseStarted), "1-23", "kubectl mesh-canary rollback"},
		{record(v1alpha1.PhaseRollingBack), "1-22", "kubectl mesh-canary rollback"},
		{record(v1alpha1.PhaseRollingBack), "1-21", ""},
		{record(v1alpha1.PhaseStarted), "1-21", ""},
		{record(v1alpha1.PhaseCompleted), "1-22", ""},
		{record(v1alpha1.PhaseRolledBack), "1-23", ""},
	} {
		if got := ending(c.u, c.revision); got != c.want {
			t.Errorf("%+v, revision %s: got %q, want %q", c.u, c.revision, got, c.want)
		}
	}
	f := everything()
	f.Ending = "kubectl mesh-canary complete"
	ended := 0
	for _, n := range Decide(f) {
		if strings.Contains(n.Command, "tag set") || strings.Contains(n.Command, "label namespace") && !strings.Contains(n.Object, "attic") || strings.Contains(n.Command, "mesh-reinject") {
			t.Errorf("%s would go against the upgrade", n)
		}
		if n.Command == f.Ending {
			ended++
		}
	}
	if ended == 0 {
		t.Error("no need is told with what brings the upgrade to an end")
	}
}

func TestWhatNobodyNeedsMayGo(t *testing.T) {
	if needs := Decide(&Facts{Revision: "1-22", IstioNamespace: "istio-system", Next: "1-23", Installed: true}); len(needs) > 0 {
		t.Errorf("got %v", needs)
	}
}

func TestWhereItIsNotKnownWhatComesNextThatIsLeftToFillIn(t *testing.T) {
	f := &Facts{Revision: "1-22", Namespaces: []Namespace{{"cafe", upgrade.Follows{Form: v1alpha1.ByRevision, Revision: "1-22"}}}}
	if needs := Decide(f); len(needs) != 1 || needs[0].Command != "kubectl label namespace cafe istio.io/rev=<REVISION> --overwrite" {
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

// TestWhatIsOnlySaid: what another tool does not touch, and what AKS removes with the revision.
func TestWhatIsOnlySaid(t *testing.T) {
	gateway := ref("Deployment", "aks-istio-ingressgateway-external-asm-1-22")
	f := &Facts{
		Revision: "asm-1-22", IstioNamespace: "aks-istio-system", Next: "asm-1-23", Installed: true, Namesakes: []string{"istio-b"}, Origin: Origin{AKS: true},
		Workloads: []Workload{{"aks-istio-ingress", gateway, 2}},
		Templates: []Template{{"aks-istio-ingress", gateway, "no label -> revision asm-1-22", true, ""}},
	}
	var said []string
	for _, n := range Decide(f) {
		if n.Blocks() {
			t.Errorf("%s blocks", n)
		}
		said = append(said, n.Object)
	}
	want := []string{"the mesh in namespace istio-b", "deployment/aks-istio-ingressgateway-external-asm-1-22 in namespace aks-istio-ingress"}
	if !slices.Equal(said, want) {
		t.Errorf("got %q, want %q", said, want)
	}
	f.Origin, f.Istioctl = Origin{}, true
	for _, n := range Decide(f) {
		if !n.Blocks() {
			t.Errorf("without AKS %s blocks not", n)
		}
	}
}

func TestWhereARevisionCameFrom(t *testing.T) {
	for _, c := range []struct {
		origin  Origin
		command string
	}{
		{Origin{}, ""},
		{Origin{AKS: true}, "kubectl mesh-canary retire 1-22 -i istio-system --context prod --run --uninstall aks --aks-resource-group <GROUP> --aks-name <CLUSTER>"},
		{Origin{Release: "istiod-1-22", ReleaseNamespace: "mesh"}, "kubectl mesh-canary retire 1-22 -i istio-system --context prod --run --uninstall 'helm uninstall istiod-1-22 -n mesh --kube-context prod'"},
	} {
		if got := c.origin.Command("istio-system", "1-22", "prod"); got != c.command || c.origin.Istioctl() != (c.command == "") {
			t.Errorf("%+v: %q", c.origin, got)
		}
	}
	if got, want := (Origin{Release: "istiod", ReleaseNamespace: "mesh"}).Command("istio-system", "1-22", "my prod"),
		`kubectl mesh-canary retire 1-22 -i istio-system --context 'my prod' --run --uninstall 'helm uninstall istiod -n mesh --kube-context '\''my prod'\'''`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var o Origin
	// Istioctl renders the same charts, label and all.
	o.take(&metav1.ObjectMeta{Labels: map[string]string{"app.kubernetes.io/managed-by": "Helm"}})
	if !o.Istioctl() {
		t.Errorf("what istioctl has installed is taken for %+v", o)
	}
	o.take(&metav1.ObjectMeta{
		Labels:      map[string]string{"app.kubernetes.io/managed-by": "Helm"},
		Annotations: map[string]string{"meta.helm.sh/release-name": "istiod", "meta.helm.sh/release-namespace": "istio-system"},
	})
	if o != (Origin{Release: "istiod", ReleaseNamespace: "istio-system"}) {
		t.Errorf("what Helm has installed is taken for %+v", o)
	}
}
