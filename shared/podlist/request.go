package podlist

import (
	"context"
	"io"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// request is a page that was asked for.
type request struct {
	token string
	// answered is closed once the server has begun to answer; body and err are set by then.
	answered chan struct{}
	body     io.ReadCloser
	err      error
}

// ask asks for a page without waiting for it.
func (l *lister) ask(ctx context.Context, token string) *request {
	options := &metav1.ListOptions{
		LabelSelector: l.options.LabelSelector, FieldSelector: l.options.FieldSelector,
		Limit: l.options.Chunk, Continue: token,
	}
	get := l.core.Get().Resource("pods").VersionedParams(options, scheme.ParameterCodec).
		SetHeader("Accept", runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON)
	if l.namespace != "" {
		get = get.Namespace(l.namespace)
	}
	q := &request{token: token, answered: make(chan struct{})}
	go func() {
		defer close(q.answered)
		q.body, q.err = get.Stream(ctx)
	}()
	return q
}

// askAhead asks for the page that follows the one that is being read, unless it has been asked for.
func (l *lister) askAhead(ctx context.Context, token string) {
	if l.ahead != nil && l.ahead.token == token {
		return
	}
	l.ahead.drop()
	l.ahead = nil
	if token != "" {
		l.ahead = l.ask(ctx, token)
	}
}

// open waits for the page of the token, asking for it if that was not done ahead.
func (l *lister) open(ctx context.Context) (io.ReadCloser, error) {
	q := l.ahead
	if q == nil || q.token != l.token {
		q = l.ask(ctx, l.token)
	} else {
		l.ahead = nil
	}
	<-q.answered
	return q.body, q.err
}

// drop gives up a request, if there is one.
func (q *request) drop() {
	if q == nil {
		return
	}
	go func() {
		<-q.answered
		if q.body != nil {
			q.body.Close()
		}
	}()
}
