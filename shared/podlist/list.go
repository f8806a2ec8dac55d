// Package podlist lists a cluster's pods in constant memory: page by page, the next page being asked for while one is
// read, and of each pod only the fields that the mesh needs. It goes on where a connection was cut or a list expired.
package podlist

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/transport"
)

// Options says which pods to list.
type Options struct {
	// LabelSelector and FieldSelector are evaluated by the server.
	LabelSelector, FieldSelector string
	// Chunk is the page size; 0 fetches everything as one page.
	Chunk int64
}

// Result is what there is to say of a list as a whole.
type Result struct {
	// ResourceVersion is that of the first page: whoever watches from there misses nothing.
	ResourceVersion string
	// Expired is true where the list expired on the way, so that its pages were not read at one and the same moment.
	Expired bool
}

// Each calls do for every pod of the namespace, empty for all of them, in the order of the server and each pod once. The
// error is do's, the API server's, or says after which pod the list broke off: that one is never a Forbidden, which
// would have a caller list again what was handed on.
func Each(ctx context.Context, core rest.Interface, namespace string, options Options, do func(proxy.Pod) error) (Result, error) {
	ctx, cancel := context.WithCancel(transport.Streamed(ctx))
	defer cancel()
	l := &lister{core: core, namespace: namespace, options: options, do: do, decoder: &decoder{names: interned{}}}
	err := l.run(ctx)
	l.ahead.drop()
	return l.result, err
}

// lister lists one namespace, or all.
type lister struct {
	core      rest.Interface
	namespace string
	options   Options
	do        func(proxy.Pod) error
	decoder   *decoder
	result    Result

	// token is that of the page to read, done is true once there is none, and ahead asks for the page after it.
	token string
	done  bool
	ahead *request
	// answered is true once the server has sent any page.
	answered bool
	// last is the pod that was handed on last, as "namespace/name", empty before the first. While rereading, pods up to it
	// are passed over. unsorted is true once pods came in another order, so that this cannot be done.
	last                string
	rereading, unsorted bool
	// course finds out where pages come again; begun is true once a page's first pod was seen.
	course cluster.Course
	begun  bool
	// stopped is do's error.
	stopped error
}

// attempts is how often a page is asked for that breaks off and brings nothing new.
const attempts = 4

// pause is how long is waited before a page is asked for again; it grows each time. Tests shorten it.
var pause = 200 * time.Millisecond

func patience() wait.Backoff {
	return wait.Backoff{Duration: pause, Factor: 3, Steps: attempts}
}

func (l *lister) run(ctx context.Context) error {
	left := patience()
	for !l.done {
		before := l.last
		err := l.page(ctx)
		// Pages that bring nothing new do not count: an expired list may begin anew, and expire again.
		if l.last != before {
			left = patience()
		}
		if err == nil {
			continue
		}
		if err := l.recover(ctx, err, &left); err != nil {
			return err
		}
	}
	return nil
}

// page reads the page of the token, and moves on to the next.
func (l *lister) page(ctx context.Context) error {
	body, err := l.open(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	l.answered, l.begun = true, false
	next := ""
	err = readPage(body, l.decoder, func(h header) error {
		next = h.token
		if err := l.course.Turn(l.token, next); err != nil {
			return err
		}
		if l.result.ResourceVersion == "" {
			l.result.ResourceVersion = h.resourceVersion
		}
		l.askAhead(ctx, next)
		return nil
	}, l.deliver)
	if err == nil {
		l.token, l.done = next, next == ""
	}
	return err
}

func (l *lister) deliver(pod proxy.Pod) error {
	id := pod.Namespace + "/" + pod.Name
	if l.rereading && l.had(id) {
		return nil
	}
	if !l.begun {
		if err := l.course.Start(l.token, id); err != nil {
			return err
		}
	}
	l.begun = true
	l.unsorted = l.unsorted || id <= l.last
	l.last = id
	l.stopped = l.do(pod)
	return l.stopped
}

// had says whether a pod was handed on before the page broke off. The rereading ends where it did, which also holds for
// servers that do not sort.
func (l *lister) had(id string) bool {
	l.begun = true
	l.rereading = id < l.last
	return id <= l.last
}

// recover says how to go on after an error: with nil, by asking again for the page of the token. It waits in between, and
// gives up once nothing is left of the patience.
func (l *lister) recover(ctx context.Context, err error, left *wait.Backoff) error {
	switch {
	case l.stopped != nil:
		return l.stopped
	case ctx.Err() != nil:
		return ctx.Err()
	case !l.passing(err):
		return l.broken(err)
	case l.unsorted:
		return l.broken(fmt.Errorf("%w; it cannot be taken up again, for the server does not sort by name", err))
	}
	l.rereading = true
	switch {
	case left.Steps <= 1:
		return l.broken(fmt.Errorf("%w (asked %d times)", err, attempts))
	case cluster.Expired(err):
		l.result.Expired = true
		// Without a token the list begins anew, and what was handed on is passed over.
		l.token, l.course = cluster.Continuation(err), cluster.Course{}
	}
	return sleep(ctx, left.Step())
}

// passing says whether asking again can help: the list expired, the connection broke off, or the server has a moment of
// trouble. A server that has not answered at all yet has more than that; a busy one (429) client-go has asked again.
func (l *lister) passing(err error) bool {
	var bad malformedError
	var foreign *transport.ForeignError
	var busy *transport.BusyError
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &bad), errors.As(err, &foreign), errors.As(err, &busy), errors.Is(err, cluster.ErrCircle):
		return false
	case errors.As(err, &status):
		code := status.Status().Code
		return l.answered && (cluster.Expired(err) || code >= http.StatusInternalServerError)
	default:
		return true
	}
}

func (l *lister) broken(err error) error {
	switch {
	case l.last == "":
		return err
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return fmt.Errorf("the list broke off after pod %s: %v", l.last, err)
	default:
		return fmt.Errorf("the list broke off after pod %s: %w", l.last, err)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
