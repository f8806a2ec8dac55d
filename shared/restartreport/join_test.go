package restartreport

import (
	"reflect"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

func TestRunsForOnePurposeAreOneReport(t *testing.T) {
	probes := func(well, errors int, gap float64) []v1alpha1.ProbeResult {
		return []v1alpha1.ProbeResult{{
			URL: "https://shop.example", Requests: well + errors, ByCode: map[string]int{"200": well, "503": errors}, Errors: errors,
			ErrorRate: float64(errors) / float64(well+errors), LongestGapSeconds: gap,
		}}
	}
	first := report("", 1, probes(90, 10, 4),
		result("shop", "cart", v1alpha1.Restarted, 3, 10, ""), result("shop", "web", v1alpha1.TimedOut, 1, 60, "too slow"))
	then := report("", 0, probes(100, 0, 0),
		result("shop", "cart", v1alpha1.Skipped, 0, 0, ""), result("shop", "web", v1alpha1.Restarted, 2, 10, ""), result("shop", "new", v1alpha1.Restarted, 1, 5, ""))

	got := Join(first, then)
	var outcomes []string
	for _, i := range got.Items {
		outcomes = append(outcomes, i.Workload.Name+" "+string(i.Outcome))
	}
	if want := []string{"cart restarted", "web restarted", "new restarted"}; !reflect.DeepEqual(outcomes, want) {
		t.Errorf("got %v, want %v", outcomes, want)
	}
	if got.Items[1].Replaced != 3 || first.Items[1].Replaced != 1 {
		t.Errorf("new pods of web: %d in both, %d in the first", got.Items[1].Replaced, first.Items[1].Replaced)
	}
	wantSummary := v1alpha1.RestartReportSummary{
		Workloads: 3, ByOutcome: map[v1alpha1.Outcome]int{v1alpha1.Restarted: 3}, Replaced: 7, Seconds: 1502, PodsPerMinute: 0.3,
	}
	if !reflect.DeepEqual(got.Summary, wantSummary) {
		t.Errorf("got %+v, want %+v", got.Summary, wantSummary)
	}
	wantProbes := probes(190, 10, 4)
	if !reflect.DeepEqual(got.Probes, wantProbes) || first.Probes[0].Requests != 100 {
		t.Errorf("got %+v, want %+v", got.Probes, wantProbes)
	}
	if Join(nil, then) != then || Join(first, nil) != first {
		t.Error("a run alone is not its own report")
	}
}
