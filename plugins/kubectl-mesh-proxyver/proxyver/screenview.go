package proxyver

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

// screenView replaces the table on a terminal.
type screenView struct {
	*Options
	standing standing
	// cells are those of the rows as they were last.
	cells  map[groupKey][]string
	screen *screen.Screen
	last   string
	// changed is when the table did last, lost since when the cluster is.
	changed, lost time.Time
	// warnings would be lost on the screen; they are left behind with the last table.
	warnings bytes.Buffer
}

func (v *screenView) show(s state) error {
	for key := range v.standing.follow(v.Options, s) {
		delete(v.cells, key)
	}
	text, err := v.render(s)
	if err != nil {
		return err
	}
	if text != v.last || v.changed.IsZero() {
		v.last, v.changed = text, time.Now()
	}
	switch {
	case s.lost == nil:
		v.lost = time.Time{}
	case v.lost.IsZero():
		v.lost = time.Now()
	}
	if text == "" {
		text = noResources(v.namespace)
	}
	v.screen.Draw(strings.Split(strings.TrimRight(text, "\n"), "\n"), v.footer(s))
	return nil
}

// render returns what the command prints without --watch.
func (v *screenView) render(s state) (string, error) {
	var text bytes.Buffer
	if v.SortBy == "" && v.Output != outputName {
		err := v.lay(&text)
		return text.String(), err
	}
	out, err := v.table(&text, s)
	if err == nil {
		err = out.finish()
	}
	return text.String(), err
}

// table returns an output that has all items. One that --sort-by orders has to be made anew from them.
func (v *screenView) table(text *bytes.Buffer, s state) (output, error) {
	if v.SortBy != "" {
		return v.filled(text, s)
	}
	out, err := v.output(text)
	if out, ok := out.(*names); ok {
		out.tally = v.standing.tally
	}
	return out, err
}

// lay lays out the table from the cells that rows had before, as far as they have not changed.
func (v *screenView) lay(text *bytes.Buffer) error {
	if v.cells == nil {
		v.cells = map[groupKey][]string{}
	}
	layout := (&table{tally: v.standing.tally, wide: v.Output == outputWide, noHeaders: v.NoHeaders}).layout()
	var rows [][]string
	for _, g := range v.standing.sorted() {
		if v.cells[g.key] == nil {
			v.cells[g.key] = layout.Cells(g)
		}
		rows = append(rows, v.cells[g.key])
	}
	laid := printing.Table[[]string]{NoHeaders: v.NoHeaders}
	for _, c := range layout.Columns {
		if n := len(laid.Columns); !c.Wide || layout.Wide {
			laid.Columns = append(laid.Columns, printing.Column[[]string]{Header: c.Header, Extract: func(row []string) string { return row[n] }})
		}
	}
	return laid.Lines().Print(text, rows)
}

func (v *screenView) footer(s state) string {
	if s.lost != nil {
		return "Connection lost at " + v.lost.Format(time.TimeOnly) + ", trying again; what is shown is from before: " + printing.Escape(s.lost.Error())
	}
	words := fmt.Sprintf("Pods: %d", v.standing.pods)
	for _, status := range v1alpha1.Statuses() {
		if n := v.standing.statuses[status]; n > 0 {
			words += fmt.Sprintf(", %s: %d", status, n)
		}
	}
	if len(s.gaps) > 0 {
		words += fmt.Sprintf(". Incomplete: %s", printing.Escape(s.gaps[0].Error()))
	}
	return words + ". Last change " + v.changed.Format(time.TimeOnly) + ". Ctrl-C ends"
}

// close leaves the last table behind, as the command without --watch would print it.
func (v *screenView) close() error {
	v.screen.Close()
	_, err := io.WriteString(v.Out, v.last)
	return cmp.Or(err, copied(v.ErrOut, &v.warnings))
}

func copied(to io.Writer, from *bytes.Buffer) error {
	_, err := from.WriteTo(to)
	return err
}

func (v *screenView) errOut() io.Writer { return &v.warnings }
