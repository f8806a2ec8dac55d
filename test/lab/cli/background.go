package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// background runs the lab in a session of its own, shows what it says, and returns when it is ready. Interrupted
// before that, it ends the lab again.
func (u *up) background(ctx context.Context) error {
	if _, err := u.lab.client().Status(ctx); err == nil {
		return fmt.Errorf("a lab runs already in %s", u.lab.dir)
	}
	log, err := u.openLog()
	if err != nil {
		return err
	}
	defer log.Close()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	child := exec.Command(self, u.args()...)
	child.Stdout, child.Stderr = log, log
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := child.Start(); err != nil {
		return fmt.Errorf("starting the lab in the background: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		_ = child.Wait()
		close(ended)
	}()
	return u.follow(ctx, log.Name(), child, ended)
}

func (u *up) openLog() (*os.File, error) {
	if err := os.MkdirAll(u.lab.dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the lab's state directory: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(u.lab.dir, "lab.log"), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the lab's log: %w", err)
	}
	return log, nil
}

func (u *up) follow(ctx context.Context, path string, child *exec.Cmd, ended <-chan struct{}) error {
	log, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("following the lab's log: %w", err)
	}
	defer log.Close()
	for {
		status, err := u.lab.client().Status(ctx)
		_, _ = io.Copy(os.Stderr, log)
		if err == nil && status.Ready {
			return nil
		}
		select {
		case <-ctx.Done():
			_ = child.Process.Signal(syscall.SIGTERM)
			<-ended
			return errors.New("interrupted; the lab was ended")
		case <-ended:
			_, _ = io.Copy(os.Stderr, log)
			return errSilent // the log that was shown ends with the reason
		case <-time.After(100 * time.Millisecond):
		}
	}
}
