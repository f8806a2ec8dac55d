package dump

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"sigs.k8s.io/yaml"
)

// document is a YAML document as far as it was read. Parsing a list of 100 MB in one piece takes minutes, so its items are
// taken out by their indentation, as kubectl writes them, and parsed one by one. A document of another shape is parsed whole.
type document struct {
	*reader
	top *list
	// head is what the document says of itself, in the lines so far.
	head head
	// rest is the document without the items, and where it began.
	rest     []byte
	restLine int
	// items is the list, nil before one began; within says that the lines that come are its.
	items  *list
	within bool
	// dashes is the indentation of the items, negative before the first.
	dashes   int
	item     []byte
	itemLine int
	// whole is true where the document is to be parsed in one piece.
	whole bool
}

// yamlDocument reads the YAML document ahead.
func (d *reader) yamlDocument(top *list) error {
	doc := &document{reader: d, top: top, restLine: d.in.lineAt(d.in.pos)}
	for !d.in.atMark(separator) && !d.in.atMark(terminator) && !doc.ended() {
		number := d.in.lineAt(d.in.pos)
		line, ok := d.in.readLine()
		if !ok {
			return doc.close(true)
		}
		if err := doc.add(line, number); err != nil {
			return err
		}
	}
	return doc.close(false)
}

// ended says whether the next line begins another document although no separator stands between: `kubectl get -o yaml`
// that appends to a file writes none.
func (doc *document) ended() bool {
	return doc.head.apiVersion != "" && doc.in.hasPrefix("apiVersion:") || doc.head.kind != "" && doc.in.hasPrefix("kind:")
}

// add takes in a line.
func (doc *document) add(line []byte, number int) error {
	if doc.within && doc.belongs(line) {
		return doc.addToItems(line, number)
	}
	if doc.within {
		doc.within = false
		if err := doc.finishItem(); err != nil {
			return err
		}
	}
	if !doc.whole && isItems(line) {
		doc.within, doc.dashes = true, -1
		if doc.items == nil {
			doc.items = &list{depth: doc.top.depth + 1}
		}
		doc.items.head = doc.head
		return nil
	}
	if key, value, ok := scalarField(line); ok {
		doc.head.set(key, value)
	}
	return doc.grow(&doc.rest, line)
}

// isItems says whether the line is `items:`.
func isItems(line []byte) bool {
	after, ok := bytes.CutPrefix(line, []byte("items:"))
	return ok && isBlank(after)
}

// isBlank says whether a line, or what is left of it, has nothing but a comment.
func isBlank(line []byte) bool {
	text := bytes.TrimLeft(line, " \t")
	return len(text) == 0 || text[0] == '#'
}

func indentOf(line []byte) int { return len(line) - len(bytes.TrimLeft(line, " ")) }

// isDash says whether the line begins an element of a list at that indentation.
func isDash(line []byte, indent int) bool {
	return len(line) > indent && line[indent] == '-' && (len(line) == indent+1 || line[indent+1] == ' ')
}

// belongs says whether a line is part of the items.
func (doc *document) belongs(line []byte) bool {
	return indentOf(line) > 0 || isDash(line, 0) || isBlank(line) || line[0] == '\t'
}

func (doc *document) addToItems(line []byte, number int) error {
	indent := indentOf(line)
	switch {
	case isBlank(line) && doc.item == nil:
		return nil
	case isBlank(line):
	case doc.dashes < 0 && !isDash(line, indent):
		// `items:` with something else than a list below.
		doc.within, doc.whole = false, true
		if err := doc.grow(&doc.rest, []byte("items:")); err != nil {
			return err
		}
		return doc.grow(&doc.rest, line)
	case isDash(line, indent) && (doc.dashes < 0 || indent == doc.dashes):
		if err := doc.finishItem(); err != nil {
			return err
		}
		doc.dashes, doc.itemLine = indent, number
		start := len(doc.item)
		err := doc.grow(&doc.item, line)
		doc.item[start+indent] = ' '
		return err
	}
	return doc.grow(&doc.item, line)
}

func (doc *document) grow(text *[]byte, line []byte) error {
	if len(*text)+len(line) > maxObject {
		return doc.failure(errTooLarge)
	}
	*text = append(append(*text, line...), '\n')
	return nil
}

// finishItem reads the item whose lines are complete.
func (doc *document) finishItem() error {
	if doc.item == nil {
		return nil
	}
	text := doc.item
	doc.item = doc.item[:0]
	if len(text) == 0 {
		return nil
	}
	return doc.yamlText(text, doc.itemLine, doc.items)
}

// close reads what is left of the document; atEnd says that the dump ends with it.
func (doc *document) close(atEnd bool) error {
	if failed := doc.in.failed(); atEnd && failed != nil {
		return doc.lost(doc.items, doc.stopped(failed))
	}
	if doc.items == nil {
		return doc.closeWhole(atEnd)
	}
	if !doc.head.isList() {
		// kubectl writes the kind after the items. Without it the last item need not be whole.
		if atEnd {
			return doc.lost(doc.items, doc.cutInItems())
		}
		return fmt.Errorf("the list that begins in line %d is malformed: it has items, but no kind", doc.restLine)
	}
	last := doc.item
	if err := doc.finishItem(); err != nil {
		return doc.orCut(err, last, atEnd)
	}
	rest, err := yaml.YAMLToJSON(doc.rest)
	if err != nil && atEnd {
		return doc.cut(beforeList + doc.after())
	}
	if err != nil {
		return fmt.Errorf("the list that begins in line %d is malformed: %w", doc.restLine, err)
	}
	doc.items.head = doc.head
	return doc.closeList(doc.items, rest)
}

// cutInItems notes that the dump ends in a list, or after it.
func (doc *document) cutInItems() error {
	if len(doc.item) > 0 {
		return doc.cut(fmt.Sprintf("in or right after object %d%s", doc.number+1, doc.after()))
	}
	return doc.cut(beforeList + doc.after())
}

// closeWhole parses the document in one piece.
func (doc *document) closeWhole(atEnd bool) error {
	if len(bytes.TrimSpace(doc.rest)) == 0 {
		return nil
	}
	return doc.orCut(doc.yamlText(doc.rest, doc.restLine, doc.top), doc.rest, atEnd)
}

// orCut tells malformed YAML from an end in the middle of a line, which only what is the last of the dump can have.
func (doc *document) orCut(err error, text []byte, atEnd bool) error {
	if errors.As(err, new(yamlError)) && atEnd && doc.head.apiVersion != "" && cutInLastLine(text) {
		return doc.cutWithin()
	}
	return err
}

// cutInLastLine says whether YAML that is malformed is so in its last line only.
func cutInLastLine(text []byte) bool {
	text = bytes.TrimRight(text, "\n")
	_, err := yaml.YAMLToJSON(text[:bytes.LastIndexByte(text, '\n')+1])
	return err == nil
}

var lineNumber = regexp.MustCompile(`^yaml: line (\d+): `)

// shifted adds to the line number of the parser's error, which counts from the start of the object.
func shifted(err error, by int) error {
	m := lineNumber.FindStringSubmatch(err.Error())
	if m == nil {
		return err
	}
	number, _ := strconv.Atoi(m[1])
	return fmt.Errorf("yaml: line %d: %s", number+by, err.Error()[len(m[0]):])
}

// yamlError is malformed YAML.
type yamlError struct{ error }

func (e yamlError) Unwrap() error { return e.error }

// yamlText reads an object, or a whole document, from its text.
func (d *reader) yamlText(text []byte, line int, in *list) error {
	json, err := yaml.YAMLToJSON(pruneYAML(text, in.head.items()))
	if err != nil {
		// The parser takes quoted text that is not indented, which pruning cuts through. And of malformed text, the line is
		// right for the whole only.
		json, err = yaml.YAMLToJSON(text)
	}
	outer := d.in
	defer func() { d.in = outer }()
	d.in = textSource(json, line)
	if err != nil {
		return d.failure(yamlError{shifted(err, line-1)})
	}
	return d.value(in)
}
