package restartreport

import (
	"maps"
	"math"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Join returns one report of two runs, one after the other, that were for the same purpose; either may be nil. Of a workload that both
// have to do with, it says what became of it last, and counts the pods that came new in both.
func Join(first, then *v1alpha1.RestartReport) *v1alpha1.RestartReport {
	switch {
	case first == nil:
		return then
	case then == nil:
		return first
	}
	joined := *then
	joined.StartedAt = first.StartedAt
	joined.Items = joinItems(first.Items, then.Items)
	joined.Probes = joinProbes(first.Probes, then.Probes)
	s := &joined.Summary
	s.Workloads, s.ByOutcome = len(joined.Items), map[v1alpha1.Outcome]int{}
	for _, i := range joined.Items {
		s.ByOutcome[i.Outcome]++
	}
	s.Replaced += first.Summary.Replaced
	if s.Seconds += first.Summary.Seconds; s.Seconds > 0 {
		const secondsPerMinute = 60
		s.PodsPerMinute = math.Round(float64(s.Replaced)/s.Seconds*secondsPerMinute*10) / 10
	}
	return &joined
}

func joinItems(first, then []v1alpha1.RestartResult) []v1alpha1.RestartResult {
	type key struct {
		namespace string
		workload  v1alpha1.Workload
	}
	items, at := slices.Clone(first), map[key]int{}
	for i, item := range items {
		at[key{item.Namespace, item.Workload}] = i
	}
	for _, item := range then {
		i, again := at[key{item.Namespace, item.Workload}]
		switch {
		case !again:
			items = append(items, item)
		case item.Outcome == v1alpha1.Skipped:
			// What was done of it before says more.
		default:
			item.Replaced += items[i].Replaced
			items[i] = item
		}
	}
	return items
}

func joinProbes(first, then []v1alpha1.ProbeResult) []v1alpha1.ProbeResult {
	probes := slices.Clone(first)
	for _, p := range then {
		i := slices.IndexFunc(probes, func(other v1alpha1.ProbeResult) bool { return other.URL == p.URL })
		if i < 0 {
			probes = append(probes, p)
			continue
		}
		was := probes[i]
		p.ByCode = maps.Clone(p.ByCode)
		for code, n := range was.ByCode {
			p.ByCode[code] += n
		}
		p.Requests, p.Errors = p.Requests+was.Requests, p.Errors+was.Errors
		if p.Requests > 0 {
			p.ErrorRate = float64(p.Errors) / float64(p.Requests)
		}
		p.LongestGapSeconds = max(p.LongestGapSeconds, was.LongestGapSeconds)
		probes[i] = p
	}
	return probes
}
