package proxyver

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/kubectl/pkg/util/term"
)

// How often it is said how far the asking is: on a terminal often enough to see that something happens, elsewhere so that
// a log is not filled.
const (
	pauseOnTerminal = 200 * time.Millisecond
	pauseElsewhere  = 10 * time.Second
)

// progress says on stderr about how many workloads the injector was asked. On a terminal it is one line, which is
// replaced.
type progress struct {
	out         io.Writer
	terminal    bool
	done, total int
	// last is when something was said, at first when the asking began.
	last time.Time
	now  func() time.Time
	// width is that of the line on the terminal, 0 where there is none.
	width int
}

func newProgress(out io.Writer, total int) *progress {
	return &progress{out: out, terminal: term.TTY{Out: out}.IsTerminalOut(), total: total, last: time.Now(), now: time.Now}
}

// step counts a workload.
func (p *progress) step() {
	p.done++
	pause := pauseElsewhere
	if p.terminal {
		pause = pauseOnTerminal
	}
	now := p.now()
	if now.Sub(p.last) < pause {
		return
	}
	p.last = now
	line := fmt.Sprintf("Asked the injector about %d of %d workloads", p.done, p.total)
	if !p.terminal {
		fmt.Fprintln(p.out, line)
		return
	}
	// No line is shorter than the one before.
	fmt.Fprint(p.out, "\r", line)
	p.width = len(line)
}

// clear takes the line from the terminal.
func (p *progress) clear() {
	if p.width > 0 {
		fmt.Fprint(p.out, "\r", strings.Repeat(" ", p.width), "\r")
	}
	p.width = 0
}
