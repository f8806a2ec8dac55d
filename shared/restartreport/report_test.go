package restartreport

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

var start = metav1.NewTime(time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC))

// hostile tries to clear the terminal, to add a line, and to end a cell of a table.
const hostile = "admission webhook \"policy\" denied: \x1b[2J\n| `rm` <b>*all*</b> [x](http://y) \u009b1m"

func result(namespace, name string, o v1alpha1.Outcome, replaced int, seconds float64, message string) v1alpha1.RestartResult {
	r := v1alpha1.RestartResult{
		RestartItem: v1alpha1.RestartItem{
			Namespace: namespace, Workload: v1alpha1.Workload{Kind: "Deployment", Name: name},
			Action: v1alpha1.Restart, Method: v1alpha1.ByRestart, Wave: 1, Pods: 3, Stale: 3,
			ByStatus: map[v1alpha1.Status]int{v1alpha1.Outdated: 3}, Reason: "it is outdated",
			From: []v1alpha1.RunningProxy{{Image: "proxyv2:1.22.0", Version: "1.22.0", Revision: "1-22", Pods: 3}},
			To:   &v1alpha1.RunningProxy{Image: "proxyv2:1.23.0", Version: "1.23.0", Revision: "1-23"},
		},
		Outcome: o, Message: message, Replaced: replaced, Seconds: seconds,
	}
	if seconds > 0 {
		r.StartedAt = &start
	}
	return r
}

// report sums the results up.
func report(stopped string, stale int, probes []v1alpha1.ProbeResult, items ...v1alpha1.RestartResult) *v1alpha1.RestartReport {
	r := &v1alpha1.RestartReport{
		TypeMeta:  metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.RestartReportKind},
		StartedAt: start, FinishedAt: metav1.NewTime(start.Add(751 * time.Second)), Items: items, Probes: probes,
		Summary: v1alpha1.RestartReportSummary{
			Workloads: len(items), ByOutcome: map[v1alpha1.Outcome]int{}, Seconds: 751, StillStale: stale, Stopped: stopped,
		},
	}
	for _, item := range items {
		r.Summary.ByOutcome[item.Outcome]++
		r.Summary.Replaced += item.Replaced
	}
	r.Summary.PodsPerMinute = float64(r.Summary.Replaced) / 751 * 60
	return r
}

// rich is a report with everything in it.
func rich() *v1alpha1.RestartReport {
	skipped := result("shop", "paused", v1alpha1.Skipped, 0, 0, "")
	skipped.Action, skipped.Wave, skipped.Reason = v1alpha1.Skip, 0, "its rollout is paused"
	return report("more workloads failed than --max-failures allows", 6, []v1alpha1.ProbeResult{
		{URL: "https://shop.example/healthz", Requests: 75100, ByCode: map[string]int{"200": 75097, "503": 2, "error": 1}, Errors: 3,
			ErrorRate: 3.0 / 75100, LongestGapSeconds: 0.42},
		{URL: "http://payments.example/" + strings.Repeat("segment/", 12), Requests: 1, ByCode: map[string]int{"200": 1}},
		{URL: "http://nobody.example/\x1b[31m"},
		{URL: "http://gone.example/", Requests: 20, ByCode: map[string]int{"error": 20}, Errors: 20, ErrorRate: 1, LongestGapSeconds: 751},
	},
		result("shop", "cart", v1alpha1.Restarted, 3, 12.4, ""),
		result("shop", "orders", v1alpha1.Awaited, 3, 61, ""),
		result("shop", "single", v1alpha1.ReplicasPutBack, 0, 2, ""),
		result("shop", "web", v1alpha1.Unchanged, 0, 0, "the injector gives what already runs"),
		result("shop", "old", v1alpha1.Gone, 0, 3, ""),
		skipped,
		result("shop", "search", v1alpha1.Failed, 1, 3.1,
			`pod search-7d9f-x2k: ImagePullBackOff: Back-off pulling image "registry.example/a/very/long/path/that/goes/on/and/on/and/on/search@sha256:0123456789abcdef0123456789abcdef"`),
		result("カート", "カート", v1alpha1.TimedOut, 2, 600, strings.Repeat("カート", 30)),
		result("payments", "ledger", v1alpha1.Refused, 0, 0, hostile),
		result("payments", "rates", v1alpha1.StillOld, 3, 30, "its pods run 1.22.0 all the same"),
		result("payments", "fees", v1alpha1.Interrupted, 0, 5, ""),
		result("payments", "tax", v1alpha1.NotStarted, 0, 0, ""),
	)
}

func TestASummaryForPeople(t *testing.T) {
	long := strings.Repeat("n", 63)
	for file, r := range map[string]*v1alpha1.RestartReport{
		"rich.txt":    rich(),
		"well.txt":    report("", 0, nil, result("shop", "cart", v1alpha1.Restarted, 3, 12.4, "")),
		"nothing.txt": report("", 0, nil),
		"started.txt": report("", 1, nil, result("shop", "cart", v1alpha1.Started, 0, 0, ""), result("blog", "cms", v1alpha1.Started, 0, 0, "")),
		"many-namespaces.txt": report("", 1, nil, result("a", "x", v1alpha1.Failed, 0, 1, ""), result("b", "x", v1alpha1.Failed, 0, 1, ""),
			result("c", "x", v1alpha1.Failed, 0, 1, ""), result("d", "x", v1alpha1.Failed, 0, 1, "")),
		"long-namespace.txt": report("", 1, nil, result(long, long, v1alpha1.Failed, 0, 1, "")),
	} {
		t.Run(file, func(t *testing.T) {
			text := Summary(r)
			golden.Equal(t, "summary-"+file, text)
			for line := range strings.Lines(text) {
				if w := twwidth.Width(strings.TrimSuffix(line, "\n")); w > 80 {
					t.Errorf("%q has %d columns", line, w)
				}
			}
		})
	}
}

func TestASummaryKeepsTheWholeCause(t *testing.T) {
	r := rich()
	text := strings.Join(strings.Fields(Summary(r)), "")
	for _, item := range r.Items {
		if cause := strings.Join(strings.Fields(item.Message), ""); item.Outcome == v1alpha1.Failed && !strings.Contains(text, cause) {
			t.Errorf("%s is not in the summary", item.Message)
		}
	}
}

func TestAReportForATicket(t *testing.T) {
	golden.Equal(t, "rich.md", string(Markdown(rich())))
	golden.Equal(t, "nothing.md", string(Markdown(report("", 0, nil))))
}

func TestAReportForMachines(t *testing.T) {
	text, err := JSON(rich())
	if err != nil {
		t.Fatal(err)
	}
	golden.Equal(t, "rich.json", string(text))
	var back, want v1alpha1.RestartReport
	plain, _ := json.Marshal(rich())
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(plain, &want); err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("%v: what is read is not what was written", err)
	}
}

func TestANumberThatJSONDoesNotKnowIsAnError(t *testing.T) {
	r := rich()
	r.Summary.PodsPerMinute = math.NaN()
	if _, err := JSON(r); err == nil {
		t.Error("no error")
	}
}

func TestAShareIsNotRoundedToNoneOrAll(t *testing.T) {
	for share, want := range map[float64]string{
		0: "0.00 %", 0.00001: "under 0.01 %", 0.00005: "0.01 %", 0.1234: "12.34 %", 0.99999: "over 99.99 %", 1: "100.00 %",
	} {
		if got := percent(share); got != want {
			t.Errorf("%v: got %q, want %q", share, got, want)
		}
	}
}
