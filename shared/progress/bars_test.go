package progress

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
)

// Tests that draw by themselves set a pause of an hour, so that nobody else does.

// seen draws what a run shows after so many seconds, and what is left in the end.
func seen(seconds int, events ...restart.Event) (during, after string) {
	var out terminal
	now := func() time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	b := newBars(&out, func() (int, int) { return 80, 24 }, palette{}, now, time.Hour)
	for _, e := range events {
		b.Observe(e)
	}
	b.frame()
	during = out.text()
	b.Close()
	return during, out.text()
}

func TestWhatATerminalShows(t *testing.T) {
	full, wide := item("shop", "cart", 3), item("カート", "カートカートカートカートカートカート", 12)
	many := []restart.Event{{Kind: restart.RunBegan, Time: start, Total: 120}, {Kind: restart.WaveBegan, Wave: 3}}
	for i := range 14 {
		many = append(many, starts(item("shop", fmt.Sprintf("web-%d", i), 1)))
	}
	many = append(many, changes(item("shop", "web-12", 1), 0, 1, backOff))
	for _, c := range []struct {
		file    string
		seconds int
		events  []restart.Event
	}{
		{"nothing.txt", 0, nil},
		{"begun.txt", 5, []restart.Event{{Kind: restart.RunBegan, Time: start, Total: 2}, starts(full)}},
		{"stuck.txt", 65, []restart.Event{
			{Kind: restart.RunBegan, Time: start, Total: 4}, {Kind: restart.WaveBegan, Wave: 1},
			starts(full), starts(wide), starts(item("shop", "web", 2)),
			changes(full, 1, 3, ""), changes(wide, 3, 12, "カート: "+hostile+strings.Repeat(" カート", 20)),
			ends(item("shop", "web", 2), v1alpha1.Restarted, 2, 9, ""),
		}},
		{"many.txt", 200, many},
		{"waiting.txt", 12, []restart.Event{
			{Kind: restart.RunBegan, Time: start, Total: 2}, ends(full, v1alpha1.Restarted, 3, 9, ""),
			{Kind: restart.Waiting, Text: "a pause between namespaces", Until: start.Add(30 * time.Second)},
		}},
		{"story.txt", 700, story()[:27]},
	} {
		t.Run(c.file, func(t *testing.T) {
			during, after := seen(c.seconds, c.events...)
			golden.Equal(t, "terminal-"+c.file, during+"--- closed ---\n"+after)
		})
	}
}

func TestNoRowIsWiderAndNoFrameHigherThanItsTerminal(t *testing.T) {
	var r run
	for _, e := range append(story()[:14],
		starts(item("カート", "カートカートカートカートカートカート", 12)), starts(item("a", "b", 12345)),
		restart.Event{Kind: restart.Waiting, Text: strings.Repeat("カート", 50)}) {
		r.observe(e)
	}
	for columns := 1; columns <= 200; columns++ {
		for lines := 3; lines < 16; lines++ {
			rows := r.rows(canvas{columns: columns, lines: lines, now: start.Add(time.Hour)})
			if len(rows) >= lines {
				t.Fatalf("%d by %d: %d rows", columns, lines, len(rows))
			}
			for _, row := range rows {
				if twwidth.Width(row) > columns {
					t.Fatalf("%d by %d: %q has %d columns", columns, lines, row, twwidth.Width(row))
				}
			}
		}
	}
}

func TestColoursAreBesideTheText(t *testing.T) {
	for _, e := range story() {
		plain, coloured := sentence(e, palette{}), sentence(e, palette{on: true})
		if strings.Contains(plain, "\x1b") {
			t.Errorf("without colours: %q", plain)
		}
		if bare := strings.NewReplacer("\x1b[31m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(coloured); bare != plain {
			t.Errorf("got %q, want %q", bare, plain)
		}
	}
}

func TestNothingIsDrawnWithoutAChange(t *testing.T) {
	var out terminal
	now := start
	b := newBars(&out, func() (int, int) { return 0, 0 }, palette{}, func() time.Time { return now }, time.Hour)
	b.Observe(restart.Event{Kind: restart.RunBegan, Time: start, Total: 1})
	for _, c := range []struct {
		rule   string
		change func()
		frames int
	}{
		{"the first time", func() {}, 1},
		{"nothing new", func() {}, 0},
		{"less than a second later", func() { now = now.Add(time.Second / 3) }, 0},
		{"a second later", func() { now = now.Add(time.Second) }, 1},
		{"a line above", func() { b.Observe(restart.Event{Kind: restart.Warned, Text: "something"}) }, 1},
		{"nothing new again", func() {}, 0},
	} {
		before := out.frames
		c.change()
		b.frame()
		if got := out.frames - before; got != c.frames {
			t.Errorf("%s: %d frames, want %d", c.rule, got, c.frames)
		}
	}
	b.Close()
}

func TestClosingTwiceAndAtOnceLeavesTheTerminalWhole(t *testing.T) {
	var out terminal
	b := newBars(&out, func() (int, int) { return 80, 24 }, palette{}, time.Now, time.Millisecond)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 50 {
				b.Observe(starts(item("shop", fmt.Sprintf("web-%d-%d", i, j), 1)))
			}
			b.Close()
			b.Observe(restart.Event{Kind: restart.Warned, Text: "too late"})
		})
	}
	group.Wait()
	if text := out.text(); text != "" {
		t.Errorf("left is %q", text)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestATerminalThatIsGoneDoesNoHarm(t *testing.T) {
	b := newBars(broken{}, func() (int, int) { return 80, 24 }, palette{}, time.Now, time.Hour)
	for _, e := range story() {
		b.Observe(e)
	}
	b.frame()
	b.Close()
}
