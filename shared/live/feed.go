package live

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/feed"
)

// meshFeed is one kind of object that is followed, and what becomes of its objects.
type meshFeed struct {
	feed.Source
	// set and remove take over an object, lack the reason why the objects may not be read; its error ends the following.
	set, remove func(runtime.Object)
	lack        func(error) error
	// essential is true for what has to be watched, and not only listed.
	essential bool

	// known are the objects that the feed has brought, in a form that remove takes. It, synced and ended, after which
	// nothing is heard of the feed, belong to the follower.
	known         map[string]runtime.Object
	synced, ended bool
	stop          context.CancelFunc
}

// event is what a feed has to say to the follower.
type event struct {
	feed.Event
	from *meshFeed
}

// run follows the feed until the context ends, sending events.
func (f *meshFeed) run(ctx context.Context, chunk int64, events chan<- event) {
	f.Run(ctx, chunk, func(e feed.Event) {
		select {
		case events <- event{e, f}:
		case <-ctx.Done():
		}
	})
}

// apply takes an event's objects over, and says whether there were any.
func (f *meshFeed) apply(e feed.Event) {
	switch e.Kind {
	case feed.Changed:
		f.take(e.Objects[0])
	case feed.Deleted:
		f.drop(idOf(e.Objects[0]))
	case feed.Listed:
		gone := f.known
		f.known = map[string]runtime.Object{}
		for _, o := range e.Objects {
			delete(gone, idOf(o))
			f.take(o)
		}
		for _, o := range gone {
			f.remove(o)
		}
	}
}

func (f *meshFeed) take(o runtime.Object) {
	f.known[idOf(o)] = stub(o)
	f.set(o)
}

func (f *meshFeed) drop(id string) {
	if o, ok := f.known[id]; ok {
		delete(f.known, id)
		f.remove(o)
	}
}

// orGet has the feed of one object read it by its name where it may not be listed.
func (f *meshFeed) orGet(get func(context.Context) (runtime.Object, error)) *meshFeed {
	list := f.List
	f.List = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		all, refused := list(ctx, o)
		if !apierrors.IsForbidden(refused) {
			return all, refused
		}
		one, err := get(ctx)
		switch {
		case apierrors.IsForbidden(err):
			return nil, refused
		case apierrors.IsNotFound(err):
			return &metav1.List{}, nil
		}
		return &metav1.List{Items: []runtime.RawExtension{{Object: one}}}, err
	}
	return f
}

func idOf(o runtime.Object) string {
	m, err := meta.Accessor(o)
	if err != nil {
		return ""
	}
	return m.GetNamespace() + "/" + m.GetName()
}
