package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Run runs a program to its end and returns its standard output; env is added to this process' environment. The
// program ends with this process and with ctx. The error carries the command line and what the program wrote to its standard error; *exec.ExitError can be found in it.
func Run(ctx context.Context, env []string, path string, args ...string) (string, error) {
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // and what it started
	cmd.WaitDelay = 2 * time.Second
	err := startTied(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		line := filepath.Base(path) + " " + strings.Join(args, " ")
		return out.String(), fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(complaint.String()))
	}
	return out.String(), nil
}
