package podlist

import (
	"context"
	"errors"
	"io"
	"time"

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
	if !l.compress {
		get = get.SetHeader("Accept-Encoding", "identity")
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

// errSlow says that the connection is so slow that compression is worth the server's while.
var errSlow = errors.New("the connection is slow")

// Pages are asked for as they are at first: between a server and a client that are near each other, compressing takes
// longer than sending. A connection that brings less than slowRate, in bytes a second, once slowAfter bytes have come,
// is one on which it does not.
const (
	slowRate  = 8 << 20
	slowAfter = 256 << 10
)

// meter watches how fast a page comes, not counting the time in which nobody reads.
type meter struct {
	in io.Reader
	// indifferent is true where the page is compressed already, or cannot be asked for again.
	indifferent bool
	bytes       int64
	waited      time.Duration
}

// Read returns errSlow where asking for a compressed page is faster than reading on.
func (m *meter) Read(p []byte) (int, error) {
	if m.indifferent || m.bytes > 2*slowAfter {
		return m.in.Read(p)
	}
	start := time.Now()
	n, err := m.in.Read(p)
	m.waited += time.Since(start)
	m.bytes += int64(n)
	if err == nil && m.bytes > slowAfter && m.waited.Seconds() > float64(m.bytes)/slowRate {
		return n, errSlow
	}
	return n, err
}
