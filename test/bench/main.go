// Command bench measures mesh-proxyver on really injected pods in a lab, against the least that listing them can cost and
// against what people paste today, and the status of an upgrade against both, and prints the tables of docs/performance.md. The commands run in turn, so that a
// drift of the machine's speed meets all of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/test/bench/measure"
)

func main() {
	o := options{}
	flag.IntVar(&o.pods, "pods", 10_000, "pods on which all commands are compared, a multiple of 1000; 0 compares none")
	flag.Var(&o.sizes, "sizes", "further `numbers` of pods, each a multiple of 1000, that show how cost grows")
	flag.IntVar(&o.rounds, "rounds", 5, "counted runs of each command")
	flag.StringVar(&o.plugin, "plugin", "bin/kubectl-mesh_proxyver", "the plugin's `file`, built without the race detector")
	flag.StringVar(&o.canary, "canary", "bin/kubectl-mesh_canary", "the `file` of mesh-canary, built like it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type options struct {
	pods, rounds int
	sizes        sizes
	// plugin and canary are files.
	plugin, canary string
}

// check returns what is wrong with the options.
func (o options) check() error {
	switch {
	case o.pods < 0 || o.pods%thousand != 0:
		return fmt.Errorf("-pods %d is no multiple of %d", o.pods, thousand)
	case o.rounds < 1:
		return fmt.Errorf("-rounds %d counts none", o.rounds)
	case len(o.all()) == 0:
		return errors.New("neither -pods nor -sizes says on how many pods to measure")
	}
	return nil
}

// all returns every size to measure, ascending.
func (o options) all() []int {
	all := slices.Clone(o.sizes)
	if o.pods > 0 {
		all = append(all, o.pods)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sizes is a flag that holds numbers of pods.
type sizes []int

// String returns the numbers as they are given.
func (s *sizes) String() string { return strings.Trim(fmt.Sprint(*s), "[]") }

// Set takes numbers separated by commas. The error says which is none.
func (s *sizes) Set(text string) error {
	*s = nil
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n <= 0 || n%thousand != 0 {
			return fmt.Errorf("%q is no multiple of %d", word, thousand)
		}
		*s = append(*s, n)
	}
	return nil
}

func run(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	var err error
	for _, plugin := range []*string{&o.plugin, &o.canary} {
		if *plugin, err = filepath.Abs(*plugin); err != nil {
			return fmt.Errorf("finding the plugin: %w", err)
		}
	}
	shared, remove, err := measure.NewBench()
	if err != nil {
		return err
	}
	defer remove()
	b := &bench{options: o, Bench: shared}
	r, err := b.measure(ctx)
	if err != nil {
		return err
	}
	return r.write(os.Stdout)
}
