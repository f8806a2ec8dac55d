package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// Names of the commands, as the tables show them.
const (
	asJSON    = "kubectl mesh-proxyver -A -o json"
	asTable   = "kubectl mesh-proxyver -A"
	help      = "kubectl mesh-proxyver --help"
	plain     = "the same pages thrown away, plain"
	gzipped   = "the same pages thrown away, gzip"
	pasteable = "kubectl get pods -A -o jsonpath=... \\| sort \\| grep proxyv2"
)

// command is what is measured. Its output goes to /dev/null, or to a file where it is looked at afterwards.
type command struct {
	name   string
	args   []string
	output string
}

// essential returns the commands that are measured at every size.
func (b *bench) essential() []command {
	floor := filepath.Join(b.programs, "floor")
	return []command{
		{name: asJSON, args: []string{b.plugin, "-A", "-o", "json"}},
		{name: plain, args: []string{floor}},
		{name: gzipped, args: []string{floor, "-gzip"}},
		{name: help, args: []string{b.plugin, "--help"}},
	}
}

// compared returns the commands that are measured at one size only, because they are slow or say nothing about growth.
func (b *bench) compared(lab *cluster.Cluster) []command {
	return []command{
		{name: asTable, args: []string{b.plugin, "-A"}},
		{name: pasteable, args: []string{"sh", "-c", pasted(lab.Tool("kubectl"))}, output: b.pastedOutput()},
	}
}

// pasted is the command that upgrade guides give for listing proxies.
func pasted(kubectl string) string {
	return kubectl + ` get pods -A -o jsonpath='{range .items[*]}{"\n"}{.metadata.namespace}{"\t"}{.metadata.name}{":\t"}` +
		`{range .spec.containers[*]}{.image}{", "}{end}{end}' | sort | grep proxyv2 || true`
}

func (b *bench) pastedOutput() string { return filepath.Join(b.results, "pasted") }

// pastedLines returns how many proxies the pasted command listed when it last ran.
func (b *bench) pastedLines() (int, error) {
	content, err := os.ReadFile(b.pastedOutput())
	if err != nil {
		return 0, fmt.Errorf("reading what the pasted command printed: %w", err)
	}
	return bytes.Count(content, []byte("\n")), nil
}

// inTurn returns the commands in the order of a round. Every other round goes backwards, so that no command always
// follows the same one and finds the API server as that left it.
func inTurn(commands []command, round int) []command {
	ordered := slices.Clone(commands)
	if round%2 == 1 {
		slices.Reverse(ordered)
	}
	return ordered
}

// sample is what one run of a command took.
type sample struct {
	Wall   time.Duration `json:"wall"`
	Memory int64         `json:"memory"` // peak resident size in bytes, of the command or of the largest of its children
}

// once runs the command. The error carries what it wrote to standard error.
func (b *bench) once(ctx context.Context, lab *cluster.Cluster, c command) (sample, error) {
	result := filepath.Join(b.results, "result")
	cmd := exec.CommandContext(ctx, filepath.Join(b.programs, "timed"), append([]string{result}, c.args...)...)
	cmd.Env = append(os.Environ(), lab.Env()...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	if c.output != "" {
		output, err := os.Create(c.output)
		if err != nil {
			return sample{}, fmt.Errorf("making room for what %s prints: %w", c.name, err)
		}
		defer output.Close()
		cmd.Stdout = output
	}
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("running %s: %w: %s", c.name, err, bytes.TrimSpace(complaints.Bytes()))
	}
	var r sample
	content, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(content, &r)
	}
	if err != nil {
		return sample{}, fmt.Errorf("reading what %s took: %w", c.name, err)
	}
	return r, nil
}
