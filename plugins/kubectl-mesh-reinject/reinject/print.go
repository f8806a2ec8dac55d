package reinject

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// planColumns are those of a plan.
func planColumns() []printing.Column[v1alpha1.RestartItem] {
	type item = v1alpha1.RestartItem
	return []printing.Column[item]{
		{Header: "WAVE", Extract: func(i item) string { return number(i.Wave) }},
		{Header: "NAMESPACE", Extract: func(i item) string { return i.Namespace }},
		{Header: "WORKLOAD", Extract: name},
		{Header: "STALE", Extract: func(i item) string { return fmt.Sprintf("%d/%d", i.Stale, i.Pods) }},
		{Header: "FROM", Extract: from},
		{Header: "TO", Extract: to},
		{Header: "ACTION", Extract: action},
		{Header: "UNAVAILABLE", Wide: true, Extract: func(i item) string { return number(i.Unavailable) }},
		{Header: "REVISION", Wide: true, Extract: revisions},
		{Header: "REASON", Wide: true, Extract: func(i item) string { return i.Reason }},
	}
}

// resultColumns are those of what was done.
func resultColumns() []printing.Column[v1alpha1.RestartResult] {
	type result = v1alpha1.RestartResult
	return []printing.Column[result]{
		{Header: "NAMESPACE", Extract: func(r result) string { return r.Namespace }},
		{Header: "WORKLOAD", Extract: func(r result) string { return name(r.RestartItem) }},
		{Header: "PODS", Extract: func(r result) string { return strconv.Itoa(r.Pods) }},
		{Header: "FROM", Extract: func(r result) string { return from(r.RestartItem) }},
		{Header: "TO", Extract: func(r result) string { return to(r.RestartItem) }},
		{Header: "ACTION", Extract: func(r result) string { return action(r.RestartItem) }},
		{Header: "RESULT", Extract: func(r result) string { return restarttext.Outcome(r.Outcome) }},
		{Header: "TIME", Extract: func(r result) string {
			if r.StartedAt == nil {
				return ""
			}
			return restarttext.Seconds(r.Seconds)
		}},
		{Header: "REVISION", Wide: true, Extract: func(r result) string { return revisions(r.RestartItem) }},
		{Header: "MESSAGE", Wide: true, Extract: func(r result) string { return r.Message }},
	}
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func name(i v1alpha1.RestartItem) string {
	return strings.ToLower(i.Workload.Kind) + "/" + i.Workload.Name
}

// from is what the pods run, versions only.
func from(i v1alpha1.RestartItem) string {
	return distinct(i.From, func(r v1alpha1.RunningProxy) string { return cmp.Or(r.Version, r.Image) })
}

func to(i v1alpha1.RestartItem) string {
	if i.To == nil {
		return ""
	}
	return cmp.Or(i.To.Version, i.To.Image)
}

func revisions(i v1alpha1.RestartItem) string {
	before := distinct(i.From, func(r v1alpha1.RunningProxy) string { return r.Revision })
	if i.To == nil || i.To.Revision == before {
		return before
	}
	return cmp.Or(before, "-") + " -> " + i.To.Revision
}

func distinct(running []v1alpha1.RunningProxy, of func(v1alpha1.RunningProxy) string) string {
	var words []string
	seen := map[string]bool{}
	for _, r := range running {
		if w := of(r); w != "" && !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	return strings.Join(words, ",")
}

// action says in a word or two what is done: `restart`, `restart, surge`, `await`, `skip`.
func action(i v1alpha1.RestartItem) string {
	text := string(i.Action)
	if i.Action == v1alpha1.Restart {
		text = string(i.Method)
	}
	if g := i.GracePeriod; g != nil {
		text += fmt.Sprintf(" %ds (own %ds)", g.Set, g.Own)
	}
	if i.Surge && i.Action == v1alpha1.Restart {
		text += ", surge"
	}
	return text
}

// planTable prints the plan for people: a table, and below it what is skipped and why.
func (o *Options) planTable(plan *restartplan.Plan, out io.Writer) error {
	report := plan.Report()
	if len(report.Items) == 0 {
		return nil
	}
	table := printing.Table[v1alpha1.RestartItem]{Columns: planColumns(), Wide: o.Output == outputWide, NoHeaders: o.NoHeaders}
	return table.Print(out, report.Items)
}

// notes are what a plan's table does not say: warnings, and why something is skipped, with what to type instead.
func (o *Options) notes(items []v1alpha1.RestartItem) {
	for _, i := range items {
		for _, w := range i.Warnings {
			fmt.Fprintf(o.ErrOut, "warning: %s: %s\n", restarttext.Name(&i), printing.Escape(w))
		}
		if i.Action != v1alpha1.Skip {
			continue
		}
		line := fmt.Sprintf("skipped: %s: %s", restarttext.Name(&i), printing.Escape(i.Reason))
		if i.Command != "" {
			line += "; to change that: " + printing.Escape(i.Command)
		}
		fmt.Fprintln(o.ErrOut, line)
	}
}

// printPlan prints the plan in the format that was asked for.
func (o *Options) printPlan(plan *restartplan.Plan) error {
	report := plan.Report()
	o.notes(report.Items)
	switch o.Output {
	case "", outputWide:
		return o.planTable(plan, o.Out)
	case outputName:
		return o.names(report.Items)
	default:
		return o.object(report)
	}
}

// printResults prints what was done in the format that was asked for.
func (o *Options) printResults(report *v1alpha1.RestartReport) error {
	var items []v1alpha1.RestartItem
	for _, r := range report.Items {
		items = append(items, r.RestartItem)
	}
	switch o.Output {
	case "", outputWide:
		if len(report.Items) == 0 {
			return nil
		}
		table := printing.Table[v1alpha1.RestartResult]{Columns: resultColumns(), Wide: o.Output == outputWide, NoHeaders: o.NoHeaders}
		return table.Print(o.Out, report.Items)
	case outputName:
		return o.names(items)
	default:
		return o.object(report)
	}
}

// names prints the workloads that are acted on, as other commands take them.
func (o *Options) names(items []v1alpha1.RestartItem) error {
	for _, i := range items {
		if i.Action == v1alpha1.Skip {
			continue
		}
		if _, err := fmt.Fprintln(o.Out, printing.Escape(name(i))); err != nil {
			return fmt.Errorf("writing: %w", err)
		}
	}
	return nil
}

func (o *Options) object(object runtime.Object) error {
	printer, err := o.reports.Printer(o.Output, o.NoHeaders, outputWide, outputName)
	if err != nil {
		return err
	}
	if err := printer.PrintObj(object, o.Out); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
