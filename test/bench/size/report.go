package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

// mostShown is how many parts of a sum are shown.
const mostShown = 8

// report is everything that was measured.
type report struct {
	rounds   int
	sizes    []sizes
	commands []string                // in the order of the table
	runs     map[string]measure.Runs // by the command's name
	// code is by module, sections by name, in bytes; inits by package, in milliseconds.
	code, sections, inits map[string]float64
}

// sizes are those of one plugin, in bytes.
type sizes struct {
	plugin               string
	binary, cgo, archive int64
}

// write prints the report as Markdown. The error is w's.
func (r *report) write(w io.Writer) error {
	_, err := fmt.Fprintln(w, strings.Join([]string{r.bytes(), r.anatomy(), r.starting(), r.initialising()}, "\n\n"))
	return err
}

func (r *report) bytes() string {
	var rows [][]string
	for _, s := range r.sizes {
		rows = append(rows, []string{"`kubectl-mesh_" + s.plugin + "`", megabytes(s.binary), megabytes(s.archive), megabytes(s.cgo)})
	}
	return "Sizes:\n\n" + measure.Table([]string{"plugin", "binary", "archive", "binary with cgo"}, rows)
}

// anatomy shows what a binary is made up of.
func (r *report) anatomy() string {
	whole := map[string]float64{
		"code": r.sections[".text"], "the table of functions, for stack traces and the garbage collector": r.sections[".gopclntab"],
		"constants and types": r.sections[".rodata"],
	}
	return "What `kubectl-mesh_" + dissected + "` is made up of:\n\n" + shares("part", whole, total(r.sections), mostShown) +
		"\n\nIts code, by module:\n\n" + shares("module", r.code, total(r.code), mostShown)
}

func shares(head string, sizes map[string]float64, of float64, most int) string {
	var rows [][]string
	for _, p := range largest(sizes)[:min(most, len(sizes))] {
		rows = append(rows, []string{p.name, megabytes(int64(p.size)), measure.Percent(p.size / of)})
	}
	return measure.Table([]string{head, "size", "share"}, rows)
}

// starting compares by the time that processors work for a command: it is what other work of the machine disturbs least.
func (r *report) starting() string {
	var rows [][]string
	least := r.runs[reference].CPU()
	for _, name := range r.commands {
		runs := r.runs[name]
		rows = append(rows, []string{
			measure.Code(name), measure.Milliseconds(runs.Wall()), measure.Milliseconds(runs.CPU()), measure.Number(measure.Ratio(runs.CPU(), least)), measure.Mebibytes(runs.Memory()),
		})
	}
	return fmt.Sprintf("Starting, medians of %d runs of each command, in turn:\n\n%s", r.rounds,
		measure.Table([]string{"command", "time", "processor time", "ratio", "peak memory"}, rows))
}

// initialising shows what happens before main.
func (r *report) initialising() string {
	var rows [][]string
	for _, p := range largest(r.inits)[:min(mostShown, len(r.inits))] {
		rows = append(rows, []string{"`" + p.name + "`", milliseconds(p.size)})
	}
	rows = append(rows, []string{fmt.Sprintf("all %d packages", len(r.inits)), milliseconds(total(r.inits))})
	return fmt.Sprintf("Initialising packages, in `kubectl-mesh_%s`, the least of %d runs:\n\n%s", dissected, r.rounds, measure.Table([]string{"package", "time"}, rows))
}

func total(sizes map[string]float64) float64 {
	sum := 0.0
	for _, size := range sizes {
		sum += size
	}
	return sum
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func milliseconds(n float64) string {
	return fmt.Sprintf("%.2f ms", n)
}
