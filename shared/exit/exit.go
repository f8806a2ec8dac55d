// Package exit holds the exit codes that the plugins share, and how an error carries one.
package exit

import (
	"context"
	"errors"
)

// The exit codes that users script against.
const (
	// Done: what was asked for was done.
	Done = 0
	// Failed: an error, or an answer that is incomplete.
	Failed = 1
	// Findings: there is something to act on; under --exit-code only.
	Findings = 2
	// TimedOut: the time allowed by --timeout is over.
	TimedOut = 124
	// Interrupted: Ctrl-C, or a request to terminate.
	Interrupted = 130
)

// Error is an error with an exit code of its own. One without a message ends the program in silence.
type Error struct {
	Code int
	Err  error
}

// Error returns the message, empty where there is none.
func (e *Error) Error() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// Unwrap returns the error that is carried.
func (e *Error) Unwrap() error { return e.Err }

// Code returns the exit code that an error stands for: its own, or what became of the context, or 1.
func Code(ctx context.Context, err error) int {
	var coded *Error
	switch {
	case err == nil:
		return Done
	case errors.As(err, &coded):
		return coded.Code
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return TimedOut
	case ctx.Err() != nil:
		return Interrupted
	default:
		return Failed
	}
}
