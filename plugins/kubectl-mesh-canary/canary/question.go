package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

const (
	asTable, asWideTable, asNames = "", "wide", "name"
	pageSize                      = 500
)

// question is what the commands have in common that ask about the mesh and change nothing.
type question struct {
	genericiooptions.IOStreams
	ConfigFlags *genericclioptions.ConfigFlags

	IstioNamespace string
	Output         string
	NoHeaders      bool
	SortBy         string
	Chunk          int64
	// Timeout is 0 for none.
	Timeout time.Duration

	formats *plugin.Formats
	key     *printing.SortKey
}

func newQuestion(streams genericiooptions.IOStreams) question {
	return question{IOStreams: streams, ConfigFlags: plugin.NewConfigFlags(), Chunk: pageSize, formats: plugin.NewFormats()}
}

func (q *question) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&q.Output, "output", "o", q.Output, "Output `format`: "+plugin.OrList(q.formats.Names(asWideTable, asNames))+".")
	flags.BoolVar(&q.NoHeaders, "no-headers", q.NoHeaders, "Print tables without their headers.")
	flags.StringVar(&q.SortBy, "sort-by", q.SortBy, "Sort the items by this `JSONPath`, such as --sort-by .version.")
	flags.StringVarP(&q.IstioNamespace, "istio-namespace", "i", q.IstioNamespace,
		"Look only at the mesh whose Istio is in this `namespace`. Unset, every mesh of the cluster is found from its webhooks.")
	flags.Int64Var(&q.Chunk, "chunk-size", q.Chunk, "Fetch lists in pages of this `size`; 0 fetches each at once.")
	flags.DurationVar(&q.Timeout, "timeout", q.Timeout, "End after this `duration` with exit code 124; 0 is no limit.")
	addConnectionFlags(cmd, q.ConfigFlags)
	complete(cmd, q.ConfigFlags, q.formats.Names(asWideTable, asNames))
}

// complete reads what the items are sorted by; example is an item with every field.
func (q *question) complete(example any) error {
	if q.SortBy == "" {
		return nil
	}
	var err error
	if q.key, err = printing.NewSortKey(q.SortBy, example); err != nil {
		return fmt.Errorf("--sort-by %q: %w", q.SortBy, err)
	}
	return nil
}

// validate finds what contradicts itself or cannot be read.
func (q *question) validate() error {
	switch {
	case q.ConfigFlags.Namespace != nil && *q.ConfigFlags.Namespace != "":
		return errors.New("a revision is of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i")
	case q.Chunk < 0:
		return fmt.Errorf("--chunk-size %d: use 0 or more", q.Chunk)
	case q.Timeout < 0:
		return fmt.Errorf("--timeout %s: use 0 or more", q.Timeout)
	case slices.Contains([]string{asTable, asWideTable, asNames}, q.Output):
		return nil
	}
	_, err := q.formats.Printer(q.Output, q.NoHeaders, asWideTable, asNames)
	return err
}

// ask runs a command with clients, within the time that it has.
func (q *question) ask(ctx context.Context, do func(context.Context, *cluster.Clients) error) error {
	if q.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, q.Timeout)
		defer cancel()
	}
	config, err := plugin.RESTConfig(q.ConfigFlags, pluginName)
	if err != nil {
		return err
	}
	clients, err := cluster.Connect(config)
	if err != nil {
		return err
	}
	err = do(ctx, clients)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &exit.Error{Code: exit.TimedOut, Err: fmt.Errorf("the %s allowed by --timeout are over: %w", q.Timeout, err)}
	}
	return err
}

// print prints an object in one of kubectl's formats.
func (q *question) print(object runtime.Object) error {
	printer, err := q.formats.Printer(q.Output, q.NoHeaders, asWideTable, asNames)
	if err != nil {
		return err
	}
	return writing(printer.PrintObj(object, q.Out))
}

// writing says of an error that it is one of writing.
func writing(err error) error {
	if err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// sorts sorts items by what --sort-by asks for, if anything.
func sorts[T any](q *question, items []T) error {
	if q.key == nil {
		return nil
	}
	values := make([]printing.Value, len(items))
	order := make([]int, len(items))
	for i := range items {
		order[i] = i
		var err error
		if values[i], err = q.key.Of(&items[i]); err != nil {
			return fmt.Errorf("--sort-by %q: %w", q.SortBy, err)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return printing.Compare(values[a], values[b]) })
	unsorted := slices.Clone(items)
	for i, from := range order {
		items[i] = unsorted[from]
	}
	return nil
}
