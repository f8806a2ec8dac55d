package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
)

func TestElsewhereThanOnATerminalEachEventIsALine(t *testing.T) {
	var out bytes.Buffer
	d := New(&out)
	for _, e := range story() {
		d.Observe(e)
	}
	d.Close()
	d.Close()
	d.Observe(restart.Event{Kind: restart.Warned, Text: "too late"})
	golden.Equal(t, "lines.txt", out.String())
}

func TestLinesOfSeveralGoroutinesDoNotMix(t *testing.T) {
	var out bytes.Buffer
	d := New(&out)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				d.Observe(restart.Event{Kind: restart.Warned, Text: "something"})
			}
			d.Close()
		})
	}
	group.Wait()
	if rest := strings.ReplaceAll(out.String(), "warning: something\n", ""); rest != "" {
		t.Errorf("left is %q", rest)
	}
}
