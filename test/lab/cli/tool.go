package cli

import (
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"
)

// newTool makes the command that becomes one of the lab's programs: arguments, streams, signals and the exit status
// are all the program's own.
func newTool(l *lab, name string) *cobra.Command {
	return &cobra.Command{
		Use:                name + " ...",
		Short:              "Run " + name + " against the lab",
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			env, t, err := l.env()
			if err != nil {
				return err
			}
			path := t.Path(name)
			if err := syscall.Exec(path, append([]string{name}, args...), append(os.Environ(), env...)); err != nil {
				return fmt.Errorf("running %s: %w", path, err)
			}
			return nil
		},
	}
}
