// Package restartreport puts in words what a run of restarts did: a summary for stderr, and reports for files.
package restartreport

import (
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// Summary returns what is to be read at the end of a run, in lines of at most 80 columns: what became of the workloads,
// the causes where it was not well, what requests met meanwhile, and what to type next.
func Summary(r *v1alpha1.RestartReport) string {
	sections := []string{overview(r), failures(r), probes(r), next(r)}
	var text strings.Builder
	for _, section := range sections {
		if section != "" && text.Len() > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(section)
	}
	return text.String()
}

func overview(r *v1alpha1.RestartReport) string {
	s := r.Summary
	lines := wrap("", fmt.Sprintf("%s in %s%s.", restarttext.Count(s.Workloads, "workload"), restarttext.Seconds(s.Seconds), outcomes(s)))
	if s.Replaced > 0 {
		lines += wrap("", fmt.Sprintf("%s replaced, %s a minute.", restarttext.Count(s.Replaced, "pod"), restarttext.Rate(s.PodsPerMinute)))
	}
	if s.Stopped != "" {
		lines += wrap("", "Stopped: "+printing.Escape(s.Stopped))
	}
	switch s.StillStale {
	case 0:
		return lines
	case 1:
		return lines + wrap("", "1 workload still has stale pods.")
	default:
		return lines + wrap("", fmt.Sprintf("%d workloads still have stale pods.", s.StillStale))
	}
}

// outcomes counts them, those that are well first.
func outcomes(s v1alpha1.RestartReportSummary) string {
	var counts []string
	skipped := ""
	for _, o := range v1alpha1.Outcomes() {
		switch n := s.ByOutcome[o]; {
		case n == 0:
		case o == v1alpha1.Skipped:
			// They do not count among the workloads of the run.
			skipped = fmt.Sprintf("; skipped: %d", n)
		default:
			counts = append(counts, fmt.Sprintf("%d %s", n, restarttext.Outcome(o)))
		}
	}
	if len(counts) == 0 {
		return skipped
	}
	return ": " + strings.Join(counts, ", ") + skipped
}

// failures lists what somebody has to look into, with its cause.
func failures(r *v1alpha1.RestartReport) string {
	var lines strings.Builder
	for i := range r.Items {
		if item := &r.Items[i]; restarttext.Bad(item.Outcome) {
			lines.WriteString(wrap("  ", restarttext.Name(&item.RestartItem)+": "+ending(item)+cause(item)))
		}
	}
	if lines.Len() == 0 {
		return ""
	}
	return "Did not go well:\n" + lines.String()
}

// ending says how it ended, and after how long where it was begun.
func ending(item *v1alpha1.RestartResult) string {
	if item.StartedAt == nil {
		return restarttext.Outcome(item.Outcome)
	}
	return restarttext.Outcome(item.Outcome) + " after " + restarttext.Seconds(item.Seconds)
}

func cause(item *v1alpha1.RestartResult) string {
	if item.Message == "" {
		return ""
	}
	return ": " + printing.Escape(item.Message)
}

func probes(r *v1alpha1.RestartReport) string {
	var lines strings.Builder
	for i := range r.Probes {
		lines.WriteString(wrap("  ", printing.Escape(r.Probes[i].URL)+": "+met(&r.Probes[i])))
	}
	if lines.Len() == 0 {
		return ""
	}
	return "Probes:\n" + lines.String()
}
