// Package screen shows text on a terminal that is replaced as a whole again and again, without flicker and without leaving
// anything behind.
package screen

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"k8s.io/kubectl/pkg/util/term"
)

// What terminals understand. Source: xterm's control sequences; the synchronised update, which terminals that do not know
// it ignore, is that of contour's specification.
const (
	enter = "\x1b[?1049h\x1b[?25l"
	leave = "\x1b[?25h\x1b[?1049l"

	begin     = "\x1b[?2026h\x1b[H"
	end       = "\x1b[J\x1b[?2026l"
	clearLine = "\x1b[K"
)

// Size returns the columns and lines of a terminal, 0 where they cannot be told.
type Size func() (columns, lines int)

// Screen is the alternate screen of a terminal: what was there before is back once it is closed.
type Screen struct {
	mutex sync.Mutex
	out   io.Writer
	size  Size
	// body and footer are what was drawn last, shown the bytes that drew it.
	body   []string
	footer string
	shown  string
	closed bool
}

// Open takes over the terminal that out is. It returns false where out is none, or one that cannot do it (TERM=dumb).
func Open(out io.Writer) (*Screen, bool) {
	tty := term.TTY{Out: out}
	if !tty.IsTerminalOut() || os.Getenv("TERM") == "dumb" {
		return nil, false
	}
	s := New(out, func() (int, int) {
		if size := tty.GetSize(); size != nil {
			return int(size.Width), int(size.Height)
		}
		return 0, 0
	})
	if size := tty.GetSize(); size != nil {
		sizes := tty.MonitorSize(size)
		go func() {
			for sizes.Next() != nil {
				s.redraw()
			}
		}()
	}
	return s, true
}

// New takes over a terminal of that size.
func New(out io.Writer, size Size) *Screen {
	s := &Screen{out: out, size: size}
	io.WriteString(out, enter)
	return s
}

// Draw shows lines, and the footer below them. Lines that do not fit are cut, and those that are too many are counted.
func (s *Screen) Draw(body []string, footer string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.body, s.footer = body, footer
	s.draw()
}

// Close gives the terminal back. It may be called more than once.
func (s *Screen) Close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.closed {
		s.closed = true
		io.WriteString(s.out, leave)
	}
}

func (s *Screen) redraw() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.draw()
}

func (s *Screen) draw() {
	if s.closed {
		return
	}
	columns, lines := s.size()
	if frame := Frame(s.body, s.footer, columns, lines); frame != s.shown {
		s.shown = frame
		// One write, so that the terminal never shows half of it.
		io.WriteString(s.out, frame)
	}
}

// Frame returns the bytes that replace what a terminal of that size shows; a size of 0 is without limit.
func Frame(body []string, footer string, columns, lines int) string {
	var frame strings.Builder
	frame.WriteString(begin)
	for _, line := range fit(body, lines) {
		frame.WriteString(cut(line, columns))
		frame.WriteString(clearLine + "\r\n")
	}
	frame.WriteString(clearLine + "\r\n" + cut(footer, columns) + clearLine + end)
	return frame.String()
}

// around is how many lines stand below the body: an empty one and the footer.
const around = 2

func fit(body []string, lines int) []string {
	room := lines - around
	if lines == 0 || len(body) <= room {
		return body
	}
	room = max(room-1, 0)
	more := hidden(len(body) - room)
	return append(append([]string{}, body[:room]...), more)
}

func cut(line string, columns int) string {
	if columns == 0 || twwidth.Width(line) <= columns {
		return line
	}
	return twwidth.Truncate(line, columns, "…")
}

func hidden(n int) string {
	return fmt.Sprintf("… lines that do not fit: %d; enlarge the window, or narrow the view with -n, -l or --by", n)
}
