package plugin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// asks says, to a test binary that is run again as a plugin, when its command calls Abort.
const asks = "PLUGIN_TEST_ASKS"

func TestMain(m *testing.M) {
	if when, ok := os.LookupEnv(asks); ok {
		os.Exit(Main(func(s genericiooptions.IOStreams) *cobra.Command { return patient(s, when) }))
	}
	os.Exit(m.Run())
}

// patient is a command that says which signals it is told of, and ends at none.
func patient(s genericiooptions.IOStreams, when string) *cobra.Command {
	return &cobra.Command{Use: "patient", RunE: func(cmd *cobra.Command, _ []string) error {
		var abort <-chan struct{}
		ask := func(now string) {
			if when == now {
				abort = Abort(cmd.Context())
			}
		}
		ask("before the first")
		fmt.Fprintln(s.Out, "ready")
		<-cmd.Context().Done()
		ask("after the first")
		fmt.Fprintln(s.Out, "first")
		<-abort
		fmt.Fprintln(s.Out, "second")
		_, err := io.Copy(io.Discard, s.In)
		return err
	}}
}

func TestWhatASecondSignalDoes(t *testing.T) {
	for _, c := range []struct {
		when string
		// told is what the command says before the signal that ends it.
		told []string
	}{
		{"never", []string{"ready", "first"}},
		{"before the first", []string{"ready", "first", "second"}},
		{"after the first", []string{"ready", "first", "second"}},
	} {
		for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			t.Run(fmt.Sprintf("Abort called %s, %s", c.when, signal), func(t *testing.T) {
				told, err := signalled(t, c.when, signal, len(c.told))
				if fmt.Sprint(told) != fmt.Sprint(c.told) {
					t.Errorf("told %q, want %q", told, c.told)
				}
				var ended *exec.ExitError
				if !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != signal {
					t.Errorf("ended by %v, not by the signal's default effect", err)
				}
			})
		}
	}
}

// signalled runs this test's binary as a plugin, sends it a signal each time it says something, and returns what it said
// and what ended it.
func signalled(t *testing.T, when string, signal os.Signal, times int) (told []string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), asks+"="+when)
	// It reads until its end, which only a signal brings.
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for len(told) < times && lines.Scan() {
		told = append(told, lines.Text())
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
	}
	for lines.Scan() {
		told = append(told, lines.Text())
	}
	return told, cmd.Wait()
}

func TestAbortOfAnotherContextIsNeverClosed(t *testing.T) {
	if Abort(context.Background()) != nil {
		t.Error("there is a channel")
	}
}

func TestAbortReturnsTheSameChannelToAll(t *testing.T) {
	ctx, stop := interruptible(t.Context())
	defer stop()
	if a := Abort(ctx); a == nil || a != Abort(context.WithoutCancel(ctx)) {
		t.Error("two channels")
	}
}
