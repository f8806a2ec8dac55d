// Package feed follows one kind of object: it lists it, watches it, and says what it finds and whether it reaches the
// cluster. A watch that the server ends, or that falls silent, goes on where it was. The kind is listed again only where
// that cannot be: its watch has expired, or could not be begun again for another reason than a refused connection or a
// busy server; and each minute where the cluster lacks the kind or it may be listed but not watched.
package feed

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// Source is one kind of object that is followed, in one namespace or in all.
//
// The objects need not be of the same type: List may return smaller ones of the caller's own, while Watch returns typed
// ones, and events hold what each returned. A list of one's own is a pointer to a struct that embeds metav1.TypeMeta and
// metav1.ListMeta, with the server's resource version, from which the watch goes on, and that holds its objects in a
// field Items, a slice of structs whose pointers are both runtime.Object and metav1.Object with namespace and name.
type Source struct {
	// What names the objects in client-go's logs, and in messages of those who follow them.
	What string
	// List returns the objects that there are, or one page of them where the options ask for pages: a list that is read in
	// another way may pass over the options. Watch begins a watch. Both are called again and again, but one at a time. Both
	// must return when the context ends; a List that is under way then may outlive Run.
	List  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	Watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
	// Optional is true for a kind that a cluster may lack: that it is not found then means that there are no objects.
	Optional bool
}

// Kind is what an event says.
type Kind int

const (
	// Listed: the objects are all that there are; what was known before and is not among them is gone.
	Listed Kind = iota
	// Changed: the one object is new or has changed.
	Changed
	// Deleted: the one object is gone; it is as it last was.
	Deleted
	// Failed: the cluster is not reached, or refuses to list, for the reason in the error. It is tried again.
	Failed
	// Working: a watch has begun, or would if the cluster had the kind.
	Working
	// Unwatched: the kind may be listed, but not watched, for the reason in the error. It is listed again each minute.
	Unwatched
)

// Event is what there is to say of a kind.
type Event struct {
	Kind    Kind
	Objects []runtime.Object
	Err     error
}

// retry is how long a source waits before it tries again to reach the cluster. The client's own default waits up to half a
// minute, in which the view would be stale although the cluster is back.
func retry() *wait.Backoff {
	return &wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Cap: 5 * time.Second, Steps: 10, Jitter: 0.2}
}

// Run follows the source until the context ends, and calls send with what it finds, one event at a time; send must return
// when the context ends, and may be called once more by a List that outlives it. Lists are asked for in pages of chunk
// objects, or in one where it is 0.
func (s *Source) Run(ctx context.Context, chunk int64, send func(Event)) {
	r := &reader{ctx: ctx, source: s, chunk: chunk, send: send}
	reflector := cache.NewReflectorWithOptions(r, nil, &sink{send}, cache.ReflectorOptions{Name: s.What, Backoff: retry()})
	reflector.WatchListPageSize = chunk
	reflector.RunWithContext(ctx)
}
