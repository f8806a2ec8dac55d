package probe

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// noAnswer is where ProbeResult.ByCode counts the requests that got no answer.
const noAnswer = "error"

// tally counts what requests to one URL met, in whatever order they end. The zero value has met nothing.
type tally struct {
	requests, errors int
	byCode           map[string]int
	// gap is that of the requests before which none can end any more, waiting are the others, in the order in which they
	// began.
	gap     gap
	waiting []attempt
}

// attempt is a request as far as gaps are concerned.
type attempt struct {
	begin  time.Time
	failed bool
}

// add counts a request that began then and was answered with the code or, where err is not nil, not at all.
func (t *tally) add(begin time.Time, code int, err error) {
	key := strconv.Itoa(code)
	if err != nil {
		key = noAnswer
	}
	if t.byCode == nil {
		t.byCode = map[string]int{}
	}
	t.byCode[key]++
	t.requests++
	failed := isError(code, err)
	if failed {
		t.errors++
	}
	i, _ := slices.BinarySearchFunc(t.waiting, begin, func(a attempt, at time.Time) int { return a.begin.Compare(at) })
	t.waiting = slices.Insert(t.waiting, i, attempt{begin: begin, failed: failed})
}

func isError(code int, err error) bool { return err != nil || code >= http.StatusBadRequest }

// settle says that no request that began before then will be added any more, so that those need not be kept one by one.
func (t *tally) settle(before time.Time) {
	n := 0
	for n < len(t.waiting) && t.waiting[n].begin.Before(before) {
		t.gap.meet(t.waiting[n])
		n++
	}
	t.waiting = slices.Delete(t.waiting, 0, n)
}

// rate is the share of errors, 0 to 1; 0 where there were no requests.
func (t *tally) rate() float64 {
	if t.requests == 0 {
		return 0
	}
	return float64(t.errors) / float64(t.requests)
}

// longestGap is as ProbeResult.LongestGapSeconds says, going by all requests that were added.
func (t *tally) longestGap() time.Duration {
	g := t.gap
	for _, a := range t.waiting {
		g.meet(a)
	}
	return g.longest
}

// result shares nothing with the tally.
func (t *tally) result(url string) v1alpha1.ProbeResult {
	byCode := map[string]int{}
	maps.Copy(byCode, t.byCode)
	return v1alpha1.ProbeResult{
		URL: url, Requests: t.requests, ByCode: byCode, Errors: t.errors, ErrorRate: t.rate(),
		LongestGapSeconds: t.longestGap().Seconds(),
	}
}

// gap finds the longest time that errors lasted, from requests in the order in which they began.
type gap struct {
	longest time.Duration
	// since is when the last request began that went well or, before there is one, the first of all.
	since   time.Time
	failing bool
}

func (g *gap) meet(a attempt) {
	if g.since.IsZero() {
		g.since = a.begin
	}
	if a.failed || g.failing {
		g.longest = max(g.longest, a.begin.Sub(g.since))
	}
	g.failing = a.failed
	if !a.failed {
		g.since = a.begin
	}
}
