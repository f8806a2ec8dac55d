package provider

import (
	"regexp"
	"strings"
)

// lastLine keeps the last line of what is written that has anything on it, as a terminal would show it.
type lastLine struct {
	line []byte
	last string
}

// longest is how much of a line is kept.
const longest = 2000

// Write takes some more of the text. It never fails.
func (l *lastLine) Write(text []byte) (int, error) {
	for _, c := range text {
		switch {
		case c == '\n' || c == '\r':
			l.end()
		case len(l.line) < longest:
			l.line = append(l.line, c)
		}
	}
	return len(text), nil
}

func (l *lastLine) end() {
	if shown := show(string(l.line)); shown != "" {
		l.last = shown
	}
	l.line = l.line[:0]
}

// open says whether the last line has not been ended.
func (l *lastLine) open() bool { return len(l.line) > 0 }

func (l *lastLine) text() string {
	l.end()
	return l.last
}

// control are the sequences by which a terminal is coloured and moved about on. Source: ECMA-48, 5.4.
var control = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]")

func show(line string) string { return strings.TrimSpace(control.ReplaceAllString(line, "")) }
