package cluster

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// await tries until it succeeds; it gives up when ctx ends or a component has died, and says what it waited for.
func (c *Cluster) await(ctx context.Context, what string, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		if death := c.group.Err(); death != nil {
			return fmt.Errorf("waiting for %s: %w", what, death)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last: %w", what, context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// progress writes whole lines from several goroutines.
type progress struct {
	mu sync.Mutex
	w  io.Writer
}

func newProgress(w io.Writer) *progress {
	if w == nil {
		w = io.Discard
	}
	return &progress{w: w}
}

// Write passes on what it is given.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.w.Write(b)
}

func (p *progress) say(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }
