// Package canary is the command `kubectl mesh-canary`.
package canary

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
		SilenceUsage:  true,
		SilenceErrors: true,
		// Cobra's suggestions take several lines.
		DisableSuggestions: true,
	}
	groups(cmd)
	cmd.AddCommand(newRevisionsCommand(streams), newCheckCommand(streams), newStartCommand(streams), newAdvanceCommand(streams),
		newStatusCommand(streams), newCompleteCommand(streams), newRollbackCommand(streams), newRetireCommand(streams),
		newTagCommand(streams), plugin.NewVersionCommand(pluginName, streams))
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())
	})
	return cmd
}

// groups has the help of a command that only holds others look like that of the others.
func groups(cmd *cobra.Command) { plugin.AddConnectionFlags(cmd, func(*pflag.FlagSet) {}) }

// noArguments is cobra.NoArgs, which takes an argument for a mistyped command.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("`%s` takes no arguments, and got %q", cmd.CommandPath(), args[0])
	}
	return nil
}

// noCommand is the error of an argument that is none of the commands that a command holds; without any it shows the help. Cobra itself
// finds that for the outermost command alone.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
}
