package main

import (
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

const (
	mostOverFloor = 1.10
	mostIdle      = 0.10
	mostMemory    = 60 << 20 // above what --help takes
)

// constant is what is to be the same for any number of workloads.
func (t *traffic) constant() int { return t.lists + t.watches }

// bars compares what was measured with what is asked.
func (r *report) bars() []measure.Bar {
	over := measure.Ratio(r.runs[unthrottled].Wall(), r.runs[floor].Wall())
	idle := measure.Median(r.slotted, slotted.idle)
	asking := measure.Median(r.slotted, func(s slotted) float64 { return s.share(s.asking) })
	above := max(r.runs[unthrottled].Memory(), r.runs[tenSlots].Memory()) - r.runs[help].Memory()
	few, whole := r.few(), r.whole()
	once := true
	for _, t := range r.traffics {
		once = once && t.dryRuns <= t.workloads && t.mostPatches <= 1
	}
	return []measure.Bar{
		{
			What: "`--max-parallel 100` / the floor", Measured: measure.Number(over),
			Bar: "at most " + measure.Number(mostOverFloor), Met: over <= mostOverFloor,
		},
		{
			What:     fmt.Sprintf("time that %d slots are idle", slots),
			Measured: fmt.Sprintf("%s (and %s asking the injector)", measure.Percent(idle), measure.Percent(asking)),
			Bar:      "at most " + measure.Percent(mostIdle), Met: idle+asking <= mostIdle,
		},
		{
			What: "dry runs and patches a workload", Measured: fmt.Sprintf("%s and %s", perWorkload(whole.dryRuns, whole), perWorkload(whole.patches, whole)),
			Bar: "at most one each", Met: once,
		},
		{
			What: "lists and watches", Measured: fmt.Sprintf("%d and %d", few.constant(), whole.constant()),
			Bar: "the same for half as many Deployments", Met: few.constant() == whole.constant(),
		},
		{
			What: "peak memory above that of `--help`", Measured: measure.Mebibytes(above),
			Bar: "at most " + measure.Mebibytes(mostMemory), Met: above <= mostMemory,
		},
	}
}

func perWorkload(n int, t *traffic) string {
	return measure.Number(float64(n) / float64(max(1, t.workloads)))
}
