package dump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxObject bounds what one object, or the head of a list, may take. etcd refuses objects of more than 1.5 MiB, so
// nothing that a cluster holds comes near.
const maxObject = 64 << 20

// window is how much is read at once.
const window = 256 << 10

var (
	// errEnd says that the input ends where more must follow.
	errEnd      = errors.New("unexpected end")
	errTooLarge = fmt.Errorf("it is larger than %d MiB, which no object of a cluster is", maxObject>>20)
)

// source is a window on the input that slides along. Positions in it hold until the next fill; while something is kept,
// offsets from keep hold as well.
type source struct {
	r   io.Reader
	buf []byte
	pos int
	// keep is where that begins which must stay in the window, negative for nothing.
	keep int
	// line is the number of the line of buf[counted]. A source of text that was converted has no lines of its own: fixed.
	line, counted int
	fixed         bool
	// err is why nothing more can be read: io.EOF at the regular end.
	err error
}

func newSource(r io.Reader) *source {
	return &source{r: r, buf: make([]byte, 0, window), keep: -1, line: 1}
}

// textSource is a source of JSON that was made from what stood at that line.
func textSource(text []byte, line int) *source {
	return &source{buf: text, keep: -1, line: line, fixed: true, err: io.EOF}
}

// fill reads more. It returns false at the end, and where reading fails; failed says which.
func (s *source) fill() bool {
	if s.err != nil {
		return false
	}
	s.slide()
	if len(s.buf) == cap(s.buf) {
		if len(s.buf) >= maxObject {
			s.err = errTooLarge
			return false
		}
		grown := make([]byte, len(s.buf), 2*cap(s.buf))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := io.ReadAtLeast(s.r, s.buf[len(s.buf):cap(s.buf)], 1)
	s.buf = s.buf[:len(s.buf)+n]
	if n == 0 {
		s.err = err
	}
	return n > 0
}

// slide drops what is behind the window.
func (s *source) slide() {
	drop := s.pos
	if s.keep >= 0 {
		drop = s.keep
		s.keep = 0
	}
	s.line, s.counted = s.lineAt(drop), 0
	s.buf = s.buf[:copy(s.buf, s.buf[drop:])]
	s.pos -= drop
}

var newline = []byte{'\n'}

// failed returns the error that ended reading early, nil at the regular end.
func (s *source) failed() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}

// lineAt returns the number of the line of a position. Counting goes on where it ended, not from the start each time.
func (s *source) lineAt(pos int) int {
	switch {
	case s.fixed:
	case pos >= s.counted:
		s.line += bytes.Count(s.buf[s.counted:pos], newline)
		s.counted = pos
	default:
		s.line -= bytes.Count(s.buf[pos:s.counted], newline)
		s.counted = pos
	}
	return s.line
}

// current returns the number of the line where what is kept begins, or of the next byte.
func (s *source) current() int {
	if s.keep >= 0 {
		return s.lineAt(s.keep)
	}
	return s.lineAt(s.pos)
}

// next returns the next byte without going past it, and false at the end.
func (s *source) next() (byte, bool) {
	if s.pos == len(s.buf) && !s.fill() {
		return 0, false
	}
	return s.buf[s.pos], true
}

// skipSpace goes to the next byte that is no white space and returns it, false at the end.
func (s *source) skipSpace() (byte, bool) {
	for {
		for ; s.pos < len(s.buf); s.pos++ {
			if c := s.buf[s.pos]; !isSpace(c) {
				return c, true
			}
		}
		if !s.fill() {
			return 0, false
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// readLine goes past the next line and returns it without its end, false where nothing is left. It holds until the
// next call.
func (s *source) readLine() ([]byte, bool) {
	s.keep = s.pos
	defer func() { s.keep = -1 }()
	for {
		if i := bytes.IndexByte(s.buf[s.pos:], '\n'); i >= 0 {
			line := s.buf[s.keep : s.pos+i]
			s.pos += i + 1
			return bytes.TrimSuffix(line, []byte{'\r'}), true
		}
		s.pos = len(s.buf)
		if !s.fill() {
			return s.buf[s.keep:], s.pos > s.keep
		}
	}
}

// peek returns up to n of the bytes ahead.
func (s *source) peek(n int) []byte {
	for len(s.buf)-s.pos < n && s.fill() {
	}
	return s.buf[s.pos:min(len(s.buf), s.pos+n)]
}

// hasPrefix says whether the bytes ahead are these.
func (s *source) hasPrefix(prefix string) bool { return string(s.peek(len(prefix))) == prefix }
