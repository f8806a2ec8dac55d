// Package measure is what the benchmarks share: they run commands in turn, and print Markdown.
package measure

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Command is what is measured. Its output goes to /dev/null, or to a file where it is looked at afterwards.
type Command struct {
	Name   string
	Args   []string
	Output string
}

// InTurn returns the commands in the order of a round. Every other round goes backwards, so that no command always
// follows the same one and finds the API server as that left it.
func InTurn(commands []Command, round int) []Command {
	ordered := slices.Clone(commands)
	if round%2 == 1 {
		slices.Reverse(ordered)
	}
	return ordered
}

// Bench runs commands.
type Bench struct {
	Programs string // where the timer is, and what else was built beside it
	Results  string // where the timer writes
}

// NewBench returns a bench of the programs beside this one. Its results are removed by the function. The error says what
// could not be found or made.
func NewBench() (*Bench, func(), error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("finding the programs built beside this one: %w", err)
	}
	results, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, nil, fmt.Errorf("making room for results: %w", err)
	}
	return &Bench{Programs: filepath.Dir(self), Results: results}, func() { os.RemoveAll(results) }, nil
}

// Program returns the path of a program that was built beside this one.
func (b *Bench) Program(name string) string { return filepath.Join(b.Programs, name) }

// Once runs the command with these variables on top of the environment. The error carries what it wrote to standard error.
func (b *Bench) Once(ctx context.Context, env []string, c Command) (Sample, error) {
	result := filepath.Join(b.Results, "result")
	cmd := exec.CommandContext(ctx, b.Program("timed"), append([]string{result}, c.Args...)...)
	cmd.Env = append(os.Environ(), env...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if c.Output != "" {
		output, err := os.Create(c.Output)
		if err != nil {
			return Sample{}, fmt.Errorf("making room for what %s prints: %w", c.Name, err)
		}
		defer output.Close()
		cmd.Stdout = output
	}
	if err := cmd.Run(); err != nil {
		return Sample{}, fmt.Errorf("running %s: %w: %s", c.Name, err, bytes.TrimSpace(complaints.Bytes()))
	}
	var s Sample
	content, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(content, &s)
	}
	if err != nil {
		return Sample{}, fmt.Errorf("reading what %s took: %w", c.Name, err)
	}
	return s, nil
}
