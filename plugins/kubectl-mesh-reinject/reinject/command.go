// Package reinject is the command `kubectl mesh-reinject`.
package reinject

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
)

const pluginName = "kubectl-mesh-reinject"

// NewCommand returns the command, reading from and writing to the streams.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := NewOptions(streams)
	cmd := &cobra.Command{
		Use:           pluginName + " [TYPE/NAME...] [-n NAMESPACE | -A] [-l SELECTOR] [flags]",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl mesh-reinject"},
		Short:         "Restart the workloads whose proxies are stale, in waves, and prove that it worked",
		Long:          long,
		Example:       example,
		Args:          plugin.WorkloadArguments,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(args); err != nil {
				return err
			}
			if err := o.Validate(); err != nil {
				return err
			}
			return o.Run(cmd.Context())
		},
	}
	o.AddFlags(cmd.Flags())
	plugin.AddConnectionFlags(cmd, o.ConfigFlags.AddFlags)
	o.complete(cmd)
	cmd.SetFlagErrorFunc(plugin.FlagError)
	cmd.AddCommand(plugin.NewCompletionCommand(pluginName, streams), plugin.NewVersionCommand(pluginName, streams))
	return cmd
}

// AddFlags adds the command's own flags to the set.
func (o *Options) AddFlags(flags *pflag.FlagSet) {
	flags.BoolVarP(&o.AllNamespaces, "all-namespaces", "A", o.AllNamespaces,
		"Look at workloads of all namespaces.")
	flags.StringVarP(&o.LabelSelector, "selector", "l", o.LabelSelector,
		"Look only at workloads whose labels match this `selector`, such as -l app=cart.")
	flags.StringVar(&o.FieldSelector, "field-selector", o.FieldSelector,
		"Look only at workloads with a pod whose fields match this `selector`, such as --field-selector spec.nodeName=node-1.")
	flags.BoolVar(&o.All, "all", o.All,
		"Restart also the workloads that are current.")
	flags.StringSliceVar(&o.Include, "include", o.Include,
		"Restart also the workloads that have a pod of one of these statuses, `STATUS,...`: missing, unexpected.")
	o.Pacing.Add(flags)
	flags.StringVar(&o.DryRun, "dry-run", o.DryRun,
		"`none|client|server`: client prints the plan and does nothing; server also asks the injector about each workload, and sends every patch and eviction as a dry run.")
	flags.Lookup("dry-run").NoOptDefVal = dryRunClient
	flags.BoolVar(&o.Wait, "wait", o.Wait,
		"Wait for the pods and prove that they run what was expected; without it the workloads are only told to restart.")
	flags.DurationVar(&o.Timeout, "timeout", o.Timeout,
		"End after this `duration`, whatever is under way, with exit code 124; 0 is no limit.")
	flags.BoolVar(&o.ExitCode, "exit-code", o.ExitCode,
		"Exit with 2 when workloads are left stale that were skipped or, with --dry-run, when there is anything to do.")
	flags.BoolVarP(&o.Yes, "yes", "y", o.Yes,
		"Do not ask before workloads of more than one namespace are restarted.")
	flags.StringVarP(&o.Output, "output", "o", o.Output,
		"Output `format`: "+plugin.OrList(o.reports.Names(outputWide, outputName))+".")
	flags.BoolVar(&o.NoHeaders, "no-headers", o.NoHeaders,
		"Print the table without its headers.")
	flags.StringVarP(&o.IstioNamespace, "istio-namespace", "i", o.IstioNamespace,
		"Look only at the mesh whose Istio is in this `namespace`. Unset, every mesh of the cluster is found from its webhooks.")
	flags.Int64Var(&o.Chunk, "chunk-size", o.Chunk,
		"Fetch lists in pages of this `size`; 0 fetches each at once.")
	flags.SetNormalizeFunc(plugin.AcceptIstioctlSpelling)
}
