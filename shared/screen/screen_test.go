package screen

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// plain is a frame without what makes it one, as lines.
func plain(t *testing.T, frame string) []string {
	t.Helper()
	rest, begun := strings.CutPrefix(frame, begin)
	rest, ended := strings.CutSuffix(rest, end)
	if !begun || !ended {
		t.Fatalf("this is no frame: %q", frame)
	}
	lines := strings.Split(strings.ReplaceAll(rest, clearLine, ""), "\r\n")
	last, cleared := strings.CutPrefix(lines[len(lines)-1], clearRest)
	if !cleared {
		t.Fatalf("the rest of the screen is not cleared: %q", frame)
	}
	lines[len(lines)-1] = last
	return lines
}

const less = "look away"

func TestAFrameFitsTheTerminal(t *testing.T) {
	for _, c := range []struct {
		rule           string
		body           string
		columns, lines int
		want           string
	}{
		{"without limit", "one\ntwo", 0, 0, "one\ntwo\n\nfooter"},
		{"with room to spare", "one\ntwo", 80, 24, "one\ntwo\n\nfooter"},
		{"exactly", "one\ntwo", 6, 4, "one\ntwo\n\nfooter"},
		{"nothing but a footer", "", 80, 24, "\n\nfooter"},
		{"a line too many", "one\ntwo\nthree", 0, 4, "one\n" + hidden(2, less) + "\n\nfooter"},
		{"many too many", strings.Repeat("x\n", 99) + "x", 0, 5, "x\nx\n" + hidden(98, less) + "\n\nfooter"},
		{"room for no line", "one\ntwo", 0, 3, hidden(2, less) + "\n\nfooter"},
		{"room for less", "one\ntwo", 0, 2, "footer"},
		{"a single line", "one\ntwo", 0, 1, "footer"},
		{"lines that are too wide", "deployment/cart  current\nshort", 10, 0, "deploymen…\nshort\n\nfooter"},
		{"a footer that is too wide", "one", 5, 0, "one\n\nfoot…"},
		{"wide characters", "カートカート\nカート", 7, 0, "カート…\nカート\n\nfooter"},
		{"no half of a wide character", "カートカート", 6, 0, "カー…\n\nfooter"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := plain(t, Frame(strings.Split(c.body, "\n"), "footer", c.columns, c.lines, less))
			if strings.Join(got, "\n") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNoFrameIsLargerThanItsTerminal(t *testing.T) {
	body := []string{"NAMESPACE  WORKLOAD", "", "カートカート x", strings.Repeat("é", 40), "🚀🚀🚀"}
	for columns := 1; columns < 50; columns++ {
		for lines := 1; lines < 10; lines++ {
			got := plain(t, Frame(body, "Pods: 1. Ctrl-C ends", columns, lines, less))
			if len(got) > lines {
				t.Errorf("%d by %d: %d lines", columns, lines, len(got))
			}
			for _, line := range got {
				if twwidth.Width(line) > columns {
					t.Errorf("%d by %d: %q has %d columns", columns, lines, line, twwidth.Width(line))
				}
			}
		}
	}
}

func TestALineThatFillsTheTerminalIsNotClearedAtItsEnd(t *testing.T) {
	frame := Frame([]string{"12345", "1234"}, "f", 5, 0, "")
	if strings.Contains(frame, "12345"+clearLine) || !strings.Contains(frame, "1234"+clearLine) {
		t.Errorf("got %q", frame)
	}
}

func TestAFrameNeverClearsTheWholeScreen(t *testing.T) {
	if frame := Frame([]string{"a"}, "f", 80, 24, ""); strings.Contains(frame, "\x1b[2J") {
		t.Errorf("got %q", frame)
	}
}

// writes keeps what each call wrote.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestEachFrameIsOneWriteAndNothingIsDrawnWithoutAChange(t *testing.T) {
	var sent writes
	columns := 80
	s := New(&sent, func() (int, int) { return columns, 24 })
	for range 3 {
		s.Draw([]string{"one"}, "footer")
	}
	s.Draw([]string{"two"}, "footer")
	s.Draw([]string{"two"}, "other")
	columns = 3
	s.resized()
	s.resized()
	s.Close()
	s.Close()
	s.Draw([]string{"three"}, "footer")
	s.resized()
	narrow := Frame([]string{"two"}, "other", 3, 24, "")
	want := []string{
		enter, Frame([]string{"one"}, "footer", 80, 24, ""), Frame([]string{"two"}, "footer", 80, 24, ""),
		Frame([]string{"two"}, "other", 80, 24, ""), narrow, narrow, leave,
	}
	if strings.Join(sent, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", sent, want)
	}
}

func TestWhatIsNoTerminalIsNoScreen(t *testing.T) {
	var out bytes.Buffer
	if s, ok := Open(&out); ok || s != nil || out.Len() > 0 {
		t.Errorf("got %v, %v, %q", s, ok, out.String())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("gone") }

func TestATerminalThatIsGoneDoesNoHarm(t *testing.T) {
	s := New(broken{}, func() (int, int) { return 0, 0 })
	s.Draw([]string{"a"}, "f")
	s.Close()
}
