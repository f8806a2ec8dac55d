package main

import (
	"fmt"
	"path/filepath"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

// Names of the commands, as the tables show them.
const (
	floor       = "100 patches at once, and one watch to the end"
	unthrottled = "kubectl mesh-reinject -A -y --max-parallel 100"
	tenSlots    = "kubectl mesh-reinject -A -y --max-parallel 10"
	loop        = "`kubectl rollout restart` and `rollout status`, namespace by namespace"
	help        = "kubectl mesh-reinject --help"
)

const slots = 10

func (p *pace) help() measure.Command {
	return measure.Command{Name: help, Args: []string{p.plugin, "--help"}}
}

func (p *pace) floor() measure.Command {
	return measure.Command{Name: floor, Args: []string{p.Program("pacefloor")}}
}

func (p *pace) unthrottled() measure.Command {
	return measure.Command{Name: unthrottled, Args: []string{p.plugin, "-A", "-y", "--max-parallel", "100"}}
}

// tenSlots prints its own report, which says how long each workload took.
func (p *pace) tenSlots() measure.Command {
	return measure.Command{
		Name: tenSlots, Args: []string{p.plugin, "-A", "-y", "--max-parallel", fmt.Sprint(slots), "-o", "json"},
		Output: filepath.Join(p.Results, "report.json"),
	}
}

// loop is what guides have people type.
func (p *pace) loop() measure.Command {
	script := fmt.Sprintf(`set -e
for n in $(seq %d); do
  %[2]s rollout restart deployment -n %[3]s-$n
  %[2]s rollout status deployment -n %[3]s-$n
done`, p.namespaces, p.lab.Tool("kubectl"), prefix)
	return measure.Command{Name: loop, Args: []string{"sh", "-c", script}}
}
