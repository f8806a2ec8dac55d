package printing

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// Lines prints rows one by one under the columns of a table, as they come: each column keeps the width of the widest cell
// that it has had.
type Lines[T any] struct {
	table  Table[T]
	widths []int
	headed bool
}

// Lines returns the table as one whose rows come one by one.
func (t Table[T]) Lines() *Lines[T] { return &Lines[T]{table: t} }

// Print writes rows, the headers above the first. The error is the writer's.
func (l *Lines[T]) Print(out io.Writer, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	var lines [][]string
	if !l.headed && !l.table.NoHeaders {
		lines = append(lines, l.table.headers())
	}
	l.headed = true
	for _, row := range rows {
		lines = append(lines, l.table.Cells(row))
	}
	if l.widths == nil {
		l.widths = make([]int, len(l.table.headers()))
	}
	for _, cells := range lines {
		for i, cell := range cells {
			l.widths[i] = max(l.widths[i], twwidth.Width(cell))
		}
	}
	var text strings.Builder
	for _, cells := range lines {
		text.WriteString(l.line(cells))
	}
	_, err := fmt.Fprint(out, text.String())
	return err
}

func (l *Lines[T]) line(cells []string) string {
	var line strings.Builder
	for i, cell := range cells {
		line.WriteString(cell)
		line.WriteString(strings.Repeat(" ", l.widths[i]-twwidth.Width(cell)))
		line.WriteString(columnGap)
	}
	return strings.TrimRight(line.String(), " ") + "\n"
}
