// Package cli is the commands of the program lab.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/supervisor"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

// dirVar names the environment variable that says where the lab's state lives.
const dirVar = "LAB_DIR"

// errSilent ends the program with status 1 when what is wrong has been printed already.
var errSilent = errors.New("already printed")

// Main runs the command line and returns the exit status. The first interrupt asks the command to end, a second one
// does not ask.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	return 1
}

// lab is what every command shares: which lab is meant.
type lab struct{ dir string }

func newRoot() *cobra.Command {
	l := &lab{}
	root := &cobra.Command{
		Use:           "lab",
		Short:         "A real Kubernetes with real Istio on this machine, without containers",
		Long:          about,
		SilenceUsage:  true,
		SilenceErrors: true,
		// --dir stands before the command, whose own arguments may all belong to kubectl.
		TraverseChildren: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			return l.complete()
		},
	}
	root.PersistentFlags().StringVar(&l.dir, "dir", "", "directory of the lab's state (default $"+dirVar+", else .lab in the project)")
	root.AddCommand(newUp(l), newDown(l), newStatus(l), newEnv(l), newIstio(l), newOutage(l), newRestore(l),
		newLoad(l), newServe(l), newTool(l, "kubectl"), newTool(l, "istioctl"), newBuild())
	return root
}

func (l *lab) complete() error {
	if l.dir == "" {
		l.dir = os.Getenv(dirVar)
	}
	if l.dir == "" {
		dir, err := defaultDir()
		if err != nil {
			return err
		}
		l.dir = dir
	}
	dir, err := filepath.Abs(l.dir)
	if err != nil {
		return fmt.Errorf("finding the lab's directory: %w", err)
	}
	l.dir = dir
	return nil
}

func defaultDir() (string, error) {
	root, err := tools.Root()
	return filepath.Join(root, ".lab"), err
}

// command returns how this lab is commanded from the project.
func (l *lab) command() string {
	if dir, err := defaultDir(); err == nil && dir == l.dir {
		return program()
	}
	return program() + " --dir " + quote(l.dir)
}

// program returns what to type for this program: its name where PATH leads to it, else where make puts it.
func program() string {
	if _, err := exec.LookPath("lab"); err == nil {
		return "lab"
	}
	return filepath.Join("bin", "lab")
}

func (l *lab) client() *supervisor.Client { return supervisor.NewClient(l.dir) }
