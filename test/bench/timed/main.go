// Command timed runs a command once and writes to a file how long it took, how long processors worked for it, and how much
// memory it had at most. It is a
// program of its own, and a small one, because Linux counts what the parent occupied when it started a child as the
// child's: whoever holds a lab in memory would measure itself.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: timed RESULT COMMAND [ARGUMENT ...]")
		os.Exit(1)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run leaves the command the standard streams as they are, so that /dev/null is really /dev/null.
func run(result string, args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return err
	}
	content, err := json.Marshal(map[string]int64{
		"wall":   wall.Nanoseconds(),
		"cpu":    (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Nanoseconds(),
		"memory": cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(result, content, 0o600)
}
