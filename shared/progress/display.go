// Package progress shows how far a run of restarts is: as bars on a terminal, as lines everywhere else.
package progress

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

// Display shows a run. Its methods may be called from several goroutines at once.
type Display interface {
	// Observe shows what happened. On a terminal it does not wait until that is drawn.
	Observe(restart.Event)
	// Close takes the bars away, and leaves on the terminal what is to stay. Events that come later are not shown. It may
	// be called more than once, and returns once the terminal is whole.
	Close()
}

// New returns a display on out. It is one line for each event where out is no terminal, or one that cannot move its cursor
// (TERM=dumb), and bars elsewhere, without colours where NO_COLOR is set.
func New(out io.Writer) Display {
	size, ok := screen.Terminal(out)
	if !ok {
		return &lines{out: out, told: newTold()}
	}
	return newBars(out, size, palette{on: os.Getenv("NO_COLOR") == ""}, time.Now, pause)
}

// lines says each event in a line of its own.
type lines struct {
	mutex  sync.Mutex
	out    io.Writer
	told   told
	closed bool
}

func (l *lines) Observe(e restart.Event) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.closed {
		return
	}
	if text := l.told.line(e); text != "" {
		io.WriteString(l.out, text+"\n")
	}
}

func (l *lines) Close() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.closed = true
}
