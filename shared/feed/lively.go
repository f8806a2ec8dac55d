package feed

import (
	"context"
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

// errSlow says that a server takes requests and does not answer.
var errSlow = fmt.Errorf("the server has not answered within %s", answer)

// begin begins a watch that ends when it falls silent: then its connection may be dead, which nothing else would tell. The
// error is errSlow where the server does not answer.
func begin(ctx context.Context, options metav1.ListOptions, open func(context.Context, metav1.ListOptions) (watch.Interface, error)) (watch.Interface, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	slow := time.AfterFunc(answer, func() { cancel(errSlow) })
	w, err := open(ctx, options)
	if !slow.Stop() && err == nil {
		w.Stop()
		err = errSlow
	}
	if err != nil {
		if context.Cause(ctx) == errSlow {
			err = errSlow
		}
		cancel(nil)
		return nil, err
	}
	l := &lively{from: w, to: make(chan watch.Event), stop: func() { cancel(nil) }}
	go l.pass(ctx)
	return l, nil
}

// lively passes on what a watch brings until it falls silent.
type lively struct {
	from watch.Interface
	to   chan watch.Event
	stop func()
}

func (l *lively) Stop()                          { l.stop() }
func (l *lively) ResultChan() <-chan watch.Event { return l.to }

func (l *lively) pass(ctx context.Context) {
	defer close(l.to)
	defer l.stop()
	defer l.from.Stop()
	timer := time.NewTimer(Silence)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case e, ok := <-l.from.ResultChan():
			if !ok {
				return
			}
			select {
			case l.to <- e:
			case <-ctx.Done():
				return
			}
			timer.Reset(Silence)
		}
	}
}
