package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// Names of the commands, as the tables show them.
const (
	asJSON    = "kubectl mesh-proxyver -A -o json"
	asTable   = "kubectl mesh-proxyver -A"
	help      = "kubectl mesh-proxyver --help"
	status    = "kubectl mesh-canary status"
	plain     = "the same pages thrown away, plain"
	gzipped   = "the same pages thrown away, gzip"
	pasteable = "kubectl get pods -A -o jsonpath=... \\| sort \\| grep proxyv2"
)

// essential returns the commands that are measured at every size.
func (b *bench) essential() []measure.Command {
	floor := b.Program("floor")
	return []measure.Command{
		b.report(),
		b.status(),
		{Name: plain, Args: []string{floor}},
		{Name: gzipped, Args: []string{floor, "-gzip"}},
		{Name: help, Args: []string{b.plugin, "--help"}},
	}
}

// report is the command that lists all proxies, and status the one that says how far an upgrade is.
func (b *bench) report() measure.Command {
	return measure.Command{Name: asJSON, Args: []string{b.plugin, "-A", "-o", "json"}}
}

func (b *bench) status() measure.Command {
	return measure.Command{Name: status, Args: []string{b.canary, "status"}}
}

// compared returns the commands that are measured at one size only, because they are slow or say nothing about growth.
func (b *bench) compared(lab *cluster.Cluster) []measure.Command {
	return []measure.Command{
		{Name: asTable, Args: []string{b.plugin, "-A"}},
		{Name: pasteable, Args: []string{"sh", "-c", pasted(lab.Tool("kubectl"))}, Output: b.pastedOutput()},
	}
}

// pasted is the command that upgrade guides give for listing proxies.
func pasted(kubectl string) string {
	return kubectl + ` get pods -A -o jsonpath='{range .items[*]}{"\n"}{.metadata.namespace}{"\t"}{.metadata.name}{":\t"}` +
		`{range .spec.containers[*]}{.image}{", "}{end}{end}' | sort | grep proxyv2 || true`
}

func (b *bench) pastedOutput() string { return filepath.Join(b.Results, "pasted") }

// pastedLines returns how many proxies the pasted command listed when it last ran.
func (b *bench) pastedLines() (int, error) {
	content, err := os.ReadFile(b.pastedOutput())
	if err != nil {
		return 0, fmt.Errorf("reading what the pasted command printed: %w", err)
	}
	return bytes.Count(content, []byte("\n")), nil
}
