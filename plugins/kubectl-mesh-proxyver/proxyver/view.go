package proxyver

import (
	"fmt"
	"io"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
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
			s.Less = "narrow the view with -n, -l or --by"
			s.Draw(nil, "Reading the mesh and its pods")
			return &screenView{Options: o, screen: s}, nil
		}
		return &lineView{Options: o, complaint: complaint{to: o.ErrOut}}, nil
	}
	v := &eventView{Options: o, complaint: complaint{to: o.ErrOut}, out: o.Out}
	if o.Output == outputJSON {
		return v, nil
	}
	var err error
	v.printer, err = o.reports.Printer(o.Output, o.NoHeaders, outputWide, outputName)
	if r, ok := v.printer.(plugin.Rows); ok {
		v.printer = r.WithEvents()
		// It remembers how wide the columns are.
		v.out = printers.GetNewTabWriter(o.Out)
	}
	return v, err
}

// filled returns an output that has all of the items.
func (o *Options) filled(to io.Writer, s state) (output, error) {
	out, err := o.output(to)
	if err != nil {
		return nil, err
	}
	for _, item := range s.items() {
		if err := out.add(item); err != nil {
			return nil, err
		}
	}
	if t := tallyOf(out); t != nil && o.By == byRevision {
		o.addInstalled(t, s.mesh)
	}
	return out, nil
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

// shows says whether an item is part of the answer; all says whether --all was given.
func shows(item scan.Item, all bool) bool {
	return all || !item.Pod.Terminal() && (item.Verdict.Status != v1alpha1.None || wrong(item))
}
