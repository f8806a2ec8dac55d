// Command size measures how large the plugins are and how long they take to start, what dominates both, and prints the tables of
// docs/performance.md. It builds what it measures, as a release does, and needs no lab but the lab's kubectl.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

func main() {
	rounds := flag.Int("rounds", 21, "counted runs of each command")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int) error {
	if rounds < 1 {
		return errors.New("-rounds: use 1 or more")
	}
	root, err := tools.Root()
	if err != nil {
		return err
	}
	built, err := tools.Locate()
	if err != nil {
		return err
	}
	shared, remove, err := measure.NewBench()
	if err != nil {
		return err
	}
	defer remove()
	s := &size{Bench: shared, root: root, kubectl: built.Path("kubectl"), rounds: rounds}
	r, err := s.measure(ctx)
	if err != nil {
		return err
	}
	return r.write(os.Stdout)
}
