package proxyver

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// stepping goes through so many workloads, each of which takes a while.
func stepping(terminal bool, workloads int, each time.Duration) string {
	var out bytes.Buffer
	p := newProgress(&out, workloads)
	now := p.last
	p.terminal, p.now = terminal, func() time.Time { now = now.Add(each); return now }
	for range workloads {
		p.step()
	}
	p.clear()
	return out.String()
}

func TestHowFarTheAskingIsIsSaidNowAndThen(t *testing.T) {
	blank := "\r" + strings.Repeat(" ", len("Asked the injector about 8 of 9 workloads")) + "\r"
	for _, c := range []struct {
		rule      string
		terminal  bool
		workloads int
		each      time.Duration
		want      string
	}{
		{"on a terminal in one line, which is gone in the end", true, 9, 50 * time.Millisecond,
			"\rAsked the injector about 4 of 9 workloads\rAsked the injector about 8 of 9 workloads" + blank},
		{"on a terminal, nothing where it is quick", true, 9, time.Millisecond, ""},
		{"elsewhere a line every ten seconds", false, 9, 3 * time.Second,
			"Asked the injector about 4 of 9 workloads\nAsked the injector about 8 of 9 workloads\n"},
		{"elsewhere, nothing where it takes less", false, 9, time.Second, ""},
		{"nothing to ask", true, 0, time.Second, ""},
	} {
		if got := stepping(c.terminal, c.workloads, c.each); got != c.want {
			t.Errorf("%s: got %q, want %q", c.rule, got, c.want)
		}
	}
}
