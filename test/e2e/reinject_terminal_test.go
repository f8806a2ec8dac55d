package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// restarting is a mesh-reinject that runs on a terminal of 80 by 24 characters.
type restarting struct {
	*watching
	terminal *os.File
}

// onTerminal runs `kubectl mesh-reinject ARGS` on a terminal, with these variables.
func (p *paced) onTerminal(env []string, args ...string) *restarting {
	p.t.Helper()
	kubectl := p.lab.Tool("kubectl")
	cmd := exec.Command(kubectl, append([]string{"mesh-reinject"}, args...)...)
	cmd.Env = append([]string{"PATH=" + pluginDir + ":" + filepath.Dir(kubectl), "KUBECONFIG=" + p.kubeconfig(), "HOME=" + p.t.TempDir()}, env...)
	w := &watching{t: p.t, cmd: cmd, stdout: &growing{}, stderr: &growing{}, ended: make(chan struct{})}
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 80, Rows: 24})
	if err != nil {
		p.t.Fatal(err)
	}
	w.printing.Go(func() { _, _ = io.Copy(w.stdout, terminal) })
	p.t.Cleanup(func() { _ = terminal.Close() })
	w.reap()
	return &restarting{w, terminal}
}

func (r *restarting) shows(pattern string) {
	r.t.Helper()
	r.await(regexp.MustCompile(pattern).MatchString, pattern)
}

func (r *restarting) types(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r.terminal, text); err != nil {
		r.t.Fatal(err)
	}
}

// interrupts presses Ctrl-C twice: once would wait for what is under way.
func (r *restarting) interrupts() {
	r.t.Helper()
	r.types("\x03")
	r.shows(`stopping`)
	r.types("\x03")
	r.wait(130)
}

// TestReinjectOnATerminal shows bars, the workload that is stuck and its cause, and at the end a summary that fits.
func TestReinjectOnATerminal(t *testing.T) {
	t.Parallel()
	const ns = "terminal-bars"
	p := stage(t, ns, slowly(newDeployment(ns, "web", 3), 1), stopsShort(newDeployment(ns, "stuck", 3)))
	r := p.onTerminal([]string{"TERM=xterm-256color"}, "-n", ns)
	r.shows(`0 of 2 workloads \[[ =>-]+\]`)
	r.shows(`terminal-bars/deployment/web +[0-3]/3 \[[ =>-]+\]`)
	r.shows(`terminal-bars/deployment/stuck +0/3 \[ +\]\r\n    \x1b\[33mpod stuck-\S+: Unschedulable: 0/3 nodes`)
	r.shows(`1 of 2 workloads`)
	r.interrupts()
	sent := r.stdout.String()
	summary := sent[strings.LastIndex(sent, endFrame)+len(endFrame):]
	wantFits(t, summary)
	want := regexp.MustCompile(`(?s)2 workloads in .*1 restarted, 1 interrupted.*Did not go well:\r\n +terminal-bars/deployment/stuck: interrupted after .*Unschedulable: 0/3`)
	if !want.MatchString(strings.ReplaceAll(summary, "\r\n    ", " ")) && !want.MatchString(summary) {
		t.Errorf("left behind:\n%s\nwant %s", summary, want)
	}
}

// wantFits: no line is wider than the terminal; the table on stdout is as wide as it has to be.
func wantFits(t *testing.T, text string) {
	t.Helper()
	_, summary, found := strings.Cut(text, " workloads in ")
	if !found {
		t.Fatalf("no summary in:\n%s", text)
	}
	for line := range strings.Lines(summary) {
		if n := len([]rune(strings.TrimRight(line, "\r\n"))); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// TestReinjectWithoutColours: bars, but nothing is coloured.
func TestReinjectWithoutColours(t *testing.T) {
	t.Parallel()
	const ns = "terminal-nocolor"
	p := stage(t, ns, stopsShort(newDeployment(ns, "stuck", 3)))
	r := p.onTerminal([]string{"TERM=xterm-256color", "NO_COLOR=1"}, "-n", ns)
	r.shows(`0/3 \[ +\]\r\n    pod stuck-\S+: Unschedulable: 0/3 nodes`)
	r.interrupts()
	if sent := r.stdout.String(); regexp.MustCompile(`\x1b\[[\d;]*m`).MatchString(sent) || !strings.Contains(sent, beginFrame) {
		t.Errorf("sent %q", sent)
	}
}

// TestReinjectSaysItInLines where bars cannot be drawn: on a pipe, and on a terminal that cannot move its cursor.
func TestReinjectSaysItInLines(t *testing.T) {
	t.Parallel()
	const ns = "terminal-lines"
	p := stage(t, ns, newDeployment(ns, "a", 1), failsAnew(newDeployment(ns, "b", 1)))
	want := regexp.MustCompile(fmt.Sprintf(`^run began: 2 workloads
wave 1 began
%[1]s/deployment/a: restart 1\.22\.0 -> 1\.23\.0, 1 pod \(wave 1\)
%[1]s/deployment/a: restarted in \S+, 1 pod
%[1]s/deployment/b: restart 1\.22\.0 -> 1\.23\.0, 1 pod \(wave 1\)
%[1]s/deployment/b: failed after \S+: pod b-\S+: container app: ImagePullBackOff.*
stopping: deployment/b in namespace %[1]s has failed
`, ns))
	r := p.reinject("-n", ns, "--max-parallel", "1")
	if r.code != 1 || !want.MatchString(r.stderr) || strings.ContainsAny(r.stdout+r.stderr, "\x1b\r") {
		t.Errorf("exit %d, stderr:\n%s\nwant %s", r.code, r.stderr, want)
	}
	dumb := p.onTerminal([]string{"TERM=dumb"}, "-n", ns)
	dumb.wait(1)
	sent := dumb.stdout.String()
	if !strings.Contains(sent, "run began: 1 workload\r\n") || strings.Contains(sent, "\x1b") {
		t.Errorf("a dumb terminal was sent %q", sent)
	}
}

// TestReinjectAsksFirst where workloads of more than one namespace would be restarted, and refuses where there is nobody to ask.
func TestReinjectAsksFirst(t *testing.T) {
	t.Parallel()
	const a, b, selected = "terminal-ask-a", "terminal-ask-b", "stage=terminal-ask"
	p := stage(t, "terminal-ask", newDeployment(a, "one", 2), newDeployment(b, "two", 1))
	const what = `restart 2 workloads with 3 pods in 2 namespaces, about \d+s`
	t.Run("nobody to ask", func(t *testing.T) {
		r := p.reinject("-A", "-l", selected)
		if want := regexp.MustCompile(`^error: this would ` + what + `: add --yes, or see them first with --dry-run=client\n$`); r.code != 1 || !want.MatchString(r.stderr) {
			t.Errorf("exit %d, stderr %q", r.code, r.stderr)
		}
	})
	for name, answer := range map[string]string{"no": "n\r", "a word that is no yes": "yep\r", "nothing": "\r", "the end": "\x04"} {
		t.Run(name, func(t *testing.T) {
			r := p.onTerminal([]string{"TERM=xterm"}, "-A", "-l", selected)
			r.shows(`terminal-ask-a +deployment/one +2/2 .*\r\n.*deployment/two.*\r\nR` + what[1:] + `\? \[y/N\] `)
			r.types(answer)
			r.wait(1)
			r.shows(`error: nothing was restarted`)
		})
	}
	t.Run("Ctrl-C", func(t *testing.T) {
		r := p.onTerminal([]string{"TERM=xterm"}, "-A", "-l", selected)
		r.shows(`\[y/N\] `)
		r.types("\x03")
		r.wait(130)
	})
	p.wantUntouched()
	t.Run("yes", func(t *testing.T) {
		r := p.onTerminal([]string{"TERM=xterm"}, "-A", "-l", selected)
		r.shows(`\[y/N\] `)
		r.types("Yes\r")
		r.wait(0)
		r.shows(`2 workloads in .*: 2 restarted`)
	})
	t.Run("one namespace needs no answer", func(t *testing.T) {
		if r := p.reinject("-n", a, "--all"); r.code != 0 {
			t.Errorf("exit %d, %s", r.code, r.stderr)
		}
	})
}
