// Package canary is the command `kubectl mesh-canary`.
package canary

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
)

const pluginName = "kubectl-mesh-canary"

// NewCommand returns the command, reading from and writing to the streams.
func NewCommand(streams genericiooptions.IOStreams) *cobra.Command {
	cmd := &cobra.Command{
		Use:           pluginName,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl mesh-canary"},
		Short:         "Take a mesh from one revision of Istio to another",
		Long:          long,
		Example:       example,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	plugin.Group(cmd)
	cmd.AddCommand(newRevisionsCommand(streams), newCheckCommand(streams), newStartCommand(streams), newAdvanceCommand(streams),
		newStatusCommand(streams), newCompleteCommand(streams), newRollbackCommand(streams), newRetireCommand(streams),
		newTagCommand(streams), plugin.NewCompletionCommand(pluginName, streams), plugin.NewVersionCommand(pluginName, streams))
	cmd.SetFlagErrorFunc(plugin.FlagError)
	return cmd
}

// addConnectionFlags adds the flags of the connection, and takes istioctl's spelling of others. -n is refused, so that the help is silent
// about it: the commands here are about a whole mesh.
func addConnectionFlags(cmd *cobra.Command, connection *genericclioptions.ConfigFlags) {
	plugin.AddConnectionFlags(cmd, connection.AddFlags)
	plugin.WithoutNamespace(cmd)
	cmd.Flags().SetNormalizeFunc(plugin.AcceptIstioctlSpelling)
}
