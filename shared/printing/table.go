// Package printing lays out what people read: tables in kubectl's manner, and cells that a hostile cluster cannot use to
// write to the terminal.
package printing

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Column is one column of a table whose rows are made from values of type T.
type Column[T any] struct {
	Header string
	// Wide columns show with `-o wide` only.
	Wide bool
	// Extract returns the cell; an empty one is shown as "-".
	Extract func(T) string
}

// Table prints rows under columns.
type Table[T any] struct {
	Columns []Column[T]
	Wide    bool
	// NoHeaders leaves the headers out.
	NoHeaders bool
}

// columnGap is the space between columns: one less than kubectl's, so that the usual table fits 80 columns.
const columnGap = "  "

// Print writes the table. The error is the writer's.
func (t Table[T]) Print(out io.Writer, rows []T) error {
	var buffer bytes.Buffer
	table := tablewriter.NewTable(&buffer, plain()...)
	if !t.NoHeaders {
		table.Header(t.headers())
	}
	for _, row := range rows {
		if err := table.Append(t.Cells(row)); err != nil {
			return fmt.Errorf("laying out the table: %w", err)
		}
	}
	if err := table.Render(); err != nil {
		return fmt.Errorf("laying out the table: %w", err)
	}
	return trimmed(out, &buffer)
}

func (t Table[T]) headers() []string {
	var headers []string
	for _, c := range t.Columns {
		if !c.Wide || t.Wide {
			headers = append(headers, c.Header)
		}
	}
	return headers
}

// Cells returns the row as it is printed, cell by cell.
func (t Table[T]) Cells(row T) []string {
	var cells []string
	for _, c := range t.Columns {
		if !c.Wide || t.Wide {
			cells = append(cells, cmp.Or(Escape(c.Extract(row)), "-"))
		}
	}
	return cells
}

// plain makes tablewriter draw neither borders nor lines, and leave the cells as they are.
func plain() []tablewriter.Option {
	padding := tw.Padding{Left: tw.Empty, Right: columnGap, Overwrite: true}
	return []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone},
		})),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithPadding(padding),
	}
}

// trimmed drops the padding that ends each line.
func trimmed(out io.Writer, buffer *bytes.Buffer) error {
	var lines strings.Builder
	for line := range strings.Lines(buffer.String()) {
		lines.WriteString(strings.TrimRight(line, " \n"))
		lines.WriteByte('\n')
	}
	_, err := io.WriteString(out, lines.String())
	return err
}

// Escape makes text from the cluster safe to print on one line: control characters and what is no UTF-8 appear as Go
// would write them (`\x1b`), so that nothing in a name or a message can move the cursor or break the line.
func Escape(text string) string {
	if strings.IndexFunc(text, unprintable) < 0 {
		return text
	}
	var safe strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&safe, `\x%02x`, text[0])
		case unprintable(r):
			quoted := strconv.QuoteRune(r)
			safe.WriteString(quoted[1 : len(quoted)-1])
		default:
			safe.WriteRune(r)
		}
		text = text[size:]
	}
	return safe.String()
}

// unprintable is also true for what decoding makes of a byte that is no UTF-8.
func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }
