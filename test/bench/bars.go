package main

import (
	"fmt"
	"time"
)

// bar is what is asked of the plugin and what it does.
type bar struct {
	what, measured, bar string
	met                 bool
}

const (
	mostOverFloor  = 1.25
	leastAhead     = 15
	mostMemory     = 40 << 20 // above what --help takes
	mostGrowth     = 10       // per cent, from the smallest size measured
	mostHelp       = 100 * time.Millisecond
	hundredPercent = 100
)

// bars compares what was measured at the compared size with what is asked.
func (r *report) bars() []bar {
	s := r.compared
	a, smallest := s.runs[asJSON], r.sizes[0]
	overFloor, ahead := ratio(a.wall(), s.floor()), ratio(s.runs[pasteable].wall(), a.wall())
	above := a.memory() - s.runs[help].memory()
	growth := hundredPercent * (ratio(a.memory(), smallest.runs[asJSON].memory()) - 1)
	return []bar{
		{"`-A -o json` / the faster of gzip and plain", number(overFloor), "at most " + number(mostOverFloor), overFloor <= mostOverFloor},
		{"what people paste / `-A -o json`", number(ahead), "at least " + fmt.Sprint(leastAhead), ahead >= leastAhead},
		{"peak memory above that of `--help`", mebibytes(above), "at most " + mebibytes(mostMemory), above <= mostMemory},
		{"peak memory against " + grouped(smallest.pods) + " pods", fmt.Sprintf("%+.0f %%", growth), fmt.Sprintf("at most +%d %%", mostGrowth), growth <= mostGrowth},
		{"requests beyond one for each page", r.constants(), "the same everywhere", r.constant()},
		{"`--help`", milliseconds(s.runs[help].wall()), "under " + milliseconds(mostHelp), s.runs[help].wall() < mostHelp},
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
