package restartreport

import (
	"slices"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// mostNamespaces is for how many namespaces a command each is named; more are looked at all at once.
const mostNamespaces = 3

// next says what to type, nothing where all is well.
func next(r *v1alpha1.RestartReport) string {
	var lines string
	switch by := r.Summary.ByOutcome; {
	case by[v1alpha1.Failed]+by[v1alpha1.TimedOut]+by[v1alpha1.Refused] > 0:
		lines += wrap("  ", "mend the causes above and run the same command again: it goes on")
	case by[v1alpha1.NotStarted]+by[v1alpha1.Interrupted] > 0:
		lines += wrap("  ", "to go on with what is left, run the same command again")
	}
	namespaces := open(r)
	if len(namespaces) == 0 && r.Summary.StillStale == 0 {
		return prefixed(lines)
	}
	lines += wrap("  ", "to see what runs there now:")
	for _, command := range commands(namespaces) {
		lines += "    " + command + "\n"
	}
	return prefixed(lines)
}

func prefixed(lines string) string {
	if lines == "" {
		return ""
	}
	return "Next:\n" + lines
}

// open returns the namespaces of what did not go well, and of what nobody waited for.
func open(r *v1alpha1.RestartReport) []string {
	var namespaces []string
	for i := range r.Items {
		if item := &r.Items[i]; restarttext.Bad(item.Outcome) || item.Outcome == v1alpha1.Started {
			namespaces = append(namespaces, item.Namespace)
		}
	}
	slices.Sort(namespaces)
	return slices.Compact(namespaces)
}

// commands are never broken over two lines: they are to be copied.
func commands(namespaces []string) []string {
	const all, one = "kubectl mesh-proxyver -A", "kubectl mesh-proxyver -n "
	if len(namespaces) == 0 || len(namespaces) > mostNamespaces {
		return []string{all}
	}
	var commands []string
	for _, n := range namespaces {
		command := one + printing.Escape(n)
		if twwidth.Width("    "+command) > columns {
			return []string{all}
		}
		commands = append(commands, command)
	}
	return commands
}
