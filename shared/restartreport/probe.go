package restartreport

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// met says what the requests to one URL met.
func met(p *v1alpha1.ProbeResult) string {
	if p.Requests == 0 {
		return "no requests"
	}
	text := restarttext.Count(p.Requests, "request") + ", " + restarttext.Count(p.Errors, "error")
	if p.Errors > 0 {
		text += fmt.Sprintf(" (%s), longest gap %s", percent(p.ErrorRate), restarttext.Seconds(p.LongestGapSeconds))
	}
	return text + "; " + codes(p)
}

// percent returns a share of 1. One that rounding would make none, or all, is not called so.
func percent(share float64) string {
	switch {
	case share > 0 && share < 0.00005:
		return "under 0.01 %"
	case share < 1 && share > 0.99995:
		return "over 99.99 %"
	default:
		return fmt.Sprintf("%.2f %%", share*100)
	}
}

// codes counts the answers, and the requests without one last.
func codes(p *v1alpha1.ProbeResult) string {
	const none = "error"
	var counts []string
	for _, code := range slices.Sorted(maps.Keys(p.ByCode)) {
		if code != none {
			counts = append(counts, fmt.Sprintf("%s: %d", printing.Escape(code), p.ByCode[code]))
		}
	}
	if n := p.ByCode[none]; n > 0 {
		counts = append(counts, fmt.Sprintf("no answer: %d", n))
	}
	return strings.Join(counts, ", ")
}
