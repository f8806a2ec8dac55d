package live

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
)

// feed is one kind of object that is followed, in one namespace or in all.
type feed struct {
	// what names the objects in messages.
	what  string
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	// set and remove take over an object, lack the reason why the objects may not be read; its error ends the following.
	set, remove func(runtime.Object)
	lack        func(error) error
	// optional is true for a kind that a cluster may lack, essential for what has to be watched, and not only listed.
	optional, essential bool

	// known are the objects that the feed has brought, in a form that remove takes. It, synced and ended, after which
	// nothing is heard of the feed, belong to the follower.
	known         map[string]runtime.Object
	synced, ended bool
	stop          context.CancelFunc
}

// event is what a feed has to say to the follower.
type event struct {
	feed *feed
	kind eventKind
	// objects are all there are after a list, and the one that changed otherwise.
	objects []runtime.Object
	err     error
}

type eventKind int

const (
	listed eventKind = iota
	changed
	deleted
	// failed and working say whether the feed reaches the cluster, unwatched that it may list but not watch.
	failed
	working
	unwatched
)

// retry is how long a feed waits before it tries again to reach the cluster. The client's own default waits up to half a
// minute, in which the view would be stale although the cluster is back.
func retry() *wait.Backoff {
	return &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Cap: 5 * time.Second, Steps: 10, Jitter: 0.2}
}

// run follows the feed until the context ends, sending events.
func (f *feed) run(ctx context.Context, chunk int64, events chan<- event) {
	s := &sink{ctx: ctx, feed: f, chunk: chunk, events: events}
	r := cache.NewReflectorWithOptions(&source{s}, nil, s, cache.ReflectorOptions{Name: f.what, Backoff: retry()})
	r.WatchListPageSize = chunk
	r.RunWithContext(ctx)
}

// source is a feed as a reflector lists and watches it.
type source struct{ *sink }

// IsWatchListSemanticsUnSupported keeps the reflector to plain lists: those of pods are read in a way of our own.
func (s *source) IsWatchListSemanticsUnSupported() bool { return true }

// ListWithContext lists the latest state, and not what the server may have cached.
func (s *source) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if options.Continue == "" {
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
	}
	// A reflector takes no page size for its own.
	if s.chunk == 0 {
		options.Limit = 0
	}
	list, err := s.feed.list(ctx, options)
	// A kind that the cluster does not have may come later. Of one that every cluster has, the answer says that something
	// else is wrong, and nothing about the objects.
	s.absent = s.feed.optional && apierrors.IsNotFound(err)
	if s.absent {
		return &metav1.List{}, nil
	}
	if err != nil {
		s.send(event{kind: failed, err: err})
	}
	return list, err
}

// pause is how long a feed that cannot be watched waits before it is listed again.
const pause = time.Minute

// WatchWithContext waits, where the kind cannot be watched, and has the reflector list it again.
func (s *source) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	if s.absent {
		s.send(event{kind: working})
		return nil, listAgain(ctx)
	}
	w, err := begin(ctx, options, s.feed.watch)
	switch {
	case err == nil:
		s.watched = true
		s.send(event{kind: working})
	// A server that has just been started may refuse for a moment what it allowed before.
	case apierrors.IsForbidden(err) && !s.watched:
		s.send(event{kind: unwatched, err: err})
		return nil, listAgain(ctx)
	// The list that follows says what has become of the objects.
	case cluster.Expired(err) || s.feed.optional && apierrors.IsNotFound(err):
	default:
		s.send(event{kind: failed, err: err})
	}
	return w, err
}

// listAgain returns the error that has a reflector list, after a pause.
func listAgain(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
	return apierrors.NewResourceExpired("cannot be watched")
}

// List and Watch are what reflectors called before they took contexts.
func (s *source) List(options metav1.ListOptions) (runtime.Object, error) {
	return s.ListWithContext(s.ctx, options)
}

func (s *source) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return s.WatchWithContext(s.ctx, options)
}

// sink passes what a reflector finds on to the follower.
type sink struct {
	ctx    context.Context
	feed   *feed
	chunk  int64
	events chan<- event
	// absent is true where the cluster does not have the kind, watched once it could be watched.
	absent, watched bool
}

func (s *sink) send(e event) {
	e.feed = s.feed
	select {
	case s.events <- e:
	case <-s.ctx.Done():
	}
}

func (s *sink) Add(o any) error    { return s.Update(o) }
func (s *sink) Resync() error      { return nil }
func (s *sink) Update(o any) error { return s.one(changed, o) }
func (s *sink) Delete(o any) error { return s.one(deleted, o) }

func (s *sink) one(kind eventKind, o any) error {
	s.send(event{kind: kind, objects: []runtime.Object{o.(runtime.Object)}})
	return nil
}

func (s *sink) Replace(list []any, _ string) error {
	objects := make([]runtime.Object, len(list))
	for i := range list {
		objects[i] = list[i].(runtime.Object)
	}
	s.send(event{kind: listed, objects: objects})
	return nil
}

// apply takes an event's objects over, and says whether there were any.
func (f *feed) apply(e event) {
	switch e.kind {
	case changed:
		f.take(e.objects[0])
	case deleted:
		f.drop(idOf(e.objects[0]))
	case listed:
		gone := f.known
		f.known = map[string]runtime.Object{}
		for _, o := range e.objects {
			delete(gone, idOf(o))
			f.take(o)
		}
		for _, o := range gone {
			f.remove(o)
		}
	}
}

func (f *feed) take(o runtime.Object) {
	f.known[idOf(o)] = stub(o)
	f.set(o)
}

func (f *feed) drop(id string) {
	if o, ok := f.known[id]; ok {
		delete(f.known, id)
		f.remove(o)
	}
}

// orGet has the feed of one object read it by its name where it may not be listed.
func (f *feed) orGet(get func(context.Context) (runtime.Object, error)) *feed {
	list := f.list
	f.list = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
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
