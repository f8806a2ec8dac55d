package reinject

import (
	"bytes"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartscan"
)

func TestTheHelp(t *testing.T) {
	var out bytes.Buffer
	cmd := NewCommand(genericiooptions.IOStreams{In: &bytes.Buffer{}, Out: &out, ErrOut: &out})
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"--help"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "help.txt", out.String())
}

// item is a workload of a plan that goes from 1.22.0 to 1.23.0.
func item(namespace, kind, name string, action v1alpha1.Action, changes ...func(*v1alpha1.RestartItem)) v1alpha1.RestartItem {
	i := v1alpha1.RestartItem{
		Namespace: namespace, Workload: v1alpha1.Workload{Kind: kind, Name: name}, Action: action, Pods: 3, Stale: 3,
		ByStatus: map[v1alpha1.Status]int{v1alpha1.Outdated: 3}, Reason: "runs 1.22.0, and would get 1.23.0",
		From: []v1alpha1.RunningProxy{{Image: "istio/proxyv2:1.22.0", Version: "1.22.0", Revision: "1-22", Pods: 3}},
		To:   &v1alpha1.RunningProxy{Image: "istio/proxyv2:1.23.0", Version: "1.23.0", Revision: "1-23"},
	}
	if action == v1alpha1.Restart {
		i.Method, i.Wave, i.Unavailable = v1alpha1.ByRestart, 1, 1
	}
	for _, change := range changes {
		change(&i)
	}
	return i
}

// rich is a plan with something of everything.
func rich() *restartplan.Plan {
	items := []v1alpha1.RestartItem{
		item("shop", "Deployment", "cart", v1alpha1.Restart),
		item("shop", "Deployment", "single", v1alpha1.Restart, func(i *v1alpha1.RestartItem) { i.Surge, i.Pods, i.Stale = true, 1, 1 }),
		item("shop", "Deployment", "slow", v1alpha1.Restart, func(i *v1alpha1.RestartItem) {
			i.Method, i.GracePeriod = v1alpha1.ByGracePeriod, &v1alpha1.GracePeriod{Own: 30, Set: 31}
		}),
		item("shop", "StatefulSet", "orders", v1alpha1.Restart, func(i *v1alpha1.RestartItem) {
			i.Method, i.Stale, i.Wave = v1alpha1.ByEviction, 2, 2
			i.Warnings = []string{"its partition 1 holds back 1 of its pods: see --include-partitioned"}
			i.From = append(i.From, v1alpha1.RunningProxy{Image: "istio/proxyv2@sha256:0", Revision: "1-21", Pods: 1})
		}),
		item("shop", "DaemonSet", "agent", v1alpha1.Await, func(i *v1alpha1.RestartItem) { i.Wave, i.Reason = 2, "its pods are being replaced already" }),
		item("shop", "Deployment", "raised", v1alpha1.PutBack, func(i *v1alpha1.RestartItem) { i.Wave, i.Surge, i.Stale = 2, true, 0 }),
		item("shop", "Pod", "debug\x1b", v1alpha1.Skip, func(i *v1alpha1.RestartItem) {
			i.Reason, i.Command = "nothing would create it again", "kubectl mesh-reinject pod/debug\x1b -n shop --bare-pods=recreate"
		}),
		item("shop", "Job", "import", v1alpha1.Skip, func(i *v1alpha1.RestartItem) { i.Reason, i.From, i.To = "it runs to completion", nil, nil }),
	}
	plan := &restartplan.Plan{Estimate: 95 * time.Second}
	for _, i := range items {
		plan.Steps = append(plan.Steps, restartplan.Step{RestartItem: i})
	}
	return plan
}

func TestAPlanIsPrinted(t *testing.T) {
	for _, format := range []string{"", "wide", "name"} {
		o, out, errOut := options()
		o.Output = format
		if err := o.printPlan(rich()); err != nil {
			t.Fatal(err)
		}
		o.sayPlan(&restartscan.Result{}, rich())
		golden.Equal(t, "plan"+format+".txt", out.String()+"--- stderr\n"+errOut.String())
	}
}

func TestResultsArePrinted(t *testing.T) {
	report := &v1alpha1.RestartReport{}
	for n, s := range rich().Steps {
		r := v1alpha1.RestartResult{RestartItem: s.RestartItem, Outcome: v1alpha1.Skipped, Message: s.Reason}
		if s.Acts() {
			began := metav1.NewTime(time.Unix(0, 0))
			r.Outcome, r.Message, r.StartedAt, r.Seconds = v1alpha1.Outcomes()[n], "", &began, 12.3
		}
		report.Items = append(report.Items, r)
	}
	report.Items[1].Outcome, report.Items[1].Message = v1alpha1.Failed, "pod single-1: container app: ImagePullBackOff: no such\nimage"
	for _, format := range []string{"", "wide", "name"} {
		o, out, errOut := options()
		o.Output = format
		if err := o.printResults(report); err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, "results"+format+".txt", out.String()+"--- stderr\n"+errOut.String())
	}
}

func TestNothingToPrint(t *testing.T) {
	o, out, errOut := options()
	if err := o.printPlan(&restartplan.Plan{}); err != nil {
		t.Fatal(err)
	}
	o.sayPlan(&restartscan.Result{}, &restartplan.Plan{})
	if err := o.printResults(&v1alpha1.RestartReport{}); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 || errOut.String() != "Nothing is stale in this cluster.\n" {
		t.Errorf("got %q, %q", out, errOut)
	}
}

func TestADryRunFindsWhatIsStaleAndNothingElse(t *testing.T) {
	current := item("shop", "Deployment", "cart", v1alpha1.Skip, func(i *v1alpha1.RestartItem) { i.Stale = 0 })
	for _, c := range []struct {
		rule string
		item v1alpha1.RestartItem
		want bool
	}{
		{"what is to be done", item("shop", "Deployment", "cart", v1alpha1.Restart), true},
		{"what is skipped", item("shop", "Deployment", "cart", v1alpha1.Skip), true},
		{"not what was named and is current", current, false},
	} {
		if got := finds(&restartplan.Plan{Steps: []restartplan.Step{{RestartItem: c.item}}}); got != c.want {
			t.Errorf("%s: got %v", c.rule, got)
		}
	}
}
