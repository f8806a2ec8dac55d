package plugin

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Set by the linker: see the Makefile.
var (
	version = "dev"
	commit  = "unknown"
)

// NewVersionCommand returns the subcommand that prints the plugin's version and the commit it was built from.
func NewVersionCommand(name string, streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use:               "version",
		Short:             "Print the version and the commit it was built from",
		Args:              NoArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(streams.Out, "%s %s (commit %s, %s)\n", name, version, commit, runtime.Version())
			return err
		},
	}
}
