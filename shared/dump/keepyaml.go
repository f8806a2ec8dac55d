package dump

import (
	"bytes"
	"regexp"
)

// pruneYAML returns the lines of an object that are kept, by their indentation alone. The kind is that of the list, for an
// object that bears none. Where the object is not in block style, or its kind is not plain to see, it is returned whole.
// Text in quotes whose further lines are indented less than their field would mislead it; the YAML standard forbids that
// and nothing writes it.
func pruneYAML(text []byte, of head) []byte {
	own := headOf(text)
	if own.kind != "" {
		of = own
	}
	if of.kind == "" || of.isList() {
		return text
	}
	keep := nameOnly
	if r, ok := readings[of.groupKind()]; ok {
		keep = r.keep
	}
	p := &pruner{levels: []level{{parent: -1, column: -1, keep: keep}}, taking: structure}
	for line := range bytes.Lines(text) {
		if !p.add(line) {
			return text
		}
	}
	return p.kept
}

// headOf returns what the object in block style says of itself in lines of its own.
func headOf(text []byte) head {
	var h head
	column := -1
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, newline)
		if isBlank(line) {
			continue
		}
		indent := indentOf(line)
		if column < 0 {
			column = indent
		}
		if indent != column {
			continue
		}
		if key, value, ok := scalarField(line[indent:]); ok {
			h.set(key, value)
		}
	}
	return h
}

var plainField = regexp.MustCompile(`^(apiVersion|kind): +["']?([A-Za-z0-9./-]+)["']? *$`)

// scalarField reads a line that tells kind or version.
func scalarField(line []byte) (key, value string, ok bool) {
	if !bytes.HasPrefix(line, []byte("kind")) && !bytes.HasPrefix(line, []byte("apiVersion")) {
		return "", "", false
	}
	if m := plainField.FindSubmatch(line); m != nil {
		return string(m[1]), string(m[2]), true
	}
	return "", "", false
}

// taking is what happens to the lines of a field.
type taking int

const (
	// structure: part of the fields below is kept.
	structure taking = iota
	whole
	nothing
)

// level is a field whose value stands in the lines below it.
type level struct {
	// parent is the column of the field, column that of the fields in it, negative as long as there is none.
	parent, column int
	keep           keep
}

// pruner goes through the lines of an object.
type pruner struct {
	kept   []byte
	levels []level
	// taking holds for the lines below the field in that column.
	taking taking
	column int
}

// add takes in a line. It returns false for one that is not in kubectl's block style.
func (p *pruner) add(line []byte) bool {
	text := bytes.TrimRight(line, "\n")
	blank := isBlank(text)
	indent := indentOf(text)
	if p.taking != structure && (blank || within(text, indent, p.column)) {
		if p.taking == whole {
			p.kept = append(p.kept, line...)
		}
		return true
	}
	p.taking = structure
	if blank {
		return true
	}
	for len(p.levels) > 1 && !within(text, indent, p.top().parent) {
		p.levels = p.levels[:len(p.levels)-1]
	}
	if isDash(text, indent) && len(p.levels) > 1 {
		return p.element(text, indent)
	}
	return p.field(text, indent)
}

func (p *pruner) top() *level { return &p.levels[len(p.levels)-1] }

// within says whether a line is part of the value of a field in that column. Lists may stand right below their field.
func within(line []byte, indent, column int) bool {
	return indent > column || indent == column && isDash(line, indent)
}

// element begins an element of a list. The dash gets a line of its own, as the first field may not be kept.
func (p *pruner) element(text []byte, indent int) bool {
	p.kept = append(append(p.kept, text[:indent+1]...), '\n')
	after := indent + 1 + indentOf(text[indent+1:])
	p.top().column = -1
	if isBlank(text[indent+1:]) {
		return true
	}
	inner := append(bytes.Repeat([]byte{' '}, after), text[after:]...)
	return p.field(inner, after)
}

// field begins a field.
func (p *pruner) field(text []byte, column int) bool {
	top := p.top()
	if top.column < 0 {
		top.column = column
	}
	key, value, ok := bytes.Cut(text[column:], []byte{':'})
	if !ok || top.column != column || !isName(key) || len(value) > 0 && value[0] != ' ' {
		return false
	}
	below, kept := top.keep[string(key)]
	p.column = column
	switch {
	case !kept:
		p.taking = nothing
		return true
	case below != nil && isBlank(value):
		p.levels = append(p.levels, level{parent: column, column: -1, keep: below})
	default:
		p.taking = whole
	}
	p.kept = append(append(p.kept, text...), '\n')
	return true
}

// isName says whether a key is plainly a field's name.
func isName(key []byte) bool {
	for _, c := range key {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(key) > 0
}
