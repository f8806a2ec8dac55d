package proxyver

import (
	"encoding/json"
	"io"
	"reflect"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
)

// eventView prints an object for each pod that changes, as a line of JSON or in one of kubectl's other formats.
type eventView struct {
	*Options
	complaint
	out io.Writer
	// printer is nil for JSON.
	printer printers.ResourcePrinter
}

func (v *eventView) show(s state) error {
	v.complain(s.lost)
	for _, c := range s.changes {
		if c.Before != nil && c.After != nil && reflect.DeepEqual(c.Before.Report(), c.After.Report()) {
			continue
		}
		if err := v.print(eventOf(c)); err != nil {
			return err
		}
	}
	if w, ok := v.out.(interface{ Flush() error }); ok {
		return w.Flush()
	}
	return nil
}

func (v *eventView) print(e *v1alpha1.ProxyEvent) error {
	if v.printer != nil {
		return v.printer.PrintObj(e, v.out)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = v.out.Write(append(line, '\n'))
	return err
}

func (v *eventView) close() error { return nil }

func (v *eventView) errOut() io.Writer { return v.ErrOut }

// eventOf is a change as machines read it.
func eventOf(c live.Change) *v1alpha1.ProxyEvent {
	switch {
	case c.Before == nil:
		return v1alpha1.NewProxyEvent(v1alpha1.Added, c.After.Report())
	case c.After == nil:
		return v1alpha1.NewProxyEvent(v1alpha1.Deleted, c.Before.Report())
	default:
		return v1alpha1.NewProxyEvent(v1alpha1.Modified, c.After.Report())
	}
}
