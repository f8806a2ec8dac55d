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
	standing
	lines *printing.Lines[*group]
	// rows are the cells that each row had last.
	rows map[groupKey][]string
}

func (v *lineView) show(s state) error {
	v.complain(s.lost)
	t, groups, keys, err := v.candidates(s)
	if err != nil {
		return err
	}
	layout := (&table{tally: t, wide: v.Output == outputWide, noHeaders: v.NoHeaders}).layout()
	if v.lines == nil {
		v.lines, v.rows = layout.Lines(), map[groupKey][]string{}
	}
	var changed []*group
	for _, g := range groups {
		cells := layout.Cells(g)
		if before, ok := v.rows[g.key]; !ok || !slices.Equal(before, cells) {
			changed = append(changed, g)
		}
		v.rows[g.key] = cells
	}
	for _, key := range slices.SortedFunc(maps.Keys(keys), compareKeys) {
		if _, was := v.rows[key]; was && t.groups[key] == nil {
			changed = append(changed, &group{key: key, gone: true})
			delete(v.rows, key)
		}
	}
	return v.print(changed)
}

// candidates returns the rows there are of those that may have changed, in their order, and the keys of all that may.
func (v *lineView) candidates(s state) (t *tally, groups []*group, keys map[groupKey]bool, err error) {
	if v.SortBy == "" {
		keys = v.standing.follow(v.Options, s)
		return v.standing.tally, v.sortedOf(keys), keys, nil
	}
	if t, err = v.settled(s); err != nil {
		return nil, nil, nil, err
	}
	keys = map[groupKey]bool{}
	for key := range v.rows {
		keys[key] = true
	}
	return t, t.sorted(), keys, nil
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
