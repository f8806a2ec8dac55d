package e2e

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// What a terminal is sent.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	beginFrame  = "\x1b[?2026h"
	endFrame    = "\x1b[?2026l"
	clearScreen = "\x1b[2J"
)

// onTerminal runs a watch on a terminal of that kind and 100 by 20 characters; what it is sent stands on stdout.
func onTerminal(t *testing.T, lab *cluster.Cluster, kind string, args ...string) (*watching, *os.File) {
	t.Helper()
	w := newWatching(t, lab, []string{"KUBECONFIG=" + lab.Kubeconfig(), "HOME=" + t.TempDir(), "TERM=" + kind}, args...)
	terminal, err := pty.StartWithSize(w.cmd, &pty.Winsize{Cols: 100, Rows: 20})
	if err != nil {
		t.Fatal(err)
	}
	w.printing.Go(func() { _, _ = io.Copy(w.stdout, terminal) })
	t.Cleanup(func() { _ = terminal.Close() })
	w.reap()
	return w, terminal
}

// frames takes apart what a terminal was sent: what came before its own screen, every frame of that, and what came after.
func frames(t *testing.T, sent string) (before string, frames []string, after string) {
	t.Helper()
	before, rest, entered := strings.Cut(sent, enterScreen)
	screen, after, left := strings.Cut(rest, leaveScreen)
	if !entered || !left {
		t.Fatalf("the screen was entered: %v, and left: %v\n%q", entered, left, sent)
	}
	for screen != "" {
		rest, begun := strings.CutPrefix(screen, beginFrame)
		frame, next, ended := strings.Cut(rest, endFrame)
		if !begun || !ended {
			t.Fatalf("this is no frame: %q", screen)
		}
		frames, screen = append(frames, frame), next
	}
	return before, frames, after
}

func watchOnATerminal(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "terminal", oldRevision)
	w, terminal := onTerminal(t, lab, "xterm-256color", "-n", "terminal")
	shows := func(pattern string) { t.Helper(); w.await(regexp.MustCompile(pattern).MatchString, pattern) }
	shows(`terminal +pod/bare +1 +1\.22\.0 +1\.22\.0 +1-22 +current`)
	shows(`Pods: 1, current: 1\. Last change \d\d:\d\d:\d\d\. Ctrl-C ends`)
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: 30, Rows: 20}); err != nil {
		t.Fatal(err)
	}
	shows(`NAMESPACE  WORKLOAD  PODS  VE…`)
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: 100, Rows: 20}); err != nil {
		t.Fatal(err)
	}
	follow(t, lab, "terminal", newRevision)
	shows(`terminal +pod/bare +1 +1\.22\.0 +1\.23\.0 +1-22 -> 1-23 +outdated`)
	deletePod(t, lab, "terminal", "bare")
	shows(`No resources found in terminal namespace\.`)
	createPods(t, lab, newPod("terminal", "later"))
	shows(`terminal +pod/later .*current`)
	if _, err := io.WriteString(terminal, "\x03"); err != nil {
		t.Fatal(err)
	}
	w.wait(130)
	shows(`error: interrupted`)
	// The terminal itself echoes Ctrl-C.
	sent := strings.ReplaceAll(w.stdout.String(), "^C", "")
	before, all, after := frames(t, sent)
	if before != "" || strings.Contains(sent, clearScreen) || len(all) < 5 {
		t.Errorf("before the screen %q, %d frames:\n%q", before, len(all), sent)
	}
	for i, frame := range all {
		if i > 0 && frame == all[i-1] {
			t.Errorf("a frame without a change: %q", frame)
		}
	}
	want := regexp.MustCompile(`^NAMESPACE  WORKLOAD +PODS  VERSION  WANT +REVISION  STATUS\r\n` +
		`terminal   pod/later  1     1\.23\.0   1\.23\.0  1-23      current\r\nerror: interrupted\r\n$`)
	if !want.MatchString(after) {
		t.Errorf("left behind: %q", after)
	}
}

func watchOnADumbTerminal(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "dumb", oldRevision)
	w, terminal := onTerminal(t, lab, "dumb", "-n", "dumb")
	w.await(regexp.MustCompile(`(?m)^dumb +pod/bare .*current\r$`).MatchString, "current")
	follow(t, lab, "dumb", newRevision)
	w.await(regexp.MustCompile(`(?m)^dumb +pod/bare .*outdated\r$`).MatchString, "outdated")
	if _, err := io.WriteString(terminal, "\x03"); err != nil {
		t.Fatal(err)
	}
	w.wait(130)
	if sent := w.stdout.String(); strings.Contains(sent, "\x1b") {
		t.Errorf("a dumb terminal was sent %q", sent)
	}
}
