package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

func newStatus(l *lab) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the lab's components; exits 1 when one is down",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := l.client().Status(cmd.Context())
			if err != nil {
				return err
			}
			allUp := printStatus(cmd.OutOrStdout(), status.Components, time.Now())
			if !status.Ready {
				return fmt.Errorf("the lab in %s is still starting", l.dir)
			}
			if !allUp {
				return errSilent
			}
			return nil
		},
	}
}

// printStatus prints a line for each component and, below, why those that are down ended. It tells whether all are up.
func printStatus(w io.Writer, components []process.State, now time.Time) bool {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tSTATE\tPID\tPORT\tREVISION\tUP")
	allUp := true
	for _, c := range components {
		state, pid, up := "up", fmt.Sprint(c.Pid), now.Sub(c.Since).Round(time.Second).String()
		if c.Problem != "" {
			state, pid, up, allUp = "down", "-", "-", false
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", c.Name, state, pid, dash(c.Port), dash(c.Revision), up)
	}
	table.Flush()
	for _, c := range components {
		if c.Problem != "" && c.Problem != "stopped" {
			fmt.Fprintf(w, "\n%s\n", c.Problem)
		}
	}
	return allUp
}

func dash[T comparable](v T) string {
	var none T
	if v == none {
		return "-"
	}
	return fmt.Sprint(v)
}
