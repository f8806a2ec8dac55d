package proxyver

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// watch shows what there is, and then what changes, until the context ends.
func (o *Options) watch(ctx context.Context) error {
	clients, err := o.connect()
	if err != nil {
		return err
	}
	named, err := o.resolve()
	if err != nil {
		return err
	}
	view, err := o.view()
	if err != nil {
		return err
	}
	warning := *o
	warning.ErrOut = view.errOut()
	w := &watcher{Options: &warning, view: view, shown: map[string]scan.Item{}}
	follow := live.Options{
		Options: scan.Options{
			Namespace: o.namespace, LabelSelector: o.LabelSelector, FieldSelector: o.FieldSelector,
			Chunk: o.Chunk, Only: named.only(),
		},
		IstioNamespace: o.IstioNamespace, Above: o.above(),
	}
	err = live.Follow(ctx, clients, follow, w.update)
	if closing := view.close(); closing != nil && w.told {
		return fmt.Errorf("writing: %w", closing)
	}
	return err
}

// view shows the items that --watch follows.
type view interface {
	// show takes all items there are, and what has changed about them.
	show(state) error
	// errOut is where warnings go while items are shown.
	errOut() io.Writer
	// close leaves what was shown last, and no trace beside it.
	close() error
}

// state is what there is to show.
type state struct {
	mesh  *mesh.Mesh
	items []scan.Item
	// changes are those since the last state, in the order of the pods.
	changes []live.Change
	gaps    []cluster.Gap
	lost    error
}

// watcher keeps the items that are part of the answer.
type watcher struct {
	*Options
	view  view
	shown map[string]scan.Item
	told  bool
}

// update shows what an update leaves of the answer.
func (w *watcher) update(u live.Update) error {
	mine, err := w.mesh(u.Mesh)
	if err != nil {
		return err
	}
	var changes []live.Change
	for _, c := range u.Changes {
		if c := w.visible(c, mine); c.Before != nil || c.After != nil {
			changes = append(changes, c)
		}
	}
	s := state{mesh: u.Mesh, items: w.items(), changes: changes, gaps: u.Gaps, lost: u.Lost}
	if !w.told {
		w.told = true
		if err := w.begin(s); err != nil {
			return err
		}
	}
	return w.view.show(s)
}

// visible turns a change of a pod into one of the answer.
func (w *watcher) visible(c live.Change, mine func(scan.Item) bool) live.Change {
	item := c.After
	if item == nil {
		item = c.Before
	}
	id := item.Pod.Namespace + "/" + item.Pod.Name
	visible := live.Change{}
	if before, ok := w.shown[id]; ok {
		visible.Before = &before
	}
	if c.After != nil && mine(*c.After) && shows(*c.After, w.All) {
		visible.After = c.After
		w.shown[id] = *c.After
	} else {
		delete(w.shown, id)
	}
	return visible
}

func (w *watcher) items() []scan.Item {
	var items []scan.Item
	for _, id := range slices.Sorted(maps.Keys(w.shown)) {
		items = append(items, w.shown[id])
	}
	return items
}

// begin says what the answer without --watch says as well.
func (w *watcher) begin(s state) error {
	seen := newSeen()
	for _, item := range s.items {
		seen.take(item, w.All)
	}
	if err := w.noIstio(s.mesh, seen); err != nil {
		return err
	}
	for _, gap := range s.gaps {
		fmt.Fprintln(w.ErrOut, "warning:", printing.Escape(gap.Error()))
	}
	return nil
}

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
