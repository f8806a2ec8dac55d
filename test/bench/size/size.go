package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

// size is one run of this program.
type size struct {
	*measure.Bench
	root, kubectl string
	rounds        int
}

// dissected is the plugin of which it is shown what dominates it; the others share nearly all of it.
const dissected = "canary"

// reference is what starting is compared with.
const reference = "kubectl version --client"

// measure fills the report.
func (s *size) measure(ctx context.Context) (*report, error) {
	r := &report{rounds: s.rounds, runs: map[string]measure.Runs{}}
	binaries, archives, err := s.released(ctx, s.Results)
	if err != nil {
		return nil, err
	}
	for _, plugin := range plugins {
		withCgo := filepath.Join(s.Results, "cgo")
		if err := s.build(ctx, plugin, withCgo, true, false); err != nil {
			return nil, err
		}
		row := sizes{plugin: plugin}
		for file, size := range map[string]*int64{binaries[plugin]: &row.binary, withCgo: &row.cgo, archives[plugin]: &row.archive} {
			about, err := os.Stat(file)
			if err != nil {
				return nil, fmt.Errorf("measuring what was built: %w", err)
			}
			*size = about.Size()
		}
		r.sizes = append(r.sizes, row)
	}
	if err := s.dissect(ctx, binaries[dissected], r); err != nil {
		return nil, err
	}
	return r, s.start(ctx, binaries, r)
}

// dissect finds what takes the space and the time of a plugin.
func (s *size) dissect(ctx context.Context, binary string, r *report) error {
	withSymbols := filepath.Join(s.Results, "symbols")
	if err := s.build(ctx, dissected, withSymbols, false, true); err != nil {
		return err
	}
	var err error
	if r.code, err = codeByModule(ctx, withSymbols); err != nil {
		return err
	}
	if r.sections, err = sections(binary); err != nil {
		return err
	}
	r.inits, err = initTimes(ctx, binary, s.rounds)
	return err
}

// start runs the commands in turn, once without counting.
func (s *size) start(ctx context.Context, binaries map[string]string, r *report) error {
	commands := []measure.Command{{Name: reference, Args: []string{s.kubectl, "version", "--client"}}}
	for _, plugin := range plugins {
		for _, arg := range []string{"version", "--help"} {
			commands = append(commands, measure.Command{Name: "kubectl mesh-" + plugin + " " + arg, Args: []string{binaries[plugin], arg}})
		}
	}
	for _, c := range commands {
		r.commands = append(r.commands, c.Name)
	}
	for round := range s.rounds + 1 {
		for _, c := range measure.InTurn(commands, round) {
			sample, err := s.Once(ctx, nil, c)
			if err != nil {
				return err
			}
			if round > 0 {
				r.runs[c.Name] = append(r.runs[c.Name], sample)
			}
		}
	}
	return nil
}
