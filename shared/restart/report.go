package restart

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// report says what became of every step of the plan.
func (r *runner) report() *v1alpha1.RestartReport {
	end := time.Now()
	report := &v1alpha1.RestartReport{
		TypeMeta:  metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.RestartReportKind},
		StartedAt: metav1.NewTime(r.began), FinishedAt: metav1.NewTime(end),
		Items:   []v1alpha1.RestartResult{},
		Summary: v1alpha1.RestartReportSummary{ByOutcome: map[v1alpha1.Outcome]int{}, Stopped: r.stopped},
	}
	sum := &report.Summary
	for _, t := range r.tasks {
		if t.result == nil {
			t.result = &v1alpha1.RestartResult{RestartItem: t.step.RestartItem, Outcome: v1alpha1.NotStarted, Message: r.stopped}
			r.observe(Event{Kind: WorkloadEnded, Item: &t.step.RestartItem, Result: t.result})
		}
		report.Items = append(report.Items, *t.result)
		sum.ByOutcome[t.result.Outcome]++
		sum.Replaced += t.result.Replaced
		if t.step.Acts() {
			sum.Workloads++
		}
		if t.step.Held > 0 || t.step.Stale > 0 && leavesStale(t.result.Outcome) {
			sum.StillStale++
		}
	}
	took := end.Sub(r.began)
	sum.Seconds = seconds(took)
	if minutes := took.Minutes(); minutes > 0 {
		sum.PodsPerMinute = float64(int(float64(sum.Replaced)/minutes*10+0.5)) / 10
	}
	return report
}

// leavesStale says whether a workload that had stale pods still has them after the outcome.
func leavesStale(o v1alpha1.Outcome) bool {
	switch o {
	case v1alpha1.Restarted, v1alpha1.Awaited, v1alpha1.Unchanged, v1alpha1.Gone:
		return false
	default:
		return true
	}
}

// Well says whether an outcome is one that needs nobody's attention. What the plan has skipped does not count as any other.
func Well(o v1alpha1.Outcome) bool {
	switch o {
	case v1alpha1.StillOld, v1alpha1.Refused, v1alpha1.Failed, v1alpha1.TimedOut, v1alpha1.NotStarted, v1alpha1.Interrupted:
		return false
	default:
		return true
	}
}
