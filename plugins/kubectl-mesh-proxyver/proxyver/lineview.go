package proxyver

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// lineView prints a line for each row that changes.
type lineView struct {
	*Options
	complaint
	lines *printing.Lines[*group]
	// rows are the cells that each row had last.
	rows map[groupKey][]string
}

func (v *lineView) show(s state) error {
	v.complain(s.lost)
	out, err := v.filled(io.Discard, s)
	if err != nil {
		return err
	}
	if all, ok := out.(*sorted); ok {
		if err := all.settle(); err != nil {
			return err
		}
	}
	groups := tallyOf(out).sorted()
	layout := (&table{tally: tallyOf(out), wide: v.Output == outputWide, noHeaders: v.NoHeaders}).layout()
	if v.lines == nil {
		v.lines = layout.Lines()
	}
	var changed []*group
	rows := map[groupKey][]string{}
	for _, g := range groups {
		rows[g.key] = layout.Cells(g)
		if before, ok := v.rows[g.key]; !ok || !slices.Equal(before, rows[g.key]) {
			changed = append(changed, g)
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(v.rows), compareKeys) {
		if _, ok := rows[key]; !ok {
			changed = append(changed, &group{key: key, gone: true})
		}
	}
	v.rows = rows
	return v.print(changed)
}

func (v *lineView) print(changed []*group) error {
	if v.Output != outputName {
		return v.lines.Print(v.Out, changed)
	}
	for _, g := range changed {
		if g.key.name == "" {
			continue
		}
		if _, err := fmt.Fprintln(v.Out, printing.Escape(groupingOf(v.By).name(g))); err != nil {
			return err
		}
	}
	return nil
}

func (v *lineView) close() error { return nil }

func (v *lineView) errOut() io.Writer { return v.ErrOut }
