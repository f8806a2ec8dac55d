package main

import (
	"fmt"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

const (
	mostOverFloor  = 1.25
	leastAhead     = 15
	mostMemory     = 40 << 20 // above what --help takes
	mostGrowth     = 10       // per cent, from the smallest size measured
	mostHelp       = 100 * time.Millisecond
	hundredPercent = 100
)

// bars compares what was measured at the compared size with what is asked.
func (r *report) bars() []measure.Bar {
	s := r.compared
	a, smallest := s.runs[asJSON], r.sizes[0]
	overFloor, ahead := measure.Ratio(a.Wall(), s.floor()), measure.Ratio(s.runs[pasteable].Wall(), a.Wall())
	above := a.Memory() - s.runs[help].Memory()
	growth := hundredPercent * (measure.Ratio(a.Memory(), smallest.runs[asJSON].Memory()) - 1)
	return []measure.Bar{
		{
			What: "`-A -o json` / the faster of gzip and plain", Measured: measure.Number(overFloor),
			Bar: "at most " + measure.Number(mostOverFloor), Met: overFloor <= mostOverFloor,
		},
		{
			What: "what people paste / `-A -o json`", Measured: measure.Number(ahead),
			Bar: "at least " + fmt.Sprint(leastAhead), Met: ahead >= leastAhead,
		},
		{
			What: "peak memory above that of `--help`", Measured: measure.Mebibytes(above),
			Bar: "at most " + measure.Mebibytes(mostMemory), Met: above <= mostMemory,
		},
		{
			What: "peak memory against " + measure.Grouped(smallest.pods) + " pods", Measured: fmt.Sprintf("%+.0f %%", growth),
			Bar: fmt.Sprintf("at most +%d %%", mostGrowth), Met: growth <= mostGrowth,
		},
		{
			What: "requests beyond one for each page", Measured: r.constants(),
			Bar: "the same everywhere", Met: r.constant(),
		},
		{
			What: "`--help`", Measured: measure.Milliseconds(s.runs[help].Wall()),
			Bar: "under " + measure.Milliseconds(mostHelp), Met: s.runs[help].Wall() < mostHelp,
		},
	}
}

// all returns the requests of every lab and size.
func (r *report) all() []*requests {
	all := []*requests{r.spread}
	for _, s := range r.sizes {
		all = append(all, s.requests)
	}
	return all
}

// constant tells whether what is sent beyond a request for each page is the same at all sizes and in all labs.
func (r *report) constant() bool {
	for _, q := range r.all() {
		if q.constant() != r.spread.constant() {
			return false
		}
	}
	return true
}

func (r *report) constants() string {
	least, most := r.spread.constant(), r.spread.constant()
	for _, q := range r.all() {
		least, most = min(least, q.constant()), max(most, q.constant())
	}
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
