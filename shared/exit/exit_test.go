package exit

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestTheExitCodeOfAnError(t *testing.T) {
	failure := errors.New("no")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancelExpired := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancelExpired()
	caused, cancelCaused := context.WithCancelCause(t.Context())
	cancelCaused(fmt.Errorf("--timeout: %w", context.DeadlineExceeded))
	for _, c := range []struct {
		rule string
		ctx  context.Context
		err  error
		want int
	}{
		{"none", t.Context(), nil, 0},
		{"none, though the context ended", cancelled, nil, 0},
		{"any", t.Context(), failure, 1},
		{"one with a code", t.Context(), &Error{Code: Findings}, 2},
		{"one that wraps one with a code", t.Context(), fmt.Errorf("more: %w", &Error{Code: Findings, Err: failure}), 2},
		{"a code beats the context", cancelled, &Error{Code: Findings}, 2},
		{"the context was cancelled", cancelled, failure, 130},
		{"the operation's time is over", expired, failure, 124},
		{"the operation's time is over, by its cause", caused, failure, 124},
		{"one call's time is over, not the operation's", t.Context(), context.DeadlineExceeded, 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := Code(c.ctx, c.err); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestAnErrorWithoutAMessageIsSilent(t *testing.T) {
	cause := errors.New("no")
	if got := (&Error{Code: Findings}).Error(); got != "" {
		t.Errorf("got %q", got)
	}
	if e := (&Error{Code: 1, Err: cause}); e.Error() != "no" || !errors.Is(e, cause) {
		t.Errorf("got %q", e.Error())
	}
}
