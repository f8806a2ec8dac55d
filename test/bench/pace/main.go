// Command pace measures how fast mesh-reinject restarts really injected pods in a lab, against the least that it can take
// and against the loop that people type today, and prints the tables of docs/performance.md. Before every run a tag is
// moved, so that every pod is stale.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

func main() {
	o := options{}
	flag.IntVar(&o.namespaces, "namespaces", 10, "namespaces of 10 Deployments with 10 pods each")
	flag.IntVar(&o.rounds, "rounds", 1, "counted runs of what is compared with the floor")
	flag.IntVar(&o.slowRounds, "slow-rounds", 1, "counted runs of what restarts a few Deployments at a time")
	flag.StringVar(&o.plugin, "plugin", "bin/kubectl-mesh_reinject", "the plugin's `file`, built without the race detector")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type options struct {
	namespaces, rounds, slowRounds int
	plugin                         string
}

func run(ctx context.Context, o options) error {
	if o.namespaces < 1 || o.rounds < 1 || o.slowRounds < 1 || o.slowRounds > o.rounds {
		return errors.New("-namespaces, -rounds and -slow-rounds: use 1 or more, and no more slow rounds than others")
	}
	var err error
	if o.plugin, err = filepath.Abs(o.plugin); err != nil {
		return fmt.Errorf("finding the plugin: %w", err)
	}
	shared, remove, err := measure.NewBench()
	if err != nil {
		return err
	}
	defer remove()
	r, err := (&pace{options: o, Bench: shared}).measure(ctx)
	if err != nil {
		return err
	}
	return r.write(os.Stdout)
}
