package main

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Where things are, in pixels. A character of a monospaced font is as wide as 0.6 of its size, or a little less.
const (
	fontSize   = 13
	charWidth  = 7.8
	lineHeight = 19
	margin     = 22
	titleBar   = 38
)

const (
	title       = "kubectl-mesh takes a namespace of a mesh to another revision of Istio"
	description = "A terminal with excerpts of what make demo prints. Before, kubectl mesh-proxyver shows workloads whose proxies are outdated, " +
		"missing or orphaned. kubectl mesh-canary start moves the namespace shop while a probe counts no errors, and kubectl mesh-canary status " +
		"says how far the upgrade is. In the end kubectl mesh-proxyver shows that every proxy is current."
)

// style gives each kind of text its colour. No colour says what its text does not.
const style = `text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:#c9d1d9}` +
	`.b{fill:#fff;font-weight:700}.d{fill:#7d8590}.g{fill:#56d364}.y{fill:#e3b341}.r{fill:#ff7b72}.c{fill:#79c0ff}`

// svg returns the picture of a terminal with these lines.
func svg(lines []line) string {
	width := 2*margin + pixels(columns)
	height := titleBar + 2*margin + lineHeight*len(lines) - (lineHeight - fontSize)
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]d" viewBox="0 0 %[1]s %[2]d" role="img" aria-labelledby="t d">`+"\n",
		number(width), height)
	fmt.Fprintf(&out, `<title id="t">%s</title>`+"\n"+`<desc id="d">%s</desc>`+"\n"+`<style>%s</style>`+"\n",
		html.EscapeString(title), html.EscapeString(description), style)
	fmt.Fprintf(&out, `<rect width="%s" height="%d" rx="10" fill="#0d1117"/>`+"\n", number(width), height)
	fmt.Fprintf(&out, `<path d="M0 %[2]dV10A10 10 0 0 1 10 0H%[3]sA10 10 0 0 1 %[1]s 10V%[2]dZ" fill="#21262d"/>`+"\n",
		number(width), titleBar, number(width-10))
	for i, colour := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(&out, `<circle cx="%d" cy="%d" r="6" fill="%s"/>`+"\n", margin+20*i, titleBar/2, colour)
	}
	fmt.Fprintf(&out, `<text class="d" x="%s" y="%d" text-anchor="middle">make demo, in excerpts</text>`+"\n", number(width/2), titleBar/2+4)
	for i, l := range lines {
		out.WriteString(row(l, titleBar+margin+fontSize-2+lineHeight*i))
	}
	out.WriteString("</svg>\n")
	return out.String()
}

// row draws a line. Each of its pieces has a place of its own, so that columns stand straight in whatever font there is.
func row(l line, y int) string {
	pieces := split(l)
	if len(pieces) == 0 {
		return ""
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<text y="%d">`, y)
	for _, p := range pieces {
		class := ""
		if p.class != "" {
			class = fmt.Sprintf(` class="%s"`, p.class)
		}
		fmt.Fprintf(&out, `<tspan x="%s"%s>%s</tspan>`, number(margin+pixels(p.column)), class, html.EscapeString(p.text))
	}
	return out.String() + "</text>\n"
}

// piece is a part of a line that has one colour.
type piece struct {
	column int
	text   string
	class  string
}

// cell is what stands between two or more spaces, and so in one column of a table.
var cell = regexp.MustCompile(`\S+(?: \S+)*`)

// split takes a line apart into its pieces.
func split(l line) []piece {
	var pieces []piece
	for _, at := range cell.FindAllStringIndex(l.text, -1) {
		column, text := utf8.RuneCountInString(l.text[:at[0]]), l.text[at[0]:at[1]]
		if l.typed {
			pieces = append(pieces, piece{column, text, "b"})
			continue
		}
		pieces = append(pieces, painted(column, text)...)
	}
	return pieces
}

var heading = regexp.MustCompile(`^[A-Z]+( [A-Z]+)*$`)

// parts are texts that have a colour each, by the pattern whose groups they are.
var parts = []struct {
	pattern *regexp.Regexp
	classes []string
}{
	{regexp.MustCompile(`^(.*, )(0 errors)(;.*)$`), []string{"", "g", ""}},
	{regexp.MustCompile(`^(Done:)(.*)$`), []string{"g", ""}},
	{regexp.MustCompile(`^(Next:)(.*)$`), []string{"c", ""}},
}

// painted gives what stands in one column its colours, by its words.
func painted(column int, text string) []piece {
	switch text {
	case "current", "moved":
		return []piece{{column, text, "g"}}
	case "outdated", "to move":
		return []piece{{column, text, "y"}}
	case "missing", "orphaned":
		return []piece{{column, text, "r"}}
	case leftOut:
		return []piece{{column, text, "d"}}
	}
	switch {
	case heading.MatchString(text) || strings.HasPrefix(text, "# "):
		return []piece{{column, text, "d"}}
	case strings.HasPrefix(text, "==> "):
		return []piece{{column, text, "c"}}
	}
	for _, p := range parts {
		if found := p.pattern.FindStringSubmatch(text); found != nil {
			return inTurn(column, found[1:], p.classes)
		}
	}
	return []piece{{column, text, ""}}
}

// inTurn puts pieces one behind the other.
func inTurn(column int, texts, classes []string) []piece {
	var pieces []piece
	for i, text := range texts {
		spaces := len(text) - len(strings.TrimLeft(text, " "))
		pieces = append(pieces, piece{column + spaces, text[spaces:], classes[i]})
		column += utf8.RuneCountInString(text)
	}
	return pieces
}

func pixels(columns int) float64 { return charWidth * float64(columns) }

// number writes a length as short as it is exact to a tenth.
func number(n float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(n, 'f', 1, 64), ".0")
}
