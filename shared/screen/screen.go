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
	end       = "\x1b[?2026l"
	clearLine = "\x1b[K"
	clearRest = "\x1b[J"
)

// Size returns the columns and lines of a terminal, 0 where they cannot be told.
type Size func() (columns, lines int)

// Screen is the alternate screen of a terminal: what was there before is back once it is closed.
type Screen struct {
	// Less says how to have fewer lines, in words; empty where there is no way. It is set before anything is drawn.
	Less string

	mutex sync.Mutex
	out   io.Writer
	size  Size
	// body and footer are what is to be seen, shown the bytes that drew it, empty where they have to be drawn again.
	body   []string
	footer string
	shown  string
	closed bool
}

// Terminal returns how large the terminal is that out is. It returns false where out is none, or one that cannot move its
// cursor (TERM=dumb).
func Terminal(out io.Writer) (Size, bool) {
	tty := term.TTY{Out: out}
	if !tty.IsTerminalOut() || os.Getenv("TERM") == "dumb" {
		return nil, false
	}
	return func() (int, int) {
		if size := tty.GetSize(); size != nil {
			return int(size.Width), int(size.Height)
		}
		return 0, 0
	}, true
}

// Open takes over the terminal that out is. It returns false where Terminal does.
func Open(out io.Writer) (*Screen, bool) {
	size, ok := Terminal(out)
	if !ok {
		return nil, false
	}
	s := New(out, size)
	tty := term.TTY{Out: out}
	if sizes := tty.MonitorSize(); sizes != nil {
		go func() {
			for sizes.Next() != nil {
				s.resized()
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

// resized draws in any case: terminals lose lines when they shrink.
func (s *Screen) resized() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.shown = ""
	s.draw()
}

func (s *Screen) draw() {
	if s.closed {
		return
	}
	columns, lines := s.size()
	if frame := Frame(s.body, s.footer, columns, lines, s.Less); frame != s.shown {
		s.shown = frame
		// One write, so that the terminal never shows half of it.
		io.WriteString(s.out, frame)
	}
}

// Frame returns the bytes that replace what a terminal of that size shows; a size of 0 is without limit. Where
// lines do not fit, less says how to have fewer, if it is not empty.
func Frame(body []string, footer string, columns, lines int, less string) string {
	var frame strings.Builder
	frame.WriteString(begin)
	for _, line := range fit(body, lines-1, less) {
		line = Cut(line, columns)
		frame.WriteString(line)
		// At a terminal's last column, clearing the rest of the line would clear its last character.
		if columns == 0 || twwidth.Width(line) < columns {
			frame.WriteString(clearLine)
		}
		frame.WriteString("\r\n")
	}
	frame.WriteString(clearRest + Cut(footer, columns) + end)
	return frame.String()
}

// fit returns the lines of the body, and the empty one that sets the footer apart, for which there is room; below 0, it is
// without limit.
func fit(body []string, room int, less string) []string {
	lines := append(append([]string{}, body...), "")
	if room < 0 || len(lines) <= room {
		return lines
	}
	// Without room for more than the footer, that is what is worth most.
	if room < 2 {
		return nil
	}
	shown := room - 2
	return append(lines[:shown], hidden(len(body)-shown, less), "")
}

// Cut returns a line that is no wider than so many columns, its end replaced by an ellipsis where it was; 0 is without limit.
func Cut(line string, columns int) string {
	if columns == 0 || twwidth.Width(line) <= columns {
		return line
	}
	return twwidth.Truncate(line, columns, "…")
}

func hidden(n int, less string) string {
	if less != "" {
		less = ", or " + less
	}
	return fmt.Sprintf("… lines that do not fit: %d; enlarge the window%s", n, less)
}
