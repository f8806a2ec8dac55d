// Package proxyver is the command `kubectl mesh-proxyver`.
package proxyver

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
)

const pluginName = "kubectl-mesh-proxyver"

// NewCommand returns the command, reading from and writing to the streams.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := NewOptions(streams)
	cmd := &cobra.Command{
		Use:           pluginName + " [TYPE/NAME...] [-n NAMESPACE | -A] [-l SELECTOR] [flags]",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl mesh-proxyver"},
		Short:         "Show which proxies run, and which would run if pods were created now",
		Long:          long,
		Example:       example,
		Args:          plugin.WorkloadArguments,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.exitCodeGiven = cmd.Flags().Changed("exit-code")
			o.filenameGiven = cmd.Flags().Changed("filename")
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
		"Look at pods of all namespaces.")
	flags.StringVarP(&o.LabelSelector, "selector", "l", o.LabelSelector,
		"Look only at pods whose labels match this `selector`, such as -l app=cart.")
	flags.StringVar(&o.FieldSelector, "field-selector", o.FieldSelector,
		"Look only at pods whose fields match this `selector`, such as --field-selector spec.nodeName=node-1.")
	flags.StringVar(&o.By, "by", o.By,
		"Group the table by `group`: "+plugin.OrList(groupings())+".")
	flags.StringVarP(&o.Output, "output", "o", o.Output,
		"Output `format`: "+plugin.OrList(o.formats())+". JSON and YAML have an item per pod, whatever --by says.")
	flags.BoolVar(&o.NoHeaders, "no-headers", o.NoHeaders,
		"Print the table without its headers.")
	flags.StringVar(&o.SortBy, "sort-by", o.SortBy,
		"Sort by the value of this JSONPath `expression` in the items of the JSON report, such as .proxy.version; a row that stands for several pods comes where its first one does. With --watch for tables only.")
	flags.BoolVar(&o.All, "all", o.All,
		"Show also pods that have no proxy and should have none, and pods that are Completed or Failed.")
	flags.StringVar(&o.ExitCode, "exit-code", o.ExitCode,
		"Exit with 2 when a pod is not current, or with =`STATUS,...` when one has such a status: "+
			plugin.OrList(statusNames())+". The \"=\" is needed.")
	flags.Lookup("exit-code").NoOptDefVal = anyFinding
	flags.StringVarP(&o.IstioNamespace, "istio-namespace", "i", o.IstioNamespace,
		"Look only at the mesh whose Istio is in this `namespace`. Unset, every mesh of the cluster is found from its webhooks.")
	flags.StringVarP(&o.Filename, "filename", "f", o.Filename,
		"Look at a dump of a cluster in this `file`, - for standard input, and not at the cluster: what kubectl get -o json or yaml wrote, also compressed with gzip. All of its namespaces are looked at unless -n names one.")
	flags.BoolVarP(&o.Watch, "watch", "w", o.Watch,
		"Keep the answer up to date until Ctrl-C: on a terminal the table is replaced, on a pipe every change is a line, with -o json an object a line.")
	flags.BoolVar(&o.Verify, "verify", o.Verify,
		"Ask the real injector as well, by a dry run of each workload, and say where it disagrees. Needs the right to create pods; nothing is created.")
	flags.Int64Var(&o.Chunk, "chunk-size", o.Chunk,
		"Fetch lists in pages of this `size`; 0 fetches each at once.")
	flags.SetNormalizeFunc(plugin.AcceptIstioctlSpelling)
}
