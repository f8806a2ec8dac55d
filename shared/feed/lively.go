package feed

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

const (
	// answer is how long a watch may take to begin. It begins before anything happens that is watched.
	answer = 15 * time.Second
	// Silence is how long a watch may bring nothing before it is begun anew. API servers send a bookmark each minute. Source:
	// defaultBookmarkFrequency in k8s.io/apiserver/pkg/storage/cacher.
	Silence = 3 * time.Minute
)

// errSlow says that a server takes requests and does not answer, errCut that whoever takes them hangs up.
var (
	errSlow = fmt.Errorf("the server has not answered within %s", answer)
	errCut  = errors.New("the connection was cut before the server has answered")
)

// begin begins a watch that ends when it falls silent: then its connection may be dead, which nothing else would tell. The
// error is errSlow where the server does not answer, errCut where the connection is cut: for that, client-go returns a watch
// that has ended already. Source: Request.Watch in k8s.io/client-go/rest.
func begin(ctx context.Context, options metav1.ListOptions, open func(context.Context, metav1.ListOptions) (watch.Interface, error)) (watch.Interface, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	slow := time.AfterFunc(answer, func() { cancel(errSlow) })
	w, err := open(ctx, options)
	if !slow.Stop() && err == nil {
		w.Stop()
		err = errSlow
	}
	l := &lively{from: w, to: make(chan watch.Event), stop: func() { cancel(nil) }}
	if err == nil && l.ended() {
		err = errCut
	}
	if err != nil {
		if context.Cause(ctx) == errSlow {
			err = errSlow
		}
		cancel(nil)
		return nil, err
	}
	go l.pass(ctx)
	return l, nil
}

// lively passes on what a watch brings until it falls silent.
type lively struct {
	from watch.Interface
	to   chan watch.Event
	stop func()
	// first is what came while the watch was begun, nil for nothing.
	first *watch.Event
}

// ended says whether a watch ends before anything has come.
func (l *lively) ended() bool {
	select {
	case e, ok := <-l.from.ResultChan():
		l.first = &e
		return !ok
	default:
		return false
	}
}

func (l *lively) Stop()                          { l.stop() }
func (l *lively) ResultChan() <-chan watch.Event { return l.to }

func (l *lively) pass(ctx context.Context) {
	defer close(l.to)
	defer l.stop()
	defer l.from.Stop()
	if l.first != nil && !l.send(ctx, *l.first) {
		return
	}
	timer := time.NewTimer(Silence)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case e, ok := <-l.from.ResultChan():
			if !ok || !l.send(ctx, e) {
				return
			}
			timer.Reset(Silence)
		}
	}
}

// send passes on an event, unless the watch is over before it is taken.
func (l *lively) send(ctx context.Context, e watch.Event) bool {
	select {
	case l.to <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
