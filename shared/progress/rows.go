package progress

import (
	"fmt"
	"strings"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

const (
	// usualColumns and usualLines are taken where the terminal does not say how large it is.
	usualColumns = 80
	usualLines   = 24
	// mostWorkloads is how many are shown by name, widestName and widestBar how many columns these take at most.
	mostWorkloads = 10
	widestName    = 32
	widestBar     = 30
)

// causeIndent is what a cause in a row of its own begins with.
const causeIndent = "    "

// canvas is what rows are laid out on.
type canvas struct {
	columns, lines int
	now            time.Time
	palette        palette
}

// rows returns what a terminal shows of a run, no row wider than the terminal. All of it and the cursor below fit.
func (r *run) rows(c canvas) []string {
	rows := []string{r.overview(c)}
	if r.pause != "" {
		rows = append(rows, c.cut("  "+r.paused(c.now)))
	}
	shown := r.shown(min(mostWorkloads, c.lines-len(rows)-2))
	spare := c.lines - len(rows) - len(shown) - 2
	for _, w := range shown {
		of := w.rows(c, nameWidth(shown), spare > 0)
		spare -= len(of) - 1
		rows = append(rows, of...)
	}
	if hidden := len(r.underWay) - len(shown); hidden > 0 && len(shown) > 0 {
		rows = append(rows, c.cut(fmt.Sprintf("  and %d more under way", hidden)))
	}
	return rows
}

func (r *run) overview(c canvas) string {
	head := fmt.Sprintf("%d of %s ", r.done, restarttext.Count(r.total, "workload"))
	var facts []string
	if r.stopping {
		facts = append(facts, "stopping")
	}
	if r.wave > 0 {
		facts = append(facts, fmt.Sprintf("wave %d", r.wave))
	}
	elapsed := c.now.Sub(r.began)
	if r.replaced > 0 && elapsed >= time.Second {
		facts = append(facts, restarttext.Rate(float64(r.replaced)/elapsed.Minutes())+" pods a minute")
	}
	if !r.began.IsZero() {
		facts = append(facts, restarttext.Duration(elapsed))
	}
	tail := strings.TrimRight(" "+strings.Join(facts, ", "), " ")
	room := c.columns - twwidth.Width(head) - twwidth.Width(tail)
	return c.cut(head + bar(r.done, r.total, min(room, widestBar)) + tail)
}

// paused says for how long, where that is known and not over.
func (r *run) paused(now time.Time) string {
	if r.until.After(now) {
		return "waiting " + restarttext.Duration(r.until.Sub(now)) + ": " + r.pause
	}
	return "waiting: " + r.pause
}

// shown returns so many of the workloads under way, those that are stuck first.
func (r *run) shown(most int) []*underWay {
	var stuck, moving []*underWay
	for _, w := range r.underWay {
		if w.Stuck != "" {
			stuck = append(stuck, w)
		} else {
			moving = append(moving, w)
		}
	}
	all := append(stuck, moving...)
	return all[:min(len(all), max(most, 0))]
}

func nameWidth(shown []*underWay) int {
	var widest int
	for _, w := range shown {
		widest = max(widest, twwidth.Width(w.name))
	}
	return min(widest, widestName)
}

// rows show a workload's pods, and behind them the cause where it is stuck, a bar elsewhere. A cause that is longer than the
// rest of its row has one of its own, if there is a second.
func (w *underWay) rows(c canvas, nameWidth int, second bool) []string {
	name := screen.Cut(w.name, nameWidth)
	head := fmt.Sprintf("  %s%s %7s ", name, strings.Repeat(" ", nameWidth-twwidth.Width(name)), fmt.Sprintf("%d/%d", w.Done, w.Total))
	room := c.columns - twwidth.Width(head)
	switch {
	case room < 1:
		return []string{c.cut(head)}
	case w.Stuck == "":
		return []string{head + bar(w.Done, w.Total, min(room, widestBar))}
	case second && twwidth.Width(w.Stuck) > room:
		return []string{head + bar(w.Done, w.Total, min(room, widestBar)), causeIndent + c.palette.yellow(screen.Cut(w.Stuck, c.columns-len(causeIndent)))}
	default:
		return []string{head + c.palette.yellow(screen.Cut(w.Stuck, room))}
	}
}

func (c canvas) cut(row string) string { return screen.Cut(row, c.columns) }

// bar returns a bar that is so many columns wide, nothing where there is no room for one.
func bar(done, total, columns int) string {
	var text strings.Builder
	if columns > 2 {
		// It fails where the writer does.
		_ = mpb.BarStyle().Padding(" ").Build().Fill(&text, decor.Statistics{
			Total: int64(total), Current: int64(done), AvailableWidth: columns, Completed: total > 0 && done >= total,
		})
	}
	return text.String()
}
