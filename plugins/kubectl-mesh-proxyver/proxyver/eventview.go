package proxyver

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// eventView prints an object for each pod that changes, as a line of JSON or in one of kubectl's other formats.
type eventView struct {
	*Options
	complaint
	out io.Writer
	// key is that of --sort-by, nil for the order of the pods.
	key *printing.SortKey
	// printer is nil for JSON.
	printer printers.ResourcePrinter
}

func (v *eventView) show(s state) error {
	v.complain(s.lost)
	events, err := v.events(s.changes)
	if err != nil {
		return err
	}
	for _, e := range events {
		if err := v.print(e); err != nil {
			return err
		}
	}
	if w, ok := v.out.(interface{ Flush() error }); ok {
		return w.Flush()
	}
	return nil
}

func (v *eventView) events(changes []live.Change) ([]*v1alpha1.ProxyEvent, error) {
	values := map[*v1alpha1.ProxyEvent]printing.Value{}
	var events []*v1alpha1.ProxyEvent
	for _, c := range changes {
		e := eventOf(c)
		events = append(events, e)
		if v.key == nil {
			continue
		}
		var err error
		if values[e], err = v.key.Of(&e.Item); err != nil {
			return nil, fmt.Errorf("--sort-by: %w", err)
		}
	}
	slices.SortStableFunc(events, func(a, b *v1alpha1.ProxyEvent) int { return printing.Compare(values[a], values[b]) })
	return events, nil
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
