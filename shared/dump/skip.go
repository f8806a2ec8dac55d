package dump

import (
	"fmt"
	"strings"
)

// syntaxError is malformed JSON.
type syntaxError struct{ found, wanted string }

func (e syntaxError) Error() string {
	return fmt.Sprintf("the JSON is malformed: %s where %s should be", e.found, e.wanted)
}

func unexpected(c byte, wanted string) error { return syntaxError{fmt.Sprintf("%q", c), wanted} }

// skipValue goes past the JSON value ahead. Of an object or a list it regards strings and brackets alone; what is
// inside is checked when it is decoded.
func (s *source) skipValue() error {
	c, ok := s.skipSpace()
	switch {
	case !ok:
		return errEnd
	case c == '"':
		return s.skipString()
	case c == '{' || c == '[':
		return s.skipNested()
	default:
		return s.skipScalar()
	}
}

// skipString goes past the string that begins here.
func (s *source) skipString() error {
	s.pos++
	for {
		for s.pos < len(s.buf) {
			c := s.buf[s.pos]
			s.pos++
			if c == '"' {
				return nil
			}
			if c == '\\' {
				if _, ok := s.next(); !ok {
					return errEnd
				}
				s.pos++
			}
		}
		if !s.fill() {
			return errEnd
		}
	}
}

func (s *source) skipNested() error {
	depth := 0
	for {
		for s.pos < len(s.buf) {
			switch s.buf[s.pos] {
			case '"':
				if err := s.skipString(); err != nil {
					return err
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			s.pos++
			if depth == 0 {
				return nil
			}
		}
		if !s.fill() {
			return errEnd
		}
	}
}

func (s *source) skipScalar() error {
	start := true
	for {
		c, ok := s.next()
		if !ok {
			return errEnd
		}
		if isSpace(c) || strings.IndexByte(`,:{}[]"`, c) >= 0 {
			if start {
				return unexpected(c, "a value")
			}
			return nil
		}
		start = false
		s.pos++
	}
}
