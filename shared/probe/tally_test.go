package probe

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(second int) time.Time { return epoch.Add(time.Duration(second) * time.Second) }

// fill adds one request a second: a full stop is one that went well, an x one that got no answer, a blank none.
func fill(t *tally, course string) {
	for second, what := range course {
		switch what {
		case '.':
			t.add(at(second), 200, nil)
		case 'x':
			t.add(at(second), 0, errors.New("refused"))
		}
	}
}

func TestTheLongestGapIsFromTheLastGoodRequestToTheNext(t *testing.T) {
	for _, c := range []struct {
		rule, course string
		want         time.Duration
	}{
		{"nothing was asked", "", 0},
		{"one good request is no gap", ".", 0},
		{"good ones alone are none, however far apart", ".    .", 0},
		{"one bad request alone lasted no time", "x", 0},
		{"between two good ones", "..x..", 2 * time.Second},
		{"several bad ones are one gap", ".xxx.", 4 * time.Second},
		{"from the first of all where none was good before", "xx.", 2 * time.Second},
		{"to the last of all where none is good after", ".xx", 2 * time.Second},
		{"from the first to the last where none is good", "xxxx", 3 * time.Second},
		{"a good one ends it", ".x.x.", 2 * time.Second},
		{"the longest counts, first", ".xxx.x.", 4 * time.Second},
		{"the longest counts, last", ".x.xxx", 3 * time.Second},
		{"what was not asked does not end it", ".x  x .", 6 * time.Second},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var once, settled, backwards tally
			fill(&once, c.course)
			for end := range len(c.course) {
				fill(&settled, strings.Repeat(" ", end)+c.course[end:end+1])
				settled.settle(at(end + 1))
			}
			for end := len(c.course) - 1; end >= 0; end-- {
				fill(&backwards, strings.Repeat(" ", end)+c.course[end:end+1])
			}
			for how, tally := range map[string]*tally{"in order": &once, "settled each time": &settled, "ended in reverse": &backwards} {
				if got := tally.longestGap(); got != c.want {
					t.Errorf("%s: got %s, want %s", how, got, c.want)
				}
			}
			if len(settled.waiting) != 0 {
				t.Errorf("%d requests are kept that are settled", len(settled.waiting))
			}
		})
	}
}

func TestASlowRequestThatIsNotSettledKeepsItsPlace(t *testing.T) {
	var tally tally
	fill(&tally, ". .. x.")
	tally.settle(at(1))
	if got := tally.longestGap(); got != 3*time.Second {
		t.Errorf("got %s before", got)
	}
	fill(&tally, " x")
	if got := tally.longestGap(); got != 3*time.Second {
		t.Errorf("got %s once it failed", got)
	}
	fill(&tally, "    x")
	tally.settle(at(9))
	if got := tally.longestGap(); got != 3*time.Second {
		t.Errorf("got %s in the end", got)
	}
}

func TestAnErrorIsNoAnswerOrAStatusFrom400On(t *testing.T) {
	refused := errors.New("refused")
	type answer struct {
		code int
		err  error
	}
	for _, c := range []struct {
		rule    string
		answers []answer
		errors  int
		rate    float64
		byCode  map[string]int
	}{
		{"no requests", nil, 0, 0, map[string]int{}},
		{"success", []answer{{200, nil}, {204, nil}}, 0, 0, map[string]int{"200": 1, "204": 1}},
		{"a redirect is an answer", []answer{{302, nil}, {399, nil}}, 0, 0, map[string]int{"302": 1, "399": 1}},
		{"400 is the first error", []answer{{200, nil}, {400, nil}}, 1, 0.5, map[string]int{"200": 1, "400": 1}},
		{"each code counts by itself", []answer{{503, nil}, {503, nil}, {404, nil}, {200, nil}}, 3, 0.75, map[string]int{"200": 1, "404": 1, "503": 2}},
		{"no answer has no code", []answer{{0, refused}, {200, refused}}, 2, 1, map[string]int{"error": 2}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var tally tally
			for i, a := range c.answers {
				tally.add(at(i), a.code, a.err)
			}
			got := tally.result("http://shop")
			if got.URL != "http://shop" || got.Requests != len(c.answers) || got.Errors != c.errors || got.ErrorRate != c.rate || !maps.Equal(got.ByCode, c.byCode) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestAResultSharesNothingWithTheTally(t *testing.T) {
	var tally tally
	fill(&tally, ".x.")
	before := tally.result("")
	fill(&tally, "   xx")
	if before.ByCode["200"] != 2 || before.ByCode["error"] != 1 || before.LongestGapSeconds != 2 {
		t.Errorf("got %+v", before)
	}
}
