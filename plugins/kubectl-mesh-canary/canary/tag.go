package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
)

const (
	outputWide, outputName                 = "wide", "name"
	dryRunNone, dryRunClient, dryRunServer = "none", "client", "server"
	defaultChunk                           = 500
)

func newTagCommand(streams genericiooptions.IOStreams) *cobra.Command {
	cmd := &cobra.Command{Use: "tag", Short: "Show and change revision tags", Long: tagLong, Example: tagExample}
	plugin.Group(cmd)
	cmd.AddCommand(newTagListCommand(streams), newTagSetCommand(streams), newTagRemoveCommand(streams), newTagGenerateCommand(streams))
	return cmd
}

// tagOptions are what the commands about tags have in common.
type tagOptions struct {
	genericiooptions.IOStreams
	ConfigFlags *genericclioptions.ConfigFlags

	IstioNamespace string
	Output         string
	NoHeaders      bool
	Chunk          int64
	// Timeout is 0 for none.
	Timeout time.Duration

	formats *plugin.Formats
}

func newTagOptions(streams genericiooptions.IOStreams) tagOptions {
	return tagOptions{IOStreams: streams, ConfigFlags: plugin.NewConfigFlags(), Chunk: defaultChunk, formats: plugin.NewFormats()}
}

func (o *tagOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.Output, "output", "o", o.Output, "Output `format`: "+plugin.OrList(o.formats.Names(outputWide, outputName))+".")
	flags.BoolVar(&o.NoHeaders, "no-headers", o.NoHeaders, "Print the table without its headers.")
	flags.Int64Var(&o.Chunk, "chunk-size", o.Chunk, "Fetch lists in pages of this `size`; 0 fetches each at once.")
	o.addCommonFlags(flags)
	addConnectionFlags(cmd, o.ConfigFlags)
	complete(cmd, o.ConfigFlags, o.formats.Names(outputWide, outputName))
}

func (o *tagOptions) addCommonFlags(flags *pflag.FlagSet) {
	flags.StringVarP(&o.IstioNamespace, "istio-namespace", "i", o.IstioNamespace,
		"Look only at the mesh whose Istio is in this `namespace`. Unset, every mesh of the cluster is found from its webhooks.")
	flags.DurationVar(&o.Timeout, "timeout", o.Timeout, "End after this `duration` with exit code 124; 0 is no limit.")
}

// validate finds what contradicts itself or cannot be read.
func (o *tagOptions) validate() error {
	switch {
	case o.ConfigFlags.Namespace != nil && *o.ConfigFlags.Namespace != "":
		return errors.New("tags are of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i")
	case o.Chunk < 0:
		return fmt.Errorf("--chunk-size %d: use 0 or more", o.Chunk)
	case o.Timeout < 0:
		return fmt.Errorf("--timeout %s: use 0 or more", o.Timeout)
	case slices.Contains([]string{"", outputWide, outputName}, o.Output):
		return nil
	}
	_, err := o.formats.Printer(o.Output, o.NoHeaders, outputWide, outputName)
	return err
}

// object prints an object in one of kubectl's formats.
func (o *tagOptions) object(object runtime.Object) error {
	printer, err := o.formats.Printer(o.Output, o.NoHeaders, outputWide, outputName)
	if err != nil {
		return err
	}
	if err := printer.PrintObj(object, o.Out); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// within runs a command with clients, within the time that it has.
func (o *tagOptions) within(ctx context.Context, do func(context.Context, *cluster.Clients) error) error {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	config, err := plugin.RESTConfig(o.ConfigFlags, pluginName)
	if err != nil {
		return err
	}
	clients, err := cluster.Connect(config)
	if err != nil {
		return err
	}
	err = do(ctx, clients)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &exit.Error{Code: exit.TimedOut, Err: fmt.Errorf("the %s allowed by --timeout are over: %w", o.Timeout, err)}
	}
	return err
}

// runs is what a command does with its arguments.
func runs(complete func([]string) error, validate func() error, run func(context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := complete(args); err != nil {
			return err
		}
		if err := validate(); err != nil {
			return err
		}
		return run(cmd.Context())
	}
}
