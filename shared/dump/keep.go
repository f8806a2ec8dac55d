package dump

import "encoding/json"

// keep says which parts of an object are read: the fields that it has, each whole where it maps to nil. In a list it holds
// for every element.
type keep map[string]keep

// prune appends to dst the parts of a JSON value that are kept. The rest is passed over unread: most of a dump is
// managed fields, environments and statuses that nobody asks for.
func prune(dst, value []byte, keep keep) ([]byte, error) {
	s := textSource(value, 0)
	return s.prune(dst, keep)
}

func (s *source) prune(dst []byte, keep keep) ([]byte, error) {
	c, ok := s.skipSpace()
	switch {
	case !ok:
		return nil, errEnd
	case keep != nil && c == '{':
		return s.pruneObject(dst, keep)
	case keep != nil && c == '[':
		return s.pruneList(dst, keep)
	}
	start := s.pos
	err := s.skipValue()
	return append(dst, s.buf[start:s.pos]...), err
}

func (s *source) pruneObject(dst []byte, keep keep) ([]byte, error) {
	dst = append(dst, '{')
	empty := true
	err := s.eachMember(func(key string) error {
		below, ok := keep[key]
		if !ok {
			return s.skipValue()
		}
		if !empty {
			dst = append(dst, ',')
		}
		empty = false
		dst = append(append(append(dst, '"'), key...), '"', ':')
		var err error
		dst, err = s.prune(dst, below)
		return err
	})
	return append(dst, '}'), err
}

func (s *source) pruneList(dst []byte, keep keep) ([]byte, error) {
	dst = append(dst, '[')
	empty := true
	err := s.eachElement(func() error {
		if !empty {
			dst = append(dst, ',')
		}
		empty = false
		below := keep
		if c, _ := s.skipSpace(); c == '[' {
			// No kind has lists of lists; going down each would let a hostile dump exhaust the stack.
			below = nil
		}
		var err error
		dst, err = s.prune(dst, below)
		return err
	})
	return append(dst, ']'), err
}

// eachMember goes past the object that begins here. It calls value where each member's value begins, to go past it.
func (s *source) eachMember(value func(key string) error) error {
	return s.eachBetween('}', func() error {
		if c, _ := s.skipSpace(); c != '"' {
			return unexpected(c, "a field's name")
		}
		key, err := s.readKey()
		if err != nil {
			return err
		}
		return value(key)
	})
}

// eachElement goes past the list that begins here. It calls value where each element begins, to go past it.
func (s *source) eachElement(value func() error) error { return s.eachBetween(']', value) }

func (s *source) eachBetween(closing byte, do func() error) error {
	s.pos++
	for first := true; ; first = false {
		c, ok := s.skipSpace()
		switch {
		case !ok:
			return errEnd
		case c == closing:
			s.pos++
			return nil
		case first:
		case c != ',':
			return unexpected(c, "a comma")
		default:
			s.pos++
		}
		if _, ok := s.skipSpace(); !ok {
			return errEnd
		}
		if err := do(); err != nil {
			return err
		}
	}
}

// readKey goes past the name of a field, and past the colon.
func (s *source) readKey() (string, error) {
	text, err := s.readString()
	if err != nil {
		return "", err
	}
	c, ok := s.skipSpace()
	if !ok {
		return "", errEnd
	}
	if c != ':' {
		return "", unexpected(c, "a colon")
	}
	s.pos++
	return text, nil
}

// readString goes past the string that begins here, and returns what it says.
func (s *source) readString() (string, error) {
	kept := s.keep
	if kept < 0 {
		s.keep = s.pos
	}
	start := s.pos - s.keep
	err := s.skipString()
	raw := s.buf[s.keep+start : s.pos]
	if kept < 0 {
		s.keep = -1
	}
	if err != nil {
		return "", err
	}
	return unquote(raw)
}

func unquote(raw []byte) (text string, err error) {
	if plain(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", syntaxError{string(raw), "a string"}
	}
	return text, nil
}

func plain(raw []byte) bool {
	for _, c := range raw {
		if c == '\\' || c < ' ' || c >= 0x80 {
			return false
		}
	}
	return true
}
