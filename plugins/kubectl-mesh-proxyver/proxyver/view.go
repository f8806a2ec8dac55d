package proxyver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

// view returns the way to show what changes: on a terminal the table itself, on a pipe a line for each change, and for
// machines an object.
func (o *Options) view() (view, error) {
	switch o.Output {
	case "", outputWide, outputName:
		if s, ok := screen.Open(o.Out); ok {
			s.Draw(nil, "Reading the mesh and its pods")
			return &screenView{Options: o, screen: s}, nil
		}
		return &lineView{Options: o, complaint: complaint{to: o.ErrOut}}, nil
	case outputJSON:
		return &eventView{Options: o, complaint: complaint{to: o.ErrOut}}, nil
	}
	printer, err := o.reportPrinter()
	return &eventView{Options: o, printer: printer, complaint: complaint{to: o.ErrOut}}, err
}

// screenView replaces the table on a terminal.
type screenView struct {
	*Options
	screen *screen.Screen
	last   string
	// changed is when the table did last.
	changed time.Time
	// warnings would be lost on the screen; they are left behind with the last table.
	warnings bytes.Buffer
}

func (v *screenView) show(s state) error {
	text, err := v.render(s)
	if err != nil {
		return err
	}
	if text != v.last || v.changed.IsZero() {
		v.last, v.changed = text, time.Now()
	}
	v.screen.Draw(strings.Split(strings.TrimRight(text, "\n"), "\n"), v.footer(s))
	return nil
}

// render returns what the command prints without --watch.
func (v *screenView) render(s state) (string, error) {
	var text bytes.Buffer
	out, err := v.filled(&text, s)
	if err == nil {
		err = out.finish()
	}
	return text.String(), err
}

// filled returns an output that has all of the items.
func (o *Options) filled(to io.Writer, s state) (output, error) {
	out, err := o.output(to)
	if err != nil {
		return nil, err
	}
	for _, item := range s.items {
		if err := out.add(item); err != nil {
			return nil, err
		}
	}
	if t := tallyOf(out); t != nil && o.By == byRevision {
		o.addInstalled(t, s.mesh)
	}
	return out, nil
}

func (v *screenView) footer(s state) string {
	if s.lost != nil {
		return "Connection lost, trying again; this was seen last at " + v.changed.Format(time.TimeOnly) + ": " + printing.Escape(s.lost.Error())
	}
	statuses := counts[v1alpha1.Status]{}
	for _, item := range s.items {
		statuses[item.Verdict.Status]++
	}
	words := fmt.Sprintf("Pods: %d", len(s.items))
	for _, status := range v1alpha1.Statuses() {
		if n := statuses[status]; n > 0 {
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
	for key := range v.rows {
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

// eventView prints an object for each pod that changes, as a line of JSON or in one of kubectl's other formats.
type eventView struct {
	*Options
	complaint
	printer printers.ResourcePrinter
}

func (v *eventView) show(s state) error {
	v.complain(s.lost)
	for _, c := range s.changes {
		if err := v.print(eventOf(c)); err != nil {
			return err
		}
	}
	return nil
}

func (v *eventView) print(e *v1alpha1.ProxyEvent) error {
	if v.printer != nil {
		return v.printer.PrintObj(e, v.Out)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = v.Out.Write(append(line, '\n'))
	return err
}

func (v *eventView) close() error { return nil }

func (v *eventView) errOut() io.Writer { return v.ErrOut }

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

// shows says whether an item is part of the answer; all says whether --all was given.
func shows(item scan.Item, all bool) bool {
	return all || !item.Pod.Terminal() && (item.Verdict.Status != v1alpha1.None || wrong(item))
}
