//go:build unix && !linux

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// startTied starts cmd so that it cannot outlive this process. Without Linux's death signal a shell does it: it waits
// for the end of a pipe that only this process holds open, then kills the group.
func startTied(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := watch(cmd.Process.Pid); err != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		return fmt.Errorf("tying its life to ours: %w", err)
	}
	return nil
}

func watch(pid int) error {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirs.Close()
	watchdog := exec.Command("/bin/sh", "-c", `read _; kill -KILL -"$1" 2>/dev/null`, "watchdog", strconv.Itoa(pid))
	watchdog.Stdin = theirs
	watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := watchdog.Start(); err != nil {
		ours.Close()
		return err
	}
	go func() {
		for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			time.Sleep(200 * time.Millisecond)
		}
		_ = watchdog.Process.Kill() // before the pipe ends: the id may belong to another group by now
		_ = watchdog.Wait()
		ours.Close()
	}()
	return nil
}
