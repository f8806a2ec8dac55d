//go:build unix

package provider

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// setApart gives the tool a process group of its own: a Ctrl-C in the terminal would otherwise reach it twice, and the second makes
// many tools leave at once.
func setApart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// interrupt does as Ctrl-C does to the tool and whatever it has started.
func interrupt(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGINT)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// end ends what is left of the tool and of whatever it has started.
func end(p *os.Process) {
	if p != nil {
		_ = syscall.Kill(-p.Pid, syscall.SIGKILL)
	}
}
