package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// TimeoutError says that the server took longer for a request than the user allows.
type TimeoutError struct{ Allowed time.Duration }

// Error says how long was waited.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("the server has not answered in full within the %s of --request-timeout", e.Allowed)
}

// Timeout is always true.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary is always true. Together with Timeout it makes the error a net.Error.
func (e *TimeoutError) Temporary() bool { return true }

// timed gives up a request after a while, if that is not 0. The time holds for the whole answer, of watches, which have no
// end, for its beginning.
type timed struct {
	next  http.RoundTripper
	after time.Duration
}

func (t timed) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.after == 0 {
		return t.next.RoundTrip(r)
	}
	late := &TimeoutError{t.after}
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(t.after, func() { cancel(late) })
	end := func() {
		timer.Stop()
		cancel(nil)
	}
	answer, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		defer end()
		return nil, late.insteadOf(ctx, err)
	}
	if isWatch(r) {
		timer.Stop()
	}
	answer.Body = &timedBody{ReadCloser: answer.Body, ctx: ctx, end: end, late: late}
	return answer, nil
}

// insteadOf returns the timeout where that is why the request failed.
func (e *TimeoutError) insteadOf(ctx context.Context, err error) error {
	if context.Cause(ctx) == e {
		return e
	}
	return err
}

type timedBody struct {
	io.ReadCloser
	ctx  context.Context
	end  func()
	late *TimeoutError
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = b.late.insteadOf(b.ctx, err)
	}
	return n, err
}

func (b *timedBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
