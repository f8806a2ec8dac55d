package proxyver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// watch shows what there is, and then what changes, until the context ends.
func (o *Options) watch(ctx context.Context) (err error) {
	clients, err := o.connect()
	if err != nil {
		return err
	}
	named, err := o.resolve(ctx)
	if err != nil {
		return err
	}
	view, err := o.view()
	if err != nil {
		return err
	}
	w := newWatcher(o, view, named)
	// Also a panic has to leave a terminal that can be used.
	defer func() {
		if closing := view.close(); closing != nil && w.told {
			err = fmt.Errorf("writing: %w", closing)
		}
	}()
	follow := live.Options{
		Options: scan.Options{
			Namespace: o.namespace, LabelSelector: o.LabelSelector, FieldSelector: o.FieldSelector,
			Chunk: o.Chunk, Only: named.only(),
		},
		IstioNamespace: o.IstioNamespace, Above: o.above(),
	}
	return live.Follow(ctx, clients, follow, w.update)
}

// view shows the items that --watch follows.
type view interface {
	// show takes what has changed about the items, and a way to all of them.
	show(state) error
	// errOut is where warnings go while items are shown.
	errOut() io.Writer
	// close leaves what was shown last, and no trace beside it.
	close() error
}

// state is what there is to show.
type state struct {
	mesh *mesh.Mesh
	// items returns all, in the order of the pods.
	items func() []scan.Item
	// changes are those since the last state, in the order of the pods, also those that the report does not show.
	changes []live.Change
	gaps    []cluster.Gap
	lost    error
}

// watcher keeps the items, and which of them are part of the answer.
type watcher struct {
	*Options
	view       view
	named      targets
	all, shown map[string]scan.Item
	// current is the mesh of the last update, mine limits the answer to the one that was named.
	current *mesh.Mesh
	mine    func(scan.Item) bool
	// said are the warnings that there were.
	said map[string]bool
	told bool
}

// newWatcher returns one that shows nothing yet. Its warnings go where the view has them.
func newWatcher(o *Options, v view, named targets) *watcher {
	warning := *o
	warning.ErrOut = v.errOut()
	return &watcher{
		Options: &warning, view: v, named: named,
		all: map[string]scan.Item{}, shown: map[string]scan.Item{}, said: map[string]bool{},
	}
}

// update shows what an update leaves of the answer.
func (w *watcher) update(u live.Update) error {
	again, err := w.limit(u.Mesh)
	if err != nil {
		return err
	}
	changes := w.take(u.Changes, again)
	s := state{mesh: u.Mesh, items: w.items, changes: changes, gaps: u.Gaps, lost: u.Lost}
	w.warn(u)
	if !w.told {
		w.told = true
		if err := w.begin(s); err != nil {
			return err
		}
	}
	return w.view.show(s)
}

// limit works out which pods are the mesh's that --istio-namespace names, and says whether that can be others than before.
// A mesh that was there once may go.
func (w *watcher) limit(m *mesh.Mesh) (changed bool, err error) {
	mine, err := scan.OfMesh(m, w.IstioNamespace)
	if err != nil && !w.told {
		return false, err
	}
	if err == nil {
		w.mine = mine
	}
	changed = w.IstioNamespace != "" && m != w.current
	w.current = m
	return changed, nil
}

// take keeps the changes, and returns what they change about the answer; again says that all items have to be looked at.
func (w *watcher) take(changes []live.Change, again bool) []live.Change {
	touched := map[string]bool{}
	for _, c := range changes {
		if c.After == nil {
			touched[idOf(c.Before)] = true
			delete(w.all, idOf(c.Before))
			continue
		}
		touched[idOf(c.After)] = true
		w.all[idOf(c.After)] = *c.After
	}
	if again {
		for id := range w.all {
			touched[id] = true
		}
	}
	var visible []live.Change
	for _, id := range slices.Sorted(maps.Keys(touched)) {
		if c := w.visible(id); c != (live.Change{}) {
			visible = append(visible, c)
		}
	}
	return visible
}

func idOf(item *scan.Item) string { return item.Pod.Namespace + "/" + item.Pod.Name }

// visible returns what has become of an item as part of the answer, nothing where it was none and is none.
func (w *watcher) visible(id string) live.Change {
	before, was := w.shown[id]
	after, is := w.all[id]
	is = is && w.mine(after) && shows(after, w.All)
	var c live.Change
	if was {
		c.Before = &before
	}
	if is {
		c.After = &after
		w.shown[id] = after
	} else {
		delete(w.shown, id)
	}
	return c
}

func (w *watcher) items() []scan.Item {
	items := make([]scan.Item, 0, len(w.shown))
	for _, id := range slices.Sorted(maps.Keys(w.shown)) {
		items = append(items, w.shown[id])
	}
	return items
}

// warn says once of everything that may not be read or watched.
func (w *watcher) warn(u live.Update) {
	for _, gap := range u.Gaps {
		w.once(gap.Error())
	}
	for _, err := range u.Unwatched {
		w.once(err.Error() + "; it is read again every minute instead")
	}
}

func (w *watcher) once(warning string) {
	if !w.said[warning] {
		w.said[warning] = true
		fmt.Fprintln(w.ErrOut, "warning:", printing.Escape(warning))
	}
}

// begin says what the answer without --watch says as well.
func (w *watcher) begin(s state) error {
	if w.namespace != "" && s.mesh.Lacks(w.namespace) {
		return fmt.Errorf("namespace %s does not exist: see `kubectl get namespaces`", w.namespace)
	}
	seen := newSeen()
	for _, id := range slices.Sorted(maps.Keys(w.all)) {
		if item := w.all[id]; w.mine(item) {
			seen.take(item, w.All)
		}
	}
	if err := cmp.Or(w.noIstio(s.mesh, seen), w.named.untraced()); err != nil {
		return err
	}
	// A screen says so itself, for as long as it holds.
	if _, ok := w.view.(*screenView); !ok {
		w.sayEmpty(seen)
	}
	w.sayDangling(seen)
	if len(s.gaps) == 0 {
		for _, reason := range seen.unknown {
			w.once("unknown: " + reason)
		}
	}
	return nil
}
