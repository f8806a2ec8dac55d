package restartplan

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// brief is what a plan of one Deployment's pods comes to: its action, or "nothing".
func brief(t *testing.T, in Input, o Options) string {
	t.Helper()
	w := in.known(deployment("cart", 1))
	in.rolled(w)
	plan, err := Make(in, o)
	switch {
	case err != nil:
		return "error"
	case len(plan.Steps) == 0:
		return "nothing"
	case len(plan.Steps) > 1:
		t.Fatalf("got %+v", plan.Steps)
	}
	return string(plan.Steps[0].Action)
}

func all(o *Options)        { o.All = true }
func missing(o *Options)    { o.Missing = true }
func unexpected(o *Options) { o.Unexpected = true }
func everything(o *Options) { o.All, o.Missing, o.Unexpected = true, true, true }

func TestWhichStatusesAreRestarted(t *testing.T) {
	for _, c := range []struct {
		rule   string
		item   scan.Item
		change func(*Options)
		want   string
	}{
		{"outdated", item("shop/a", cart, v1alpha1.Outdated), nil, "restart"},
		{"ahead", item("shop/a", cart, v1alpha1.Ahead), nil, "restart"},
		{"mismatched", item("shop/a", cart, v1alpha1.Mismatched), nil, "restart"},
		{"orphaned that would be injected", item("shop/a", cart, v1alpha1.Orphaned), nil, "restart"},
		{"orphaned that would not", item("shop/a", cart, v1alpha1.Orphaned, noneExpected), nil, "nothing"},
		{"which --include unexpected is about too", item("shop/a", cart, v1alpha1.Orphaned, noneExpected), unexpected, "restart"},
		{"missing is not", item("shop/a", cart, v1alpha1.Missing), nil, "nothing"},
		{"unless it is included", item("shop/a", cart, v1alpha1.Missing), missing, "restart"},
		{"nor with --all", item("shop/a", cart, v1alpha1.Missing), all, "nothing"},
		{"unexpected is not", item("shop/a", cart, v1alpha1.Unexpected), nil, "nothing"},
		{"unless it is included", item("shop/a", cart, v1alpha1.Unexpected), unexpected, "restart"},
		{"current is not", item("shop/a", cart, v1alpha1.Current), nil, "nothing"},
		{"unless all are", item("shop/a", cart, v1alpha1.Current), all, "restart"},
		{"none is never", item("shop/a", cart, v1alpha1.None), everything, "nothing"},
		{"what cannot be told is skipped", item("shop/a", cart, v1alpha1.Unknown), everything, "skip"},
		{"a label that names nothing is always refused", item("shop/a", cart, v1alpha1.Unexpected, dangling), everything, "skip"},
		{"of an orphan, too", item("shop/a", cart, v1alpha1.Orphaned, dangling, noneExpected), everything, "skip"},
		{"whatever it would get", item("shop/a", cart, v1alpha1.Orphaned, dangling), nil, "skip"},
		{"a pod without a proxy loses none by it", item("shop/a", cart, v1alpha1.None, dangling, func(i *scan.Item) { i.Verdict.Proxy = nil }), everything, "nothing"},
		{"a pod that goes is nobody's reason", item("shop/a", cart, v1alpha1.Outdated, goes), nil, "nothing"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			o := auto()
			if c.change != nil {
				c.change(&o)
			}
			if got := brief(t, Input{Pods: []scan.Item{c.item}}, o); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestANamedWorkloadHasAnItemWhateverBecomesOfIt(t *testing.T) {
	cron := shop("batch/CronJob/import")
	for _, c := range []struct {
		rule  string
		named podtemplate.Workload
		pods  []scan.Item
		want  decision
	}{
		{"none is stale", shop(cart), []scan.Item{item("shop/a", cart, v1alpha1.Current)}, skipped("none of its pods is stale", "")},
		{"its pods have no proxy", shop(cart), []scan.Item{item("shop/a", cart, v1alpha1.Missing)},
			skipped("its pods have no proxy: see --include missing", "kubectl mesh-reinject deployment/cart -n shop --include missing")},
		{"its pods would lose it", shop(cart), []scan.Item{item("shop/a", cart, v1alpha1.Unexpected)},
			skipped("its pods would lose their proxy: see --include unexpected", "kubectl mesh-reinject deployment/cart -n shop --include unexpected")},
		{"it has no pods", shop(cart), nil, skipped("it has no pods", "")},
		{"its next run", cron, nil, skipped("it is never restarted; its next run gets proxy 1.23.0 of revision 1-23", "")},
	} {
		t.Run(c.rule, func(t *testing.T) {
			in := Input{Pods: c.pods, Named: []podtemplate.Workload{c.named}, Runs: map[podtemplate.Workload]v1alpha1.Expected{
				cron: {Injected: true, Image: "x", Version: "1.23.0", Revision: "1-23"}}}
			plan, err := Make(in, auto())
			if err != nil || len(plan.Steps) != 1 {
				t.Fatalf("got %+v, %v", plan, err)
			}
			if got := decided(plan.Steps[0]); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestAMethodThatANamedWorkloadCannotTakeIsAnError(t *testing.T) {
	o := auto()
	o.Method, o.IncludeUnknown = v1alpha1.ByRestart, true
	in := Input{Pods: []scan.Item{item("shop/a", "example.com/Clone/c", v1alpha1.Outdated)}, Named: []podtemplate.Workload{shop("example.com/Clone/c")}}
	_, err := Make(in, o)
	const want = "clone/c in namespace shop: a Clone cannot be restarted by --method restart: use --method evict"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestASelectorIsOnTheWorkloadsLabels(t *testing.T) {
	in := Input{Pods: []scan.Item{
		item("shop/a", cart, v1alpha1.Outdated), item("shop/b", "apps/Deployment/web", v1alpha1.Outdated),
		item("shop/c", "", v1alpha1.Outdated, func(i *scan.Item) { i.Pod.Labels = map[string]string{"app": "cart"} }),
	}}
	for _, name := range []string{"cart", "web"} {
		in.known(deployment(name, 1), func(w *rollout.Workload) { w.Labels = map[string]string{"app": name} })
	}
	o := auto()
	o.Selector = labels.SelectorFromSet(labels.Set{"app": "cart"})
	plan, _ := Make(in, o)
	if got := names(plan); got != "cart c" {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsNeverTouched(t *testing.T) {
	ztunnel := func(i *scan.Item) { i.Pod.Type = proxy.Ztunnel }
	in := Input{Pods: []scan.Item{item("shop/a", cart, v1alpha1.Outdated, ztunnel)}}
	if plan, _ := Make(in, auto()); plan.Steps[0].Reason != "it is not injected: its own rollout replaces its pods" {
		t.Errorf("got %q", plan.Steps[0].Reason)
	}
	in = Input{Pods: []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, Terminating: func(string) bool { return true }}
	if plan, _ := Make(in, auto()); plan.Steps[0].Reason != "its namespace is being deleted" {
		t.Errorf("got %q", plan.Steps[0].Reason)
	}
}

// names are those of a plan's workloads, in order.
func names(plan *Plan) string {
	var out []string
	for _, s := range plan.Steps {
		out = append(out, s.Ref.Name)
	}
	return strings.Join(out, " ")
}

func TestEveryKindIsReadOnce(t *testing.T) {
	got := KindsOf([]podtemplate.Workload{shop(cart), shop("apps/Deployment/web"), shop("batch/Job/x"), shop("example.com/Clone/c")})
	if len(got) != 1 || got[0] != (workload.Ref{Group: "apps", Kind: "Deployment"}) {
		t.Errorf("got %v", got)
	}
}
