package canary

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

// statusView shows one moment after another.
type statusView interface {
	// show takes the last moment that could be read, and why there is no newer one, nil if it is the newest.
	show(m *moment, lost error) error
	// close leaves what was shown last, and no trace beside it.
	close() error
}

// view returns the way to show what changes: on a terminal all of it, on a pipe a line for each change, and for machines the record.
func (o *statusOptions) view() (statusView, error) {
	if o.machine() {
		printer, err := o.formats.Printer(o.Output, o.NoHeaders, outputWide)
		return &recordView{statusOptions: o, complaint: complaint{to: o.ErrOut}, printer: printer}, err
	}
	if s, ok := screen.Open(o.Out); ok {
		s.Draw(nil, "Reading the upgrade, the mesh and its pods")
		return &screenView{statusOptions: o, screen: s}, nil
	}
	return &lineView{statusOptions: o, complaint: complaint{to: o.ErrOut}}, nil
}

// screenView replaces the status on a terminal.
type screenView struct {
	*statusOptions
	screen *screen.Screen
	last   *moment
	body   string
	// changed is when the body did last, lostAt since when the cluster is lost.
	changed, lostAt time.Time
}

func (v *screenView) show(m *moment, lost error) error {
	body, err := v.render(m)
	if err != nil {
		return err
	}
	if body != v.body {
		v.body, v.changed = body, time.Now()
	}
	switch {
	case lost == nil:
		v.lostAt = time.Time{}
	case v.lostAt.IsZero():
		v.lostAt = time.Now()
	}
	v.last = m
	v.screen.Draw(strings.Split(strings.TrimRight(body, "\n"), "\n"), v.footer(lost))
	return nil
}

// render has what is to be known and done right below the phase: the tables may be longer than the terminal.
func (v *screenView) render(m *moment) (string, error) {
	var tables, rest bytes.Buffer
	if err := v.write(&tables, &rest, m); err != nil {
		return "", err
	}
	if m.upgrade == nil {
		return rest.String(), nil
	}
	top, below, _ := strings.Cut(tables.String(), "\n\n")
	return top + "\n" + strings.TrimLeft(rest.String(), "\n") + "\n" + below, nil
}

func (v *screenView) footer(lost error) string {
	if lost != nil {
		return "Connection lost at " + v.lostAt.Format(time.TimeOnly) + ", trying again; what is shown is from before: " + printing.Escape(lost.Error())
	}
	return "Last change " + v.changed.Format(time.TimeOnly) + ". Ctrl-C ends"
}

// close leaves the last status behind, as the command without --watch would print it.
func (v *screenView) close() error {
	v.screen.Close()
	if v.last == nil {
		return nil
	}
	return v.write(v.Out, v.ErrOut, v.last)
}

// complaint says once that the cluster is lost, and once that it is back.
type complaint struct {
	to   io.Writer
	lost bool
}

func (c *complaint) complain(lost error) {
	switch {
	case lost != nil && !c.lost:
		fmt.Fprintln(c.to, "warning: connection lost, trying again; what was shown is from before:", printing.Escape(lost.Error()))
	case lost == nil && c.lost:
		fmt.Fprintln(c.to, "connected again")
	}
	c.lost = lost != nil
}

// lineView prints the status once, and then each line of it that changes.
type lineView struct {
	*statusOptions
	complaint
	// last is the moment that was printed last, and sections what it was in tables.
	last     *moment
	sections []section
	// lines are those of the section that was printed last.
	lines   *printing.Lines[[]string]
	current int
}

func (v *lineView) show(m *moment, lost error) error {
	v.complain(lost)
	before := v.last
	v.last = m
	if m.upgrade == nil || before == nil || before.upgrade == nil {
		return v.whole(before, m)
	}
	if now := head(m); now != head(before) {
		v.lines = nil
		if _, err := fmt.Fprint(v.Out, "\n"+now); err != nil {
			return writing(err)
		}
	}
	if err := v.changes(v.statusOptions.sections(m)); err != nil {
		return err
	}
	said := warnings(before)
	for _, warning := range warnings(m) {
		if !slices.Contains(said, warning) {
			fmt.Fprintln(v.ErrOut, "warning:", printing.Escape(warning))
		}
	}
	if next := nextLine(m); next != nextLine(before) {
		fmt.Fprintln(v.ErrOut, next)
	}
	return nil
}

// whole prints all of a moment, unless there is still no upgrade.
func (v *lineView) whole(before, m *moment) error {
	if before != nil && before.upgrade == nil && m.upgrade == nil {
		return nil
	}
	v.lines = nil
	if m.upgrade != nil {
		v.sections = v.statusOptions.sections(m)
	}
	return v.write(v.Out, v.ErrOut, m)
}

// changes prints the rows that differ from those before, below the headers of their table unless these came last.
func (v *lineView) changes(now []section) error {
	for i, s := range now {
		changed := s.changed(v.sections[i])
		if len(changed) == 0 {
			continue
		}
		if v.lines == nil || v.current != i {
			v.lines, v.current = s.Lines(), i
			if _, err := fmt.Fprintln(v.Out); err != nil {
				return writing(err)
			}
		}
		if err := v.lines.Print(v.Out, changed); err != nil {
			return writing(err)
		}
	}
	v.sections = now
	return nil
}

// changed returns the rows that are not as they were, and for those that are no more their names and that they are gone.
func (s section) changed(before section) [][]string {
	var changed [][]string
	for _, row := range s.rows {
		if !slices.ContainsFunc(before.rows, func(was []string) bool { return slices.Equal(was, row) }) {
			changed = append(changed, row)
		}
	}
	for _, was := range before.rows {
		same := func(row []string) bool { return slices.Equal(row[:s.names], was[:s.names]) }
		if !slices.ContainsFunc(s.rows, same) {
			gone := make([]string, len(was))
			copy(gone, was[:s.names])
			gone[s.names] = "gone"
			changed = append(changed, gone)
		}
	}
	return changed
}

func (v *lineView) close() error { return nil }

// recordView prints the record whenever it changes.
type recordView struct {
	*statusOptions
	complaint
	printer printers.ResourcePrinter
	// shown is false until anything was, last the record that was.
	shown bool
	last  *v1alpha1.CanaryUpgrade
}

func (v *recordView) show(m *moment, lost error) error {
	v.complain(lost)
	if v.shown && reflect.DeepEqual(v.last, m.upgrade) {
		return nil
	}
	v.shown, v.last = true, m.upgrade
	if m.upgrade == nil {
		return v.write(v.Out, v.ErrOut, m)
	}
	return writing(v.printer.PrintObj(m.upgrade, v.Out))
}

func (v *recordView) close() error { return nil }
