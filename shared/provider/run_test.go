package provider

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// script returns a line that runs a script.
func script(t *testing.T, text string, env ...string) Line {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Line{Words: []string{file, "a b"}, Env: env}
}

func untold(Line) {}

func TestWhatAToolWritesIsPassedOn(t *testing.T) {
	var out, errOut bytes.Buffer
	var told []string
	lines := []Line{script(t, `echo "out $1"; echo "err $KUBECTL_MESH_REVISION" >&2`, RevisionVariable+"=1-23"), script(t, "echo second")}
	err := Run(t.Context(), lines, &out, &errOut, func(l Line) { told = append(told, l.String()) })
	if err != nil || out.String() != "out a b\nsecond\n" || errOut.String() != "err 1-23\n" {
		t.Errorf("got %q, %q, %v", out.String(), errOut.String(), err)
	}
	if want := []string{lines[0].Words[0] + " 'a b'", lines[1].Words[0] + " 'a b'"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestALineThatAToolHasNotEndedIsEnded(t *testing.T) {
	var out, errOut bytes.Buffer
	if err := Run(t.Context(), []Line{script(t, "printf done; printf odd >&2"), script(t, "echo next")}, &out, &errOut, untold); err != nil {
		t.Fatal(err)
	}
	if out.String() != "done\nnext\n" || errOut.String() != "odd\n" {
		t.Errorf("got %q, %q", out.String(), errOut.String())
	}
}

func TestBothStreamsMayGoToOneWriter(t *testing.T) {
	var both bytes.Buffer
	err := Run(t.Context(), []Line{script(t, "for i in 1 2 3 4 5 6 7 8 9; do echo o; echo e >&2; done")}, &both, &both, untold)
	if lines := strings.Fields(both.String()); err != nil || len(lines) != 18 {
		t.Errorf("got %q, %v", lines, err)
	}
}

func TestAToolThatFailsSaysWhy(t *testing.T) {
	for _, c := range []struct {
		rule, text string
		code       int
		said       string
	}{
		{"its complaint", `echo working; echo "Error: no such revision" >&2; exit 3`, 3, "Error: no such revision"},
		{"what it said where it complains of nothing", "echo 'not allowed'; echo; exit 1", 1, "not allowed"},
		{"without colours, and as a terminal shows it", `printf 'step 1\rstep 2\r\033[31mfailed\033[0m\r\n' >&2; exit 1`, 1, "failed"},
		{"nothing", "exit 9", 9, ""},
		{"a signal", "kill -9 $$", -1, ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var errOut bytes.Buffer
			first, ran := script(t, c.text), false
			err := Run(t.Context(), []Line{first, script(t, "echo second")}, &errOut, &errOut, func(l Line) { ran = l.Words[0] != first.Words[0] })
			var failure *RunError
			if !errors.As(err, &failure) || failure.Code != c.code || failure.Said != c.said || failure.Interrupted {
				t.Fatalf("got %+v", err)
			}
			if ran {
				t.Error("went on after a failure")
			}
			if c.said != "" && !strings.Contains(err.Error(), ", and said last: "+c.said+"; ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestTheFailureNamesTheCommandAndItsExitCode(t *testing.T) {
	e := &RunError{Line: Line{Words: []string{"istioctl", "install", "-y"}}, Code: 64, Said: "Error: bad flag"}
	want := "`istioctl install -y` failed with exit code 64, and said last: Error: bad flag; see what it wrote above, and run the same command again"
	if e.Error() != want {
		t.Errorf("got %s", e)
	}
}

func TestAnExecutableThatIsMissingRunsNothing(t *testing.T) {
	err := Run(t.Context(), []Line{{Words: []string{"no-such-tool"}}}, nil, nil, untold)
	if message(err) != "no-such-tool is not in PATH: install it, or add its directory to PATH" {
		t.Errorf("got %v", err)
	}
}

func TestAnInterruptionIsForwarded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &trigger{on: "ready", do: cancel}
	// A shell's trap waits for what the shell runs at the moment.
	tool := `trap 'echo "cleaning up" >&2; exit 7' INT; echo ready; while :; do sleep 0.05; done`
	begun := time.Now()
	err := Run(ctx, []Line{script(t, tool)}, out, out, untold)
	var failure *RunError
	if !errors.As(err, &failure) || !failure.Interrupted || failure.Said != "cleaning up" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("took %s", took)
	}
	if !strings.HasSuffix(strings.SplitN(err.Error(), ",", 2)[0], "was interrupted") {
		t.Errorf("got %v", err)
	}
}

// impatient shortens how long tools may take to end.
func impatient(t *testing.T) {
	before := patience
	patience = 100 * time.Millisecond
	t.Cleanup(func() { patience = before })
}

func TestAToolMayLeaveSomethingRunning(t *testing.T) {
	impatient(t)
	var out bytes.Buffer
	if err := Run(t.Context(), []Line{script(t, "sleep 5 & echo done")}, &out, &out, untold); err != nil || out.String() != "done\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestAToolThatIgnoresTheInterruptionIsEnded(t *testing.T) {
	impatient(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &trigger{on: "ready", do: cancel}
	err := Run(ctx, []Line{script(t, `trap '' INT; echo ready; sleep 60; echo still here`)}, out, out, untold)
	var failure *RunError
	if !errors.As(err, &failure) || !failure.Interrupted || strings.Contains(out.text.String(), "still") {
		t.Errorf("got %v", err)
	}
}

func TestNothingIsRunOnceTheContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Run(ctx, []Line{script(t, "echo no")}, nil, nil, untold); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// trigger does something once it is written a word.
type trigger struct {
	on   string
	do   func()
	text bytes.Buffer
}

func (t *trigger) Write(text []byte) (int, error) {
	t.text.Write(text)
	if strings.Contains(t.text.String(), t.on) {
		t.do()
	}
	return len(text), nil
}
