package main

import (
	"fmt"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

const (
	mostOverFloor  = 1.25
	leastAhead     = 15
	mostStatus     = 1.15     // of what mesh-proxyver takes for its table
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
	overScan := measure.Ratio(s.runs[status].Wall(), s.runs[asTable].Wall())
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
			What: "requests beyond one for each page", Measured: constants(r.all()),
			Bar: "the same everywhere", Met: constant(r.all()),
		},
		{
			What: "`" + status + "` / `" + asTable + "`", Measured: measure.Number(overScan),
			Bar: "at most " + measure.Number(mostStatus), Met: overScan <= mostStatus,
		},
		{
			What: "its requests beyond one for each page", Measured: constants(r.ofStatus()),
			Bar: "the same everywhere", Met: constant(r.ofStatus()),
		},
		{
			What: "`--help`", Measured: measure.Milliseconds(s.runs[help].Wall()),
			Bar: "under " + measure.Milliseconds(mostHelp), Met: s.runs[help].Wall() < mostHelp,
		},
	}
}

// all returns the requests of every lab and size, without those of the status of an upgrade.
func (r *report) all() []*requests {
	all := []*requests{r.spread}
	for _, s := range r.sizes {
		all = append(all, s.requests)
	}
	return all
}

// ofStatus returns those of the status of an upgrade.
func (r *report) ofStatus() []*requests {
	all := []*requests{r.statusSpread}
	for _, s := range r.sizes {
		all = append(all, s.statusRequests)
	}
	return all
}

// constant tells whether what is sent beyond a request for each page is the same in all of them.
func constant(all []*requests) bool {
	for _, q := range all {
		if q.constant() != all[0].constant() {
			return false
		}
	}
	return true
}

func constants(all []*requests) string {
	least, most := all[0].constant(), all[0].constant()
	for _, q := range all {
		least, most = min(least, q.constant()), max(most, q.constant())
	}
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
