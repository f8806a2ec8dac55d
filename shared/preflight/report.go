package preflight

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// Report makes of facts what is printed of them.
func Report(f Facts) *v1alpha1.CheckReport {
	end := func(p Plane) v1alpha1.CheckedRevision {
		return v1alpha1.CheckedRevision{Revision: p.Revision, Version: p.version(), Namespace: p.Namespace}
	}
	return v1alpha1.NewCheckReport(end(f.From), end(f.To), Check(f))
}

// Name is an object as people type it: `deployment/cart`.
func Name(o v1alpha1.CheckedObject) string {
	switch {
	case o.Kind == "":
		return o.Name
	case o.Name == "":
		return strings.ToLower(o.Kind) + "s"
	default:
		return strings.ToLower(o.Kind) + "/" + o.Name
	}
}

// Print writes a report for people: by category, each finding with its remedy below it, and a category without any on a line of
// its own. With bare, what was checked is not said, nor where nothing was found. The error is the writer's.
func Print(out io.Writer, report *v1alpha1.CheckReport, bare bool) error {
	var text strings.Builder
	if !bare {
		fmt.Fprintf(&text, "%s\n\n", between(report))
	}
	found := map[v1alpha1.Category][]v1alpha1.Finding{}
	for _, f := range report.Items {
		found[f.Category] = append(found[f.Category], f)
	}
	for _, category := range v1alpha1.Categories() {
		findings := found[category]
		if !bare {
			text.WriteString(heading(category, len(findings), unfound(category, report)))
		}
		for _, f := range findings {
			fmt.Fprintf(&text, "  %-9s%s%s\n           -> %s\n", string(f.Severity)+":", about(f.Object), printing.Escape(f.Message), printing.Escape(f.Remedy))
		}
	}
	if !bare {
		fmt.Fprintf(&text, "\n%s\n", summary(report.Summary))
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// between says which upgrade was checked.
func between(report *v1alpha1.CheckReport) string {
	if report.From == report.To {
		return "Revision " + ended(report.To) + ", upgraded in place"
	}
	return "From revision " + ended(report.From) + " to " + ended(report.To)
}

func ended(r v1alpha1.CheckedRevision) string {
	return printing.Escape(r.Revision) + " (" + printing.Escape(orUnknown(r.Version)) + ")"
}

// heading is a category's line, empty where there is nothing to say of it.
func heading(category v1alpha1.Category, findings int, unfound string) string {
	what := unfound
	if findings > 0 {
		what = counted(findings, "finding")
	}
	if what == "" {
		return ""
	}
	return fmt.Sprintf("%-15s%s\n", category, what)
}

// unfound is what is said of a category without findings. That all is well is not said where something could not be read, or where
// there was nothing to compare with.
func unfound(category v1alpha1.Category, report *v1alpha1.CheckReport) string {
	compared := []v1alpha1.Category{v1alpha1.AboutVersion, v1alpha1.AboutConfiguration, v1alpha1.AboutEnvoyFilters}
	absent := slices.ContainsFunc(report.Items, func(f v1alpha1.Finding) bool { return f.Check == notInstalled })
	switch {
	case category == v1alpha1.Unchecked:
		return ""
	case absent && slices.Contains(compared, category):
		return "not checked, for the target is not installed"
	case slices.ContainsFunc(report.Items, func(f v1alpha1.Finding) bool { return leavesOpen(f, category) }):
		return "nothing found in what could be read"
	default:
		return "ok"
	}
}

// leavesOpen says whether there may be more findings of a category for something that could not be checked.
func leavesOpen(f v1alpha1.Finding, category v1alpha1.Category) bool {
	return f.Category == v1alpha1.Unchecked && (f.Check != webhookUnasked || category == v1alpha1.AboutControlPlane)
}

// about names a finding's object before its message.
func about(o v1alpha1.CheckedObject) string {
	if o.Kind == "" {
		return ""
	}
	name := printing.Escape(Name(o))
	if o.Namespace != "" {
		name += " in " + printing.Escape(o.Namespace)
	}
	return name + ": "
}

func summary(s v1alpha1.CheckSummary) string {
	if s.Findings == 0 {
		return "Nothing stands in the way."
	}
	var parts []string
	for _, severity := range v1alpha1.Severities() {
		if n := s.BySeverity[severity]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", severity, n))
		}
	}
	return "Findings: " + strings.Join(parts, ", ")
}
