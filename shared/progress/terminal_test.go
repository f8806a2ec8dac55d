package progress

import (
	"regexp"
	"strconv"
	"strings"
)

// terminal understands what frames are made of, and keeps what is to be seen. It has no last line,
// and no lock: the race detector sees whether two goroutines write at once.
type terminal struct {
	rows   []string
	frames int
}

var sequence = regexp.MustCompile(`\x1b\[(\?2026[hl]|A|2K)|[\r\n]|[^\x1b\r\n]+`)

func (t *terminal) Write(p []byte) (int, error) {
	t.frames++
	if got := strings.Join(sequence.FindAllString(string(p), -1), ""); got != string(p) {
		panic("a terminal of the tests does not understand " + strconv.Quote(string(p)))
	}
	for _, s := range sequence.FindAllString(string(p), -1) {
		t.obey(s)
	}
	return len(p), nil
}

func (t *terminal) obey(s string) {
	if len(t.rows) == 0 {
		t.rows = []string{""}
	}
	switch {
	case s == "\n":
		t.rows = append(t.rows, "")
	case s == up:
		// The row that is left is cleared already.
		t.rows = t.rows[:len(t.rows)-1]
	case s == "\x1b[2K":
		t.rows[len(t.rows)-1] = ""
	case s[0] != '\x1b' && s != "\r":
		t.rows[len(t.rows)-1] += s
	}
}

// text is what is to be seen, each row with its end.
func (t *terminal) text() string {
	return strings.Join(t.rows, "\n")
}
