package canary

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/provider"
	"github.com/kubectl-mesh/kubectl-mesh/shared/retirement"
)

// retiring are the options of a retirement of revision 1-22.
func retiring(t *testing.T, tool, output string) (o *retireOptions, stdout, stderr fmt.Stringer) {
	t.Helper()
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	o = &retireOptions{tagOptions: newTagOptions(streams), Revision: "1-22"}
	o.Output = output
	var err error
	if o.tool, err = provider.New("--uninstall", tool, provider.Options{ResourceGroup: "shops", Name: "prod"}); err != nil {
		t.Fatal(err)
	}
	return o, out, errOut
}

func report() *v1alpha1.Retirement {
	f := &retirement.Facts{
		Revision: "1-22", IstioNamespace: "istio-system", Next: "1-23",
		Tags:      []retirement.Tag{{Name: "stable", Objects: []string{"Service istiod-revision-tag-stable"}}},
		Connected: retirement.Connected{Unasked: "no pod of it runs in namespace istio-system"},
	}
	return retirement.Report(f, retirement.Decide(f))
}

func TestWhatNeedsARevisionIsPrinted(t *testing.T) {
	for _, format := range []string{"", "wide", "yaml", "name"} {
		o, out, errOut := retiring(t, "istioctl", format)
		if err := o.print(report()); err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, "retire-"+cmp.Or(format, "table")+".txt", out.String()+errOut.String())
	}
	o, out, errOut := retiring(t, "istioctl", "")
	if err := o.print(&v1alpha1.Retirement{Revision: "1-22", IstioNamespace: "istio-system", Safe: true}); err != nil || out.String() != "" ||
		errOut.String() != "Nothing needs revision 1-22 of the mesh in istio-system.\n" {
		t.Errorf("got %q, %q, %v", out, errOut, err)
	}
}

func TestWhatTheAnswerComesTo(t *testing.T) {
	o, _, _ := retiring(t, "istioctl", "")
	if err := o.outcome(report()); err != nil {
		t.Errorf("an answer that nobody asked a code for: %v", err)
	}
	o.ExitCode = true
	if err := o.outcome(report()); err == nil || err.Error() != "" {
		t.Errorf("with --exit-code: %v", err)
	}
	f := &retirement.Facts{Gaps: []cluster.Gap{{Missing: "pods", Err: fmt.Errorf("no")}}}
	if err := o.outcome(retirement.Report(f, retirement.Decide(f))); err == nil || err.Error() != "the answer is incomplete: reads that were refused: 1" {
		t.Errorf("where something could not be read: %v", err)
	}
}

func TestWhatUninstallsARevision(t *testing.T) {
	upgrade := func(from, to string, phase v1alpha1.Phase) *v1alpha1.CanaryUpgrade {
		return &v1alpha1.CanaryUpgrade{From: from, To: to, Phase: phase}
	}
	for _, c := range []struct {
		tool string
		u    *v1alpha1.CanaryUpgrade
		want string
	}{
		{"istioctl", nil, "istioctl uninstall -y --revision 1-22 -i istio-system"},
		{"istioctl", upgrade("1-22", "1-23", v1alpha1.PhaseCompleted), "istioctl uninstall -y --revision 1-22 -i istio-system"},
		{"istioctl", upgrade("1-21", "1-22", v1alpha1.PhaseRolledBack), "istioctl uninstall -y --revision 1-22 -i istio-system"},
		{"istioctl", upgrade("1-20", "1-21", v1alpha1.PhaseStarted), "istioctl uninstall -y --revision 1-22 -i istio-system"},
		{"istioctl", upgrade("1-22", "1-23", v1alpha1.PhaseStarted), "an upgrade from revision 1-22 to 1-23 is under way (started): "},
		{"aks", nil, "AKS removes revision 1-22 only at the end of an upgrade: "},
		{"aks", upgrade("1-22", "1-23", v1alpha1.PhaseCompleted), "az aks mesh upgrade complete --resource-group shops --name prod --yes"},
		{"aks", upgrade("1-21", "1-22", v1alpha1.PhaseRolledBack), "az aks mesh upgrade rollback --resource-group shops --name prod --yes"},
		{"aks", upgrade("1-22", "1-23", v1alpha1.PhaseRolledBack), "AKS removes revision 1-22 only at the end of an upgrade: "},
	} {
		o, _, _ := retiring(t, c.tool, "")
		lines, err := o.lines("istio-system", c.u)
		got := fmt.Sprint(err)
		if err == nil && len(lines) == 1 {
			got = lines[0].String()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s, %+v: got %s", c.tool, c.u, got)
		}
	}
}
