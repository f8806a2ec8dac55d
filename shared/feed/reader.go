package feed

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
)

// reader is a source as a reflector lists and watches it.
type reader struct {
	ctx    context.Context
	source *Source
	chunk  int64
	send   func(Event)
	// absent is true where the cluster does not have the kind, watched once it could be watched.
	absent, watched bool
}

// IsWatchListSemanticsUnSupported keeps the reflector to plain lists: a source may read them in a way of its own.
func (r *reader) IsWatchListSemanticsUnSupported() bool { return true }

// ListWithContext lists the latest state, and not what the server may have cached.
func (r *reader) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if options.Continue == "" {
		options.ResourceVersion, options.ResourceVersionMatch = "", ""
	}
	// A reflector takes no page size for its own.
	if r.chunk == 0 {
		options.Limit = 0
	}
	list, err := r.source.List(ctx, options)
	// A kind that the cluster does not have may come later. Of one that every cluster has, the answer says that something
	// else is wrong, and nothing about the objects.
	r.absent = r.source.Optional && apierrors.IsNotFound(err)
	if r.absent {
		return &metav1.List{}, nil
	}
	if err != nil {
		r.send(Event{Kind: Failed, Err: err})
	}
	return list, err
}

// pause is how long a source that cannot be watched waits before it is listed again.
const pause = time.Minute

// WatchWithContext waits, where the kind cannot be watched, and has the reflector list it again.
func (r *reader) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	if r.absent {
		r.send(Event{Kind: Working})
		return nil, listAgain(ctx)
	}
	w, err := begin(ctx, options, r.source.Watch)
	switch {
	case err == nil:
		r.watched = true
		r.send(Event{Kind: Working})
	// A server that has just been started may refuse for a moment what it allowed before.
	case apierrors.IsForbidden(err) && !r.watched:
		r.send(Event{Kind: Unwatched, Err: err})
		return nil, listAgain(ctx)
	// The list that follows says what has become of the objects.
	case cluster.Expired(err) || r.source.Optional && apierrors.IsNotFound(err):
	default:
		r.send(Event{Kind: Failed, Err: err})
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
func (r *reader) List(options metav1.ListOptions) (runtime.Object, error) {
	return r.ListWithContext(r.ctx, options)
}

func (r *reader) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return r.WatchWithContext(r.ctx, options)
}

// sink passes on what a reflector finds.
type sink struct{ send func(Event) }

func (s *sink) Add(o any) error    { return s.Update(o) }
func (s *sink) Resync() error      { return nil }
func (s *sink) Update(o any) error { return s.one(Changed, o) }
func (s *sink) Delete(o any) error { return s.one(Deleted, o) }

func (s *sink) one(kind Kind, o any) error {
	s.send(Event{Kind: kind, Objects: []runtime.Object{o.(runtime.Object)}})
	return nil
}

func (s *sink) Replace(list []any, _ string) error {
	objects := make([]runtime.Object, len(list))
	for i := range list {
		objects[i] = list[i].(runtime.Object)
	}
	s.send(Event{Kind: Listed, Objects: objects})
	return nil
}
