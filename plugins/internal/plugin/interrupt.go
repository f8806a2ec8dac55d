package plugin

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts tells what Ctrl-C and requests to terminate mean: the first cancels the command's context; the second closes a
// channel where the command has asked for one, and has its default effect where it has not; the third always has.
type interrupts struct {
	signals chan os.Signal
	over    chan struct{}

	mu sync.Mutex
	// first is true after the first signal, second is what Abort returns, nil where the command has not called it.
	first  bool
	second chan struct{}
}

type interruptsKey struct{}

// Abort returns a channel that is closed at the second Ctrl-C or request to terminate, for a command that must not be cut
// off in the middle of what it does. Whoever calls it takes over the end of the process: the second signal does not end it
// any more, only a third does, so that the command has to return promptly once the channel is closed. A command that does
// not call it is ended by the second signal. The context is that of a command that Main runs, or a child of it; for any
// other, Abort returns nil, which is never closed.
func Abort(ctx context.Context) <-chan struct{} {
	if i, ok := ctx.Value(interruptsKey{}).(*interrupts); ok {
		return i.abort()
	}
	return nil
}

// interruptible returns a context that the first signal cancels and that Abort takes. The function that it returns has
// signals have their default effect again.
func interruptible(ctx context.Context) (context.Context, func()) {
	// Two signals may come before either is looked at.
	i := &interrupts{signals: make(chan os.Signal, 2), over: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithValue(ctx, interruptsKey{}, i))
	i.catch()
	go i.listen(cancel)
	return ctx, func() {
		i.release()
		cancel()
		close(i.over)
	}
}

func (i *interrupts) catch()   { signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM) }
func (i *interrupts) release() { signal.Stop(i.signals) }

func (i *interrupts) listen(cancel func()) {
	for {
		select {
		case <-i.signals:
			i.next(cancel)
		case <-i.over:
			return
		}
	}
}

// next takes over a signal that was caught.
func (i *interrupts) next(cancel func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.first && i.second != nil {
		i.release()
		close(i.second)
		return
	}
	// The signals are let go at once, and not when the next one has come: so it ends also a process that hangs.
	if i.second == nil {
		i.release()
	}
	i.first = true
	cancel()
}

func (i *interrupts) abort() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.second == nil {
		i.second = make(chan struct{})
		if i.first {
			i.catch()
		}
	}
	return i.second
}
