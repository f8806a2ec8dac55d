package injection

import (
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

var (
	containerShape = regexp.MustCompile(`(?m)^(\s*)-\s+name:\s*["']?` + proxy.ContainerName + `["']?\s*$`)
	// anyShape also finds the container where a template writes it in another order, or as JSON.
	anyShape  = regexp.MustCompile(`\bname["']?\s*:\s*["']?` + proxy.ContainerName + `\b`)
	imageLine = regexp.MustCompile(`^["']?image["']?\s*:\s*(.*)$`)
	// inlineImage finds an image on a line that starts with an action: `{{ if .X }}image: a{{ end }}`.
	inlineImage = regexp.MustCompile(`(?:^|[^\w.])image["']?\s*:`)
	// actionStarts finds a line that is an action. Templates of Istio 1.0 and 1.1 are delimited by square brackets.
	actionStarts = regexp.MustCompile(`^(?:\{\{|\[\[)`)
	// blockOpens and blockEnds count how many blocks are open around a line.
	blockOpens = regexp.MustCompile(`(?:\{\{|\[\[)-?\s*(?:if|with|range|block|define)\b`)
	blockEnds  = regexp.MustCompile(`(?:\{\{|\[\[)-?\s*end\b`)
	// openings, closings and blanks are what writers of templates vary without a difference.
	openings = regexp.MustCompile(`(\{\{|\[\[)-?\s*`)
	closings = regexp.MustCompile(`\s*-?(\}\}|\]\])`)
	blanks   = regexp.MustCompile(`\s+`)
)

// imageOfTemplate reads the image of the istio-proxy container out of a template's text. Rendering the template would
// need all of istiod's functions and state; where the image depends on more than the lines of Istio's own templates
// do, it is opaque, and nothing is claimed about it.
func imageOfTemplate(text string) templateImage {
	if len(anyShape.FindAllString(text, -1)) > len(containerShape.FindAllString(text, -1)) {
		return templateImage{kind: opaqueImage}
	}
	var r templateReader
	for line := range strings.Lines(text) {
		r.read(line)
	}
	if r.inline {
		return templateImage{kind: opaqueImage}
	}
	return classify(r.lines)
}

// templateReader goes through a template line by line and keeps the lines of the istio-proxy container.
type templateReader struct {
	// inside is true within the container, whose list item is indented by indent; depth counts the blocks that are open.
	inside        bool
	indent, depth int
	lines         []templateLine
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
	r.depth += len(blockOpens.FindAllString(line, -1)) - len(blockEnds.FindAllString(line, -1))
	if m := containerShape.FindStringSubmatch(line); m != nil {
		r.inside, r.indent = true, len(m[1])
		return
	}
	switch {
	case !r.inside || trimmed == "" || strings.HasPrefix(trimmed, "#"):
	case actionStarts.MatchString(trimmed):
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
	text = openings.ReplaceAllString(text, "$1 ")
	text = closings.ReplaceAllString(text, " $1")
	return strings.TrimSpace(blanks.ReplaceAllString(text, " "))
}

// scalar reads a value as YAML does: without its quotes, and without the comment behind it. Around an action the quotes
// are taken off first, since those within it are the action's.
func scalar(text string) string {
	if inner, ok := unquoted(text); ok && actionStarts.MatchString(inner) {
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
