package injection

import (
	"regexp"
	"strings"
	"unicode"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

var (
	containerShape = regexp.MustCompile(`^(\s*)-\s+name:\s*["']?` + proxy.ContainerName + `["']?\s*$`)
	imageLine      = regexp.MustCompile(`^["']?image["']?\s*:\s*(.*)$`)
	// inlineImage finds an image on a line that starts with an action: `{{ if .X }}image: a{{ end }}`.
	inlineImage = regexp.MustCompile(`(?:^|[^\w.])image["']?\s*:`)
	// openings, closings and blanks are what writers of templates vary without a difference.
	openings = regexp.MustCompile(`(\{\{|\[\[)-?\s*`)
	closings = regexp.MustCompile(`\s*-?(\}\}|\]\])`)
	blanks   = regexp.MustCompile(`\s+`)
)

// imageOfTemplate reads the image of the istio-proxy container out of a template's text. Rendering the template would
// need all of istiod's functions and state; where the image depends on more than the lines of Istio's own templates
// do, it is opaque, and nothing is claimed about it. Every command reads every template of the mesh, each of some hundred lines, so that
// expressions are only tried where a plain search has found something.
func imageOfTemplate(text string) templateImage {
	var r templateReader
	for line := range strings.Lines(text) {
		r.read(line)
	}
	if r.inline || timesNamed(text) > r.containers {
		return templateImage{kind: opaqueImage}
	}
	return classify(r.lines)
}

// timesNamed counts how often a template names a container istio-proxy, also in another order of fields than Istio's own, or as JSON.
func timesNamed(text string) int {
	times := 0
	for {
		at := strings.Index(text, proxy.ContainerName)
		if at < 0 {
			return times
		}
		before, after := text[:at], text[at+len(proxy.ContainerName):]
		if isName(before) && !startsWithWord(after) {
			times++
		}
		text = after
	}
}

// isName says whether what stands before a value makes it one of a field `name`.
func isName(before string) bool {
	before, isField := strings.CutSuffix(strings.TrimRight(withoutQuote(before), space), ":")
	before, isName := strings.CutSuffix(withoutQuote(strings.TrimRight(before, space)), "name")
	return isField && isName && (before == "" || !isWord(before[len(before)-1]))
}

// space is what may stand around the colon of a field.
const space = " \t\r\n\f"

func withoutQuote(text string) string {
	if strings.HasSuffix(text, `"`) || strings.HasSuffix(text, "'") {
		return text[:len(text)-1]
	}
	return text
}

func startsWithWord(text string) bool { return text != "" && isWord(text[0]) }

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// isAction says whether a text begins with an action. Templates of Istio 1.0 and 1.1 are delimited by square brackets.
func isAction(text string) bool {
	return strings.HasPrefix(text, "{{") || strings.HasPrefix(text, "[[")
}

// blocks returns how many more blocks are open after a line than before it.
func blocks(line string) int {
	more := 0
	for at := range len(line) {
		if !isAction(line[at:]) {
			continue
		}
		word := strings.TrimLeft(strings.TrimPrefix(line[at+2:], "-"), space)
		if end := strings.IndexFunc(word, func(r rune) bool { return r > unicode.MaxASCII || !isWord(byte(r)) }); end >= 0 {
			word = word[:end]
		}
		switch word {
		case "if", "with", "range", "block", "define":
			more++
		case "end":
			more--
		}
	}
	return more
}

// templateReader goes through a template line by line and keeps the lines of the istio-proxy container.
type templateReader struct {
	// inside is true within the container, whose list item is indented by indent; depth counts the blocks that are open.
	inside        bool
	indent, depth int
	// containers counts how often the container was begun.
	containers int
	lines      []templateLine
	// inline is true once an image stood on the line of an action.
	inline bool
}

// templateLine is a line of the container.
type templateLine struct {
	// text is the line in normal form.
	text string
	// depth counts the blocks that are open before the line.
	depth int
	// image is true where the line sets the image.
	image bool
}

func (r *templateReader) read(line string) {
	trimmed, depth := strings.TrimSpace(line), r.depth
	r.depth += blocks(line)
	if strings.Contains(line, proxy.ContainerName) {
		if m := containerShape.FindStringSubmatch(line); m != nil {
			r.inside, r.indent = true, len(m[1])
			r.containers++
			return
		}
	}
	switch {
	case !r.inside || trimmed == "" || strings.HasPrefix(trimmed, "#"):
	case isAction(trimmed):
		// Actions are indented as their writer likes, so they say nothing about where the container ends.
		r.inline = r.inline || inlineImage.MatchString(trimmed)
		r.lines = append(r.lines, templateLine{text: normal(trimmed), depth: depth})
	case len(line)-len(strings.TrimLeft(line, " ")) <= r.indent:
		r.inside = false
	default:
		r.lines = append(r.lines, containerLine(trimmed, depth))
	}
}

func containerLine(trimmed string, depth int) templateLine {
	if m := imageLine.FindStringSubmatch(trimmed); m != nil {
		return templateLine{text: "image: " + normal(scalar(m[1])), depth: depth, image: true}
	}
	return templateLine{text: normal(trimmed), depth: depth}
}

// normal takes out of a line what means nothing: markers that trim blanks, and blanks.
func normal(text string) string {
	if strings.ContainsAny(text, "{}[]") {
		text = openings.ReplaceAllString(text, "$1 ")
		text = closings.ReplaceAllString(text, " $1")
	}
	return strings.TrimSpace(blanks.ReplaceAllString(text, " "))
}

// scalar reads a value as YAML does: without its quotes, and without the comment behind it. Around an action the quotes
// are taken off first, since those within it are the action's.
func scalar(text string) string {
	if inner, ok := unquoted(text); ok && isAction(inner) {
		return inner
	}
	var value string
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		return strings.Trim(text, `"'`)
	}
	return value
}

func unquoted(text string) (string, bool) {
	if len(text) < 2 || text[0] != text[len(text)-1] || text[0] != '"' && text[0] != '\'' {
		return "", false
	}
	return text[1 : len(text)-1], true
}
