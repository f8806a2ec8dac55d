package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/supervisor"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

func newEnv(l *lab) *cobra.Command {
	return &cobra.Command{
		Use:     "env",
		Short:   "Print the shell lines with which this shell uses the lab",
		Example: `  eval "$(lab env)"`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, _, err := l.env()
			if err != nil {
				// The shell evaluates whatever is printed. Nothing would leave it with the cluster that it used before.
				fmt.Fprintln(cmd.OutOrStdout(), "export KUBECONFIG=/dev/null; false")
				return err
			}
			for _, assignment := range env {
				name, value, _ := strings.Cut(assignment, "=")
				fmt.Fprintf(cmd.OutOrStdout(), "export %s=%s\n", name, quote(value))
			}
			return nil
		},
	}
}

// env returns the variables with which a program finds the lab, which must have been started.
func (l *lab) env() ([]string, *tools.Tools, error) {
	t, err := tools.Locate()
	if err != nil {
		return nil, nil, err
	}
	plan := controlplane.Plan{Dir: l.dir}
	if _, err := os.Stat(plan.Kubeconfig()); err != nil {
		return nil, nil, fmt.Errorf("%w: %s (start one with: lab up)", supervisor.ErrNoLab, l.dir)
	}
	return cluster.Env(l.dir, t), t, nil
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
