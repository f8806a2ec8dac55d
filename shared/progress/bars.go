package progress

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

// pause is the least time between two frames.
const pause = 100 * time.Millisecond

// bars shows a run on a terminal. One goroutine draws; events only change what it draws the next time.
type bars struct {
	size    screen.Size
	palette palette
	now     func() time.Time

	// mutex guards what events change: the run, the lines that are to appear above the bars, and whether events still count.
	mutex  sync.Mutex
	run    run
	above  strings.Builder
	closed bool

	// The rest belongs to the goroutine that draws: rows are what is to be seen.
	rows     []string
	progress *mpb.Progress
	all      *mpb.Bar
	requests chan any
	frames   *frames

	closing sync.Once
	close   chan struct{}
	whole   chan struct{}
}

// newBars takes over a terminal of that size, and draws when there is something new, after a pause at the earliest.
func newBars(out io.Writer, size screen.Size, p palette, now func() time.Time, pause time.Duration) *bars {
	b := &bars{
		size: size, palette: p, now: now,
		requests: make(chan any), frames: &frames{out: out, drawn: make(chan struct{})},
		close: make(chan struct{}), whole: make(chan struct{}),
	}
	// Rows are cut here: mpb counts some characters in another way, and takes a width for a height where it sees no terminal.
	b.progress = mpb.New(mpb.WithOutput(b.frames), mpb.WithManualRefresh(b.requests), mpb.WithWidth(1000))
	// All rows are one bar of mpb's, so that they are of one moment, and are gone at once.
	b.all = b.progress.MustAdd(0, mpb.BarFillerFunc(b.first), mpb.BarFillerTrim(), mpb.BarExtender(mpb.BarFillerFunc(b.others), false))
	go b.draw(pause)
	return b
}

func (b *bars) Observe(e restart.Event) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.closed {
		return
	}
	b.run.observe(e)
	if stays(e) {
		fmt.Fprintln(&b.above, sentence(e, b.palette))
	}
}

func (b *bars) Close() {
	b.closing.Do(func() {
		b.mutex.Lock()
		b.closed = true
		b.mutex.Unlock()
		close(b.close)
	})
	<-b.whole
}

// draw draws until the bars are closed.
func (b *bars) draw(pause time.Duration) {
	defer close(b.whole)
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			b.frame()
		case <-b.close:
			b.clear()
			return
		}
	}
}

// frame draws once, unless the terminal shows already what there is to see.
func (b *bars) frame() {
	rows, above := b.take()
	if above == "" && slices.Equal(rows, b.rows) {
		return
	}
	b.rows = rows
	// It fails only after the end.
	_, _ = io.WriteString(b.progress, above)
	b.refresh()
}

// take returns the rows of now, and the lines that are not above them yet.
func (b *bars) take() (rows []string, above string) {
	columns, lines := b.size()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	above = b.above.String()
	b.above.Reset()
	return b.run.rows(canvas{cmp.Or(columns, usualColumns), cmp.Or(lines, usualLines), b.now(), b.palette}), above
}

// clear leaves only the lines above. mpb shows a bar that was aborted twice more, and clears it away with the frame after.
func (b *bars) clear() {
	_, above := b.take()
	_, _ = io.WriteString(b.progress, above)
	b.rows = nil
	b.all.Abort(true)
	for range 3 {
		b.refresh()
	}
	b.progress.Shutdown()
}

// refresh has mpb draw a frame, and returns once it is drawn.
func (b *bars) refresh() {
	b.requests <- nil
	<-b.frames.drawn
}

func (b *bars) first(w io.Writer, _ decor.Statistics) error {
	if len(b.rows) == 0 {
		return nil
	}
	_, err := io.WriteString(w, b.rows[0])
	return err
}

func (b *bars) others(w io.Writer, _ decor.Statistics) error {
	for _, row := range b.rows[min(1, len(b.rows)):] {
		if _, err := fmt.Fprintln(w, row); err != nil {
			return err
		}
	}
	return nil
}
