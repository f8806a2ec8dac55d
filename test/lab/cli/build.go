package cli

import (
	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Build the lab's programs without starting a lab",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := tools.Ensure(cmd.Context(), cmd.ErrOrStderr())
			return err
		},
	}
}
