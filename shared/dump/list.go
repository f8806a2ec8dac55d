package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// maxDepth bounds lists in lists.
const maxDepth = 16

// list is a list that is being read.
type list struct {
	// head is the list's own, as far as it came already: sorted output has the kind after the items.
	head head
	// depth is zero for the dump itself, which is no list.
	depth int
	held  *store
}

// open says whether the kind of the list's items may still come.
func (l *list) open() bool { return l.depth > 0 && l.head.kind == "" }

// hold keeps an object until the kind is known.
func (l *list) hold(raw []byte, number, line int) error {
	if l.held == nil {
		l.held = newStore()
	}
	return l.held.add(raw, number, line)
}

// value reads what stands where an object may: an object, a list, or plain elements.
func (d *reader) value(in *list) error {
	c, ok := d.in.skipSpace()
	switch {
	case !ok:
		return errEnd
	case c == '{':
		return d.jsonObject(in)
	case c == '[':
		plain := &list{depth: in.depth + 1}
		if err := d.elements(plain); err != nil {
			return d.ended(err, true)
		}
		return d.closeList(plain, nil)
	default:
		return d.noObject(fmt.Sprintf("it begins with %q", c))
	}
}

// elements reads the elements that begin here into a list.
func (d *reader) elements(l *list) error {
	if l.depth > maxDepth {
		return d.failure(fmt.Errorf("lists stand in lists, deeper than %d", maxDepth))
	}
	return d.in.eachElement(func() error { return d.value(l) })
}

// openObject is a JSON object that is being read.
type openObject struct {
	head head
	// items is nil unless it is a list; before is then the object up to the end of the items, without these.
	items  *list
	before []byte
}

// jsonObject reads the object that begins here. Where it proves to be a list, its items are read as they come.
func (d *reader) jsonObject(in *list) error {
	s := d.in
	s.keep = s.pos
	defer func() { s.keep = -1 }()
	o := &openObject{}
	if err := s.eachMember(func(key string) error { return d.member(o, key, in.depth) }); err != nil {
		return d.lost(o.items, d.ended(err, o.items != nil))
	}
	raw := s.buf[s.keep:s.pos]
	switch {
	case o.items != nil:
		raw = append(o.before, raw...)
	case o.head.isList() && named(o.head.groupKind(), raw).name == "":
		o.items = &list{depth: in.depth + 1}
	default:
		return d.object(o.head, raw, in)
	}
	o.items.head = o.head
	return d.closeList(o.items, raw)
}

// member goes past the value of an object's field.
func (d *reader) member(o *openObject, key string, depth int) error {
	s := d.in
	c, _ := s.skipSpace()
	switch {
	case key == "items" && c == '[' && (o.head.kind == "" || o.head.isList()):
		o.before = append(append(o.before, s.buf[s.keep:s.pos]...), "null"...)
		if o.items == nil {
			o.items = &list{depth: depth + 1}
		}
		o.items.head = o.head
		s.keep = -1
		err := d.elements(o.items)
		s.keep = s.pos
		return err
	case (key == "kind" || key == "apiVersion") && c == '"':
		value, err := s.readString()
		o.head.set(key, value)
		return err
	default:
		return s.skipValue()
	}
}

// ended says of an error in JSON where it is, and tells a dump that is cut off from one that is malformed.
func (d *reader) ended(err error, inList bool) error {
	var syntax syntaxError
	switch {
	case errors.As(err, &syntax):
		return d.failure(errors.New(syntax.Error()))
	case err != errEnd:
		return err
	}
	if failed := d.in.failed(); failed != nil && !errors.Is(failed, io.ErrUnexpectedEOF) {
		return d.stopped(failed)
	}
	if inList {
		return d.cut(beforeList + d.after())
	}
	if err := malformed(d.in.buf[d.in.keep:]); err != nil {
		return d.failure(err)
	}
	return d.cutWithin()
}

// lost adds to what is said of a dump that is cut off how many objects of the list it takes along, because their kind
// would have followed.
func (d *reader) lost(l *list, err error) error {
	if err == errCut && l != nil && l.held != nil {
		d.contents.Cut += fmt.Sprintf("; the kind of %d objects before would follow", l.held.count)
	}
	return err
}

// malformed returns what is wrong in JSON that ends early, apart from that.
func malformed(start []byte) error {
	err := json.NewDecoder(bytes.NewReader(start)).Decode(new(json.RawMessage))
	if errors.As(err, new(*json.SyntaxError)) {
		return fmt.Errorf("the JSON is malformed: %w", err)
	}
	return nil
}

// closeList takes in what a list says of itself, in raw: its kind holds for items that bear none.
func (d *reader) closeList(l *list, raw []byte) error {
	d.lists = true
	h := l.head
	switch {
	case h.kind != "" && !h.isList():
		return d.failure(fmt.Errorf("it is a %s, not a list, and has items", h.kind))
	case l.held == nil:
	case h.items().kind == "":
		return d.withoutKind(l)
	default:
		if err := d.replay(l); err != nil {
			return err
		}
	}
	if h.items().kind == "" {
		return nil
	}
	kind := h.items().groupKind()
	d.contents.Objects[kind] += 0
	if hasMore(raw) {
		d.contents.partial(kind)
	}
	return nil
}

// withoutKind is the error for a list whose items have no kind, nor has it.
func (d *reader) withoutKind(l *list) error {
	return l.held.each(func(_ []byte, number, line int) error {
		if number == 1 {
			return noDump(fmt.Sprintf("what begins in line %d is not a Kubernetes object, it has no kind", line))
		}
		return fmt.Errorf("object %d of the dump (line %d): it is not a Kubernetes object, it has no kind", number, line)
	})
}

// replay reads the objects that were held until their kind came.
func (d *reader) replay(l *list) error {
	in, number := d.in, d.number
	defer func() { d.in, d.number = in, number }()
	return l.held.each(func(raw []byte, number, line int) error {
		d.in, d.number = textSource(raw, line), number-1
		return d.value(l)
	})
}

// hasMore says whether a list names a next page.
func hasMore(raw []byte) bool {
	var list struct {
		Metadata struct {
			Continue string `json:"continue"`
		} `json:"metadata"`
	}
	return json.Unmarshal(raw, &list) == nil && list.Metadata.Continue != ""
}
