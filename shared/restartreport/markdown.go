package restartreport

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// Markdown returns a report as a document for a change ticket. Times are in UTC; nothing in it but its own headings, tables
// and lists is taken for Markdown.
func Markdown(r *v1alpha1.RestartReport) []byte {
	var doc strings.Builder
	doc.WriteString("# Restart of workloads in the mesh\n\n")
	summaryTable(&doc, r)
	resultTable(&doc, r)
	failureList(&doc, r)
	probeTable(&doc, r)
	return []byte(doc.String())
}

func summaryTable(doc *strings.Builder, r *v1alpha1.RestartReport) {
	s := r.Summary
	row(doc, "Summary", "")
	rule(doc, 2)
	row(doc, "Began", moment(r.StartedAt))
	row(doc, "Ended", moment(r.FinishedAt))
	row(doc, "Took", restarttext.Seconds(s.Seconds))
	row(doc, "Workloads", fmt.Sprint(s.Workloads))
	for _, o := range v1alpha1.Outcomes() {
		if n := s.ByOutcome[o]; n > 0 {
			row(doc, "Workloads "+restarttext.Outcome(o), fmt.Sprint(n))
		}
	}
	row(doc, "Workloads with stale pods left", fmt.Sprint(s.StillStale))
	row(doc, "Pods replaced", fmt.Sprint(s.Replaced))
	row(doc, "Pods a minute", restarttext.Rate(s.PodsPerMinute))
	if s.Stopped != "" {
		row(doc, "Stopped", printing.Escape(s.Stopped))
	}
}

func resultTable(doc *strings.Builder, r *v1alpha1.RestartReport) {
	if len(r.Items) == 0 {
		return
	}
	doc.WriteString("\n## Results\n\n")
	row(doc, "Workload", "Wave", "Proxy", "Outcome", "Pods replaced", "Took", "Note")
	rule(doc, 7)
	for i := range r.Items {
		item := &r.Items[i]
		wave, took := "-", "-"
		if item.Wave > 0 {
			wave = fmt.Sprint(item.Wave)
		}
		if item.StartedAt != nil {
			took = restarttext.Seconds(item.Seconds)
		}
		row(doc, restarttext.Name(&item.RestartItem), wave, restarttext.Move(&item.RestartItem),
			restarttext.Outcome(item.Outcome), fmt.Sprintf("%d of %d", item.Replaced, item.Pods), took, note(item))
	}
}

// note is what there is to say of what is well; the causes of the rest have a list of their own.
func note(item *v1alpha1.RestartResult) string {
	switch {
	case restarttext.Bad(item.Outcome):
		return "see below"
	case item.Outcome == v1alpha1.Skipped:
		return printing.Escape(cmp.Or(item.Message, item.Reason))
	default:
		return printing.Escape(item.Message)
	}
}

func failureList(doc *strings.Builder, r *v1alpha1.RestartReport) {
	heading := "\n## Did not go well\n\n"
	for i := range r.Items {
		if item := &r.Items[i]; restarttext.Bad(item.Outcome) {
			fmt.Fprintf(doc, "%s- **%s**: %s\n", heading, literal(restarttext.Name(&item.RestartItem)), literal(ending(item)+cause(item)))
			heading = ""
		}
	}
}

func probeTable(doc *strings.Builder, r *v1alpha1.RestartReport) {
	if len(r.Probes) == 0 {
		return
	}
	doc.WriteString("\n## Probes\n\n")
	row(doc, "URL", "Requests", "Errors", "Error rate", "Longest gap", "Answers")
	rule(doc, 6)
	for i := range r.Probes {
		p := &r.Probes[i]
		row(doc, printing.Escape(p.URL), fmt.Sprint(p.Requests), fmt.Sprint(p.Errors), percent(p.ErrorRate),
			restarttext.Seconds(p.LongestGapSeconds), codes(p))
	}
}

func row(doc *strings.Builder, cells ...string) {
	for _, cell := range cells {
		doc.WriteString("| " + literal(cell) + " ")
	}
	doc.WriteString("|\n")
}

func rule(doc *strings.Builder, columns int) {
	doc.WriteString(strings.Repeat("|---", columns) + "|\n")
}

// special are the characters that could begin something else than text within a line.
var special = strings.NewReplacer(`\`, `\\`, "`", "\\`", "|", `\|`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`,
	"<", `\<`, "&", `\&`, "~", `\~`)

// literal returns text that is safe to print as Markdown that shows it.
func literal(text string) string { return special.Replace(text) }

func moment(t metav1.Time) string { return t.UTC().Format(time.DateTime + " MST") }
