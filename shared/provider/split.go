package provider

import (
	"errors"
	"fmt"
	"strings"
)

// Split splits a command into words as a shell would: at blanks, but for those that are quoted or escaped. Nothing is expanded, and
// no shell runs it: what only a shell could do is an error that says how to have one do it. Source: XCU 2.2, Quoting, of POSIX.
func Split(command string) ([]string, error) {
	s := splitter{rest: command}
	for s.rest != "" {
		if err := s.next(); err != nil {
			return nil, err
		}
	}
	s.end()
	if len(s.words) == 0 {
		return nil, errors.New("it is empty")
	}
	return s.words, nil
}

type splitter struct {
	rest  string
	words []string
	word  strings.Builder
	// within is true in a word, also in an empty one that is quoted.
	within bool
}

// special are the characters that mean something to a shell where they are not quoted.
const special = "|&;<>()$`*?[#~"

// next takes one character, or one quoted text.
func (s *splitter) next() error {
	c := s.rest[0]
	s.rest = s.rest[1:]
	switch {
	case strings.IndexByte(" \t\r\n", c) >= 0:
		s.end()
		return nil
	case c == '\'':
		return s.quoted()
	case c == '"':
		return s.doubleQuoted()
	case c == '\\':
		return s.escaped()
	case strings.IndexByte(special, c) >= 0 && !s.harmless(c):
		return fmt.Errorf("%q is for a shell, and none is involved: quote it, or have one run it with sh -c '...'", c)
	}
	s.put(c)
	return nil
}

// harmless says whether a special character means nothing within a word, as in a=b#c and HEAD~1.
func (s *splitter) harmless(c byte) bool { return s.within && strings.IndexByte("#~", c) >= 0 }

func (s *splitter) put(c byte) {
	s.within = true
	s.word.WriteByte(c)
}

func (s *splitter) end() {
	if s.within {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.within = false
}

func (s *splitter) quoted() error {
	text, rest, closed := strings.Cut(s.rest, "'")
	if !closed {
		return errors.New("a ' is not closed")
	}
	s.within, s.rest = true, rest
	s.word.WriteString(text)
	return nil
}

func (s *splitter) doubleQuoted() error {
	s.within = true
	for s.rest != "" {
		c := s.rest[0]
		s.rest = s.rest[1:]
		switch {
		case c == '"':
			return nil
		case c == '$' || c == '`':
			return fmt.Errorf("%q is for a shell, and none is involved: use ', or have one run it with sh -c '...'", c)
		case c == '\\' && s.rest != "" && strings.IndexByte("$`\"\\\n", s.rest[0]) >= 0:
			if s.rest[0] != '\n' {
				s.put(s.rest[0])
			}
			s.rest = s.rest[1:]
		default:
			s.put(c)
		}
	}
	return errors.New(`a " is not closed`)
}

// escaped takes the character after a backslash as it is; a line that goes on is one line.
func (s *splitter) escaped() error {
	if s.rest == "" {
		return errors.New(`a \ stands at its end`)
	}
	if s.rest[0] != '\n' {
		s.put(s.rest[0])
	}
	s.rest = s.rest[1:]
	return nil
}

// Quote writes words as a command that a shell splits into the same words.
func Quote(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsFunc(w, unsafe) {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// unsafe says whether a character may mean something to some shell.
func unsafe(r rune) bool {
	letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	return !letter && !strings.ContainsRune("_@%+=:,./-", r)
}
