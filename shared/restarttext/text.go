// Package restarttext puts in words what a plan of restarts and its report say, so that progress, summaries and reports
// call the same thing by the same name. What it returns of a cluster's own text is safe to print.
package restarttext

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// Name returns a workload as NAMESPACE/KIND/NAME.
func Name(item *v1alpha1.RestartItem) string {
	return printing.Escape(item.Namespace + "/" + strings.ToLower(item.Workload.Kind) + "/" + item.Workload.Name)
}

// Count returns a number with its noun, such as `1 pod` and `2 pods`; the plural is the noun with an s.
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Seconds returns a number of seconds as people write it: tenths below a minute (`12.4s`), whole seconds above (`3m20s`).
func Seconds(seconds float64) string {
	// What would be rounded to a minute is one.
	if seconds < 59.95 {
		return fmt.Sprintf("%.1fs", seconds)
	}
	return Duration(time.Duration(seconds * float64(time.Second)))
}

// Duration returns it in whole seconds, such as `45s` and `3m20s`.
func Duration(d time.Duration) string { return d.Round(time.Second).String() }

// Rate returns a number of pods a minute: with a tenth below ten, without above.
func Rate(perMinute float64) string {
	if perMinute < 9.95 {
		return fmt.Sprintf("%.1f", perMinute)
	}
	return fmt.Sprintf("%.0f", math.Round(perMinute))
}

// Outcome returns an outcome in words.
func Outcome(o v1alpha1.Outcome) string { return strings.ReplaceAll(string(o), "-", " ") }

// Bad says whether an outcome is one that somebody has to look into.
func Bad(o v1alpha1.Outcome) bool {
	return slices.Contains([]v1alpha1.Outcome{
		v1alpha1.StillOld, v1alpha1.Refused, v1alpha1.Failed, v1alpha1.TimedOut, v1alpha1.Interrupted,
	}, o)
}

// Move returns what a workload's pods run and what they are to run, such as `1.22.0 -> 1.23.0`: by version, and by
// revision too where a version stays. "-" stands for no proxy, and for what cannot be told.
func Move(item *v1alpha1.RestartItem) string {
	stays := item.To != nil && slices.ContainsFunc(item.From, func(p v1alpha1.RunningProxy) bool {
		return p.Version == item.To.Version
	})
	var from []string
	for _, p := range item.From {
		if text := running(&p, stays); !slices.Contains(from, text) {
			from = append(from, text)
		}
	}
	if len(from) == 0 {
		from = []string{running(nil, stays)}
	}
	return strings.Join(from, ", ") + " -> " + running(item.To, stays)
}

func running(p *v1alpha1.RunningProxy, revision bool) string {
	switch {
	case p == nil || p.Version == "" && p.Image == "":
		return "-"
	case p.Version == "":
		return printing.Escape(p.Image)
	case revision && p.Revision != "":
		return printing.Escape(p.Version + " of " + p.Revision)
	default:
		return printing.Escape(p.Version)
	}
}
