package restartreport

import (
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// columns is how wide a line of the summary may be.
const columns = 80

// wrap returns text in lines that fit, broken at spaces, and within words only where a word is wider than a line. The
// first line begins with the indent, the others with two spaces more.
func wrap(indent, text string) string {
	var lines strings.Builder
	line, fresh := indent, true
	for _, word := range strings.Fields(text) {
		for _, part := range pieces(word, columns-twwidth.Width(indent)-2) {
			switch {
			case fresh:
				line += part
			case twwidth.Width(line)+1+twwidth.Width(part) <= columns:
				line += " " + part
			default:
				lines.WriteString(line + "\n")
				line = indent + "  " + part
			}
			fresh = false
		}
	}
	return lines.String() + line + "\n"
}

// pieces returns a word in parts that are no wider than so many columns. All but the last fill a line, so that none is
// taken for a word of its own.
func pieces(word string, columns int) []string {
	var parts []string
	var part strings.Builder
	var width int
	for _, r := range word {
		w := twwidth.Width(string(r))
		if width+w > columns {
			parts = append(parts, part.String())
			part.Reset()
			width = 0
		}
		part.WriteRune(r)
		width += w
	}
	return append(parts, part.String())
}
