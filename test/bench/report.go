package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

// report is everything that was measured.
type report struct {
	rounds   int
	sizes    []*size // ascending
	compared *size   // one of them, or nil
	// spread and statusSpread are for the smallest of them, in more namespaces.
	spread, statusSpread *requests
}

// size is what was measured at one number of pods.
type size struct {
	pods        int
	runs        map[string]measure.Runs // by the command's name
	pastedLines int
	// requests are those of asJSON, statusRequests those of status.
	requests, statusRequests *requests
}

// floor is the faster of the two ways to list and throw away.
func (s *size) floor() time.Duration { return min(s.runs[plain].Wall(), s.runs[gzipped].Wall()) }

// write prints the report as Markdown. The error is w's.
func (r *report) write(w io.Writer) error {
	sections := []string{r.growth(), r.traffic(), r.statusTraffic()}
	if r.compared != nil {
		sections = slices.Insert(sections, 0, r.comparison(), r.verdict())
	}
	_, err := fmt.Fprintln(w, strings.Join(sections, "\n\n"))
	return err
}

// comparison shows every command with its time as a ratio to the first one's: absolute times say more about the machine
// than about the commands.
func (r *report) comparison() string {
	s := r.compared
	var rows [][]string
	for _, name := range []string{asJSON, asTable, status, plain, gzipped, pasteable, help} {
		wall := s.runs[name].Wall()
		rows = append(rows, []string{measure.Code(name), measure.Seconds(wall), measure.Number(measure.Ratio(wall, s.runs[asJSON].Wall())), measure.Mebibytes(s.runs[name].Memory())})
	}
	return fmt.Sprintf("%s pods, medians of %d runs of each command, in turn:\n\n%s\n\nThe pasted command lists %d of these %s proxies.",
		measure.Grouped(s.pods), r.rounds, measure.Table([]string{"command", "time", "ratio", "peak memory"}, rows), s.pastedLines, measure.Grouped(s.pods))
}

// verdict shows every bar and whether it is met.
func (r *report) verdict() string {
	return measure.Verdict("at "+measure.Grouped(r.compared.pods)+" pods", r.bars())
}

// growth shows how cost grows with the number of pods.
func (r *report) growth() string {
	var rows [][]string
	for _, s := range r.sizes {
		a := s.runs[asJSON]
		rows = append(rows, []string{
			measure.Grouped(s.pods), measure.Seconds(a.Wall()), measure.Seconds(s.floor()), measure.Number(measure.Ratio(a.Wall(), s.floor())),
			measure.Mebibytes(a.Memory()), fmt.Sprint(s.requests.total()),
		})
	}
	return "How cost grows; the floor is the same pages thrown away, the faster of gzip and plain:\n\n" + measure.Table([]string{"pods", "`-A -o json`", "floor", "ratio", "peak memory", "requests"}, rows)
}

// traffic shows what is sent: at the largest size kind by kind, and for all labs together that only pages are added.
func (r *report) traffic() string {
	largest := r.sizes[len(r.sizes)-1]
	var kinds [][]string
	for _, l := range largest.requests.listed {
		kinds = append(kinds, []string{l.name(), measure.Grouped(l.objects), fmt.Sprint(l.pages()), fmt.Sprint(l.requests)})
	}
	others := largest.requests.others
	for _, name := range slices.Sorted(maps.Keys(others)) {
		kinds = append(kinds, []string{name, "", "", fmt.Sprint(others[name])})
	}
	return fmt.Sprintf("What is sent at %s pods:\n\n%s\n\nPages and namespaces:\n\n%s", measure.Grouped(largest.pods),
		measure.Table([]string{"request", "objects", "pages", "requests"}, kinds), r.sums())
}

func (r *report) sums() string {
	return sumsOf(r.sizes, func(s *size) *requests { return s.requests }, r.spread)
}

// statusTraffic shows what the status of an upgrade sends.
func (r *report) statusTraffic() string {
	sums := sumsOf(r.sizes, func(s *size) *requests { return s.statusRequests }, r.statusSpread)
	return "Of `" + status + "`:\n\n" + sums
}

// sumsOf shows the requests at every size, and those for the smallest in more namespaces.
func sumsOf(sizes []*size, of func(*size) *requests, spread *requests) string {
	row := func(pods int, q *requests) []string {
		return []string{measure.Grouped(pods), measure.Grouped(q.namespaces), fmt.Sprint(q.total()), fmt.Sprint(q.pages()), fmt.Sprint(q.constant())}
	}
	var rows [][]string
	for _, s := range sizes {
		rows = append(rows, row(s.pods, of(s)))
	}
	rows = slices.Insert(rows, 1, row(sizes[0].pods, spread))
	return measure.Table([]string{"pods", "namespaces", "requests", "pages of what is listed", "constant"}, rows)
}
