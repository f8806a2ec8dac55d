package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// contestant is a command that is measured.
type contestant struct {
	name string
	args []string
	wall []time.Duration
	// memory is the peak resident size in KiB, of the command itself or of the largest of its children.
	memory []int64
	// lines is how many lines the last run printed.
	lines int
}

// measure runs the command once, its output thrown away. The run counts unless it is for warming up.
func (c *contestant) measure(ctx context.Context, kubeconfig string, counts bool) error {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	wall := time.Since(start)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, out[:min(len(out), 2000)])
	}
	c.lines = bytes.Count(out, []byte("\n"))
	if counts {
		c.wall = append(c.wall, wall)
		c.memory = append(c.memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	}
	return nil
}

// median returns the middle value.
func median[T time.Duration | int64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// print writes the table, with every time as a ratio to the first contestant's: absolute times say more about the
// machine than about the commands.
func print(pods, rounds int, contestants []*contestant) {
	fmt.Printf("%d pods, medians of %d alternating runs:\n\n", pods, rounds)
	fmt.Println("| command | time | ratio | peak memory |\n|---|---|---|---|")
	base := median(contestants[0].wall)
	for _, c := range contestants {
		wall := median(c.wall)
		fmt.Printf("| `%s` | %.2f s | %.2f | %d MiB |\n", c.name, wall.Seconds(), wall.Seconds()/base.Seconds(), median(c.memory)/1024)
	}
}
