package restart

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/feed"
)

// kind is one kind of object that a run watches, once for all of its workloads.
type kind struct {
	what string
	// in returns the source of a namespace, "" for all.
	in func(namespace string) feed.Source
	// slim keeps of an object what put takes, nil for one that does not matter.
	slim func(runtime.Object) any
	// put takes over an object, and returns what forgets it.
	put func(any) (drop func())
	// essential is true for a kind without which nothing can be proven.
	essential bool
}

// following is a kind that is followed, in one namespace or in all.
type following struct {
	kind
	namespace string
	source    feed.Source
	stop      context.CancelFunc
	// synced is true once its objects are known, watched once it could be watched, lost while it cannot be any more, over once
	// it was given up.
	synced, watched, lost, over bool
	// known holds the objects, by namespace and name.
	known map[string]object
}

// object is one that is known.
type object struct {
	uid  types.UID
	drop func()
}

// giveUp follows a kind no longer.
func (f *following) giveUp() {
	f.stop()
	f.over = true
}

// follow begins to watch everything that the plan's workloads need, and returns once all of it is known.
func (r *runner) follow(ctx context.Context) error {
	namespaces := r.namespaces()
	scope := namespaces
	if len(namespaces) > 1 {
		scope = []string{""}
	}
	problems := make(chan error, 1)
	for _, k := range r.kinds() {
		for _, namespace := range scope {
			r.watch(k, namespace, problems)
		}
	}
	for !r.synced() {
		select {
		case do := <-r.inbox:
			do()
		case err := <-problems:
			return err
		case <-r.o.Abort:
			return context.Canceled
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// namespaces are those of the workloads that have their turn, sorted.
func (r *runner) namespaces() []string {
	seen := map[string]bool{}
	for _, t := range r.tasks {
		if t.step.Acts() {
			seen[t.step.Namespace] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// synced says whether everything is known, and followed: what may be listed and not watched would be seen too late.
func (r *runner) synced() bool {
	for _, f := range r.feeds {
		// What is listed and cannot be watched would stay as it is for ever.
		if !f.over && !(f.synced && (f.watched || !f.essential)) {
			return false
		}
	}
	return true
}

// watch follows a kind. What keeps the run from beginning is sent to problems.
func (r *runner) watch(k kind, namespace string, problems chan<- error) {
	ctx, stop := context.WithCancel(r.ctx)
	f := &following{kind: k, namespace: namespace, source: k.in(namespace), stop: stop, known: map[string]object{}}
	f.source.What = k.what
	list := f.source.List
	f.source.List = slimmed(list, k.slim)
	r.feeds[k.what+" in "+namespace] = f
	go f.source.Run(ctx, r.o.Chunk, func(e feed.Event) {
		select {
		case r.inbox <- func() { r.hear(f, e, problems) }:
		case <-ctx.Done():
		}
	})
}

// hear takes over what a watch has to say.
func (r *runner) hear(f *following, e feed.Event, problems chan<- error) {
	if f.over {
		return
	}
	switch e.Kind {
	case feed.Failed, feed.Unwatched:
		r.failed(f, e.Err, problems)
	case feed.Working:
		r.works(f)
	default:
		f.apply(e)
		f.synced = true
	}
}

// failed takes over that something cannot be watched.
func (r *runner) failed(f *following, err error, problems chan<- error) {
	forbidden := apierrors.IsForbidden(err)
	switch {
	case forbidden && f.namespace == "" && !f.watched:
		// What may not be watched everywhere may well be in each namespace.
		f.giveUp()
		for _, namespace := range r.namespaces() {
			r.watch(f.kind, namespace, problems)
		}
	case forbidden && !f.essential:
		f.giveUp()
	case !f.synced && !forbidden && !apierrors.IsNotFound(err) && time.Since(r.began) < beginning:
		// A busy server, say: it is asked again.
	case !f.synced || forbidden && !f.watched:
		select {
		case problems <- fmt.Errorf("watching %s%s: %w", f.what, inNamespace(f.namespace), err):
		default:
		}
	case !f.lost:
		f.lost = true
		if !r.lost {
			r.lost = true
			r.observe(Event{Kind: Warned, Text: fmt.Sprintf("the cluster cannot be followed at the moment: watching %s: %v", f.what, err)})
		}
	}
}

// beginning is for how long it is tried to begin to watch, before the run gives up and nothing is changed.
const beginning = 30 * time.Second

func inNamespace(name string) string {
	if name == "" {
		return ""
	}
	return " in namespace " + name
}

// works notes that a kind is watched, and says so where it was not for a while.
func (r *runner) works(f *following) {
	f.watched, f.lost = true, false
	if !r.lost {
		return
	}
	for _, other := range r.feeds {
		if other.lost {
			return
		}
	}
	r.lost = false
	r.observe(Event{Kind: Warned, Text: "the cluster can be followed again"})
}

// apply takes over the objects of an event.
func (f *following) apply(e feed.Event) {
	switch e.Kind {
	case feed.Listed:
		f.keep(e.Objects)
		for _, o := range e.Objects {
			f.take(o)
		}
	case feed.Changed:
		f.take(e.Objects[0])
	case feed.Deleted:
		f.drop(idOf(e.Objects[0]))
	}
}

// keep forgets what is not among the objects.
func (f *following) keep(objects []runtime.Object) {
	gone := maps.Clone(f.known)
	for _, o := range objects {
		delete(gone, idOf(o))
	}
	for id := range gone {
		f.drop(id)
	}
}

// take takes over an object. Another one may have had its name, whose end no watch has told; and one that mattered may not any
// more.
func (f *following) take(o runtime.Object) {
	id, uid, value := idOf(o), uidOf(o), valueOf(o, f.slim)
	if value == nil || f.known[id].uid != uid {
		f.drop(id)
	}
	if value != nil {
		f.known[id] = object{uid: uid, drop: f.put(value)}
	}
}

func (f *following) drop(id string) {
	if known, ok := f.known[id]; ok {
		delete(f.known, id)
		known.drop()
	}
}

func uidOf(o runtime.Object) types.UID {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetUID()
}

func idOf(o runtime.Object) string {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetNamespace() + "/" + m.GetName()
}
