package dump

import "bytes"

// separator stands between the documents of a YAML stream, terminator after one.
const (
	separator  = "---"
	terminator = "..."
)

// start is what follows in the dump.
type start int

const (
	atEnd start = iota
	atJSON
	atYAML
)

// nextDocument goes past what stands between documents, and says what follows.
func (s *source) nextDocument() start {
	defer func() { s.keep = -1 }()
	for {
		s.keep = s.pos
		c, ok := s.skipBlanks()
		switch {
		case !ok:
			return atEnd
		case c == '\n':
			s.pos++
		case s.hasPrefix(byteOrderMark):
			s.pos += len(byteOrderMark)
		case s.atMark(separator) || s.atMark(terminator):
			s.pos += len(separator)
		case c == '#' || c == '%':
			s.readLine()
		case (c == '{' || c == '[') && s.looksLikeJSON():
			return atJSON
		default:
			// The indentation is part of the document.
			s.pos = s.keep
			return atYAML
		}
	}
}

// skipBlanks goes past the spaces ahead, but not past the line, and returns what follows them, false at the end.
func (s *source) skipBlanks() (byte, bool) {
	for {
		c, ok := s.next()
		if !ok || !isSpace(c) || c == '\n' {
			return c, ok
		}
		s.pos++
	}
}

// atMark says whether a mark stands ahead, and alone.
func (s *source) atMark(mark string) bool {
	ahead := s.peek(len(mark) + 1)
	return bytes.HasPrefix(ahead, []byte(mark)) && (len(ahead) == len(mark) || isSpace(ahead[len(mark)]))
}

// looksLikeJSON tells JSON from YAML that is written with braces: there, fields' names are not quoted.
func (s *source) looksLikeJSON() bool {
	inside := bytes.TrimLeft(s.peek(sniffed), "{[ \t\r\n")
	return len(inside) == 0 || bytes.IndexByte([]byte(`"}]`), inside[0]) >= 0
}
