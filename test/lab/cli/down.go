package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/supervisor"
)

func newDown(l *lab) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the lab",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := l.client().Stop(cmd.Context())
			if errors.Is(err, supervisor.ErrNoLab) {
				fmt.Fprintf(cmd.ErrOrStderr(), "no lab runs in %s\n", l.dir)
				return nil
			}
			return err
		},
	}
}
