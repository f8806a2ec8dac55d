package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// patience is how long a tool that was interrupted may take to end. Tests shorten it.
var patience = time.Minute

// RunError says that a tool did not do what it was asked to.
type RunError struct {
	Line Line
	// Code is its exit code, -1 where a signal has ended it or it could not be run.
	Code int
	// Said is the last line that it wrote, empty where it wrote nothing.
	Said string
	// Interrupted is true where it was interrupted because the context had ended.
	Interrupted bool
	// Err is why it could not be run, or what ended it.
	Err error
}

// Error names the command, how it ended and its own last words.
func (e *RunError) Error() string {
	text := fmt.Sprintf("`%s` failed", e.Line)
	switch {
	case e.Interrupted:
		text = fmt.Sprintf("`%s` was interrupted", e.Line)
	case e.Code > 0:
		text += fmt.Sprintf(" with exit code %d", e.Code)
	default:
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	if e.Said != "" {
		text += ", and said last: " + e.Said
	}
	return text + "; see what it wrote above, and run the same command again"
}

// Unwrap returns why it could not be run, or what ended it.
func (e *RunError) Unwrap() error { return e.Err }

// Run runs the lines one after another, each until it has ended, and writes what they write to out and errOut as it comes; told is
// called with each before. None of them can ask anything: they have no input. When the context ends, the one that runs is interrupted
// as by Ctrl-C, given time to end by itself, and then ended. The error is a *RunError, or says which executable is missing; what follows it is not
// run.
func Run(ctx context.Context, lines []Line, out, errOut io.Writer, told func(Line)) error {
	for _, l := range lines {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := find(l.Words[0]); err != nil {
			return err
		}
		told(l)
		if err := run(ctx, l, out, errOut); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, l Line, out, errOut io.Writer) error {
	var said, complained lastLine
	c := exec.CommandContext(ctx, l.Words[0], l.Words[1:]...)
	c.Env = append(os.Environ(), l.Env...)
	// out and errOut may be one and the same.
	var one sync.Mutex
	c.Stdout, c.Stderr = &turns{&one, io.MultiWriter(out, &said)}, &turns{&one, io.MultiWriter(errOut, &complained)}
	c.WaitDelay = patience
	setApart(c)
	c.Cancel = func() error { return interrupt(c.Process) }
	err := c.Run()
	// What comes next begins on a line of its own.
	for _, ended := range []struct {
		last *lastLine
		to   io.Writer
	}{{&said, out}, {&complained, errOut}} {
		if ended.last.open() {
			fmt.Fprintln(ended.to)
		}
	}
	interrupted := ctx.Err() != nil
	switch {
	case err == nil:
		return nil
	case interrupted:
		end(c.Process)
	case errors.Is(err, exec.ErrWaitDelay):
		// It has ended well, and left something running that still holds its streams.
		return nil
	}
	failure := &RunError{Line: l, Code: -1, Said: complained.text(), Interrupted: interrupted, Err: err}
	if failure.Said == "" {
		failure.Said = said.text()
	}
	var ended *exec.ExitError
	switch {
	case interrupted:
		failure.Err = errors.Join(ctx.Err(), err)
	case errors.As(err, &ended):
		failure.Code = ended.ExitCode()
	}
	return failure
}

// turns writes only while nobody else does who shares the lock.
type turns struct {
	*sync.Mutex
	to io.Writer
}

// Write waits for its turn.
func (t *turns) Write(text []byte) (int, error) {
	t.Lock()
	defer t.Unlock()
	return t.to.Write(text)
}
