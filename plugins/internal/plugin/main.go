// Package plugin is what the plugins' main functions share: signals, exit codes, the version, and help in kubectl's
// manner.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	_ "github.com/kubectl-mesh/kubectl-mesh/plugins/internal/english" // starts faster
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// Main runs a plugin's command with the process's arguments and streams, and returns the exit code. The first Ctrl-C
// cancels the command's context; the second ends the process at once, unless the command has called Abort.
func Main(command func(genericiooptions.IOStreams) *cobra.Command) int {
	// client-go's own messages are for its developers.
	klog.SetLogger(logr.Discard())
	// Warnings from the API server (deprecations) would mix with what the plugin says.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	streams := genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr}
	ctx, stop := interruptible(context.Background())
	defer stop()

	ran, err := command(streams).ExecuteContextC(ctx)
	if message := describe(ctx, ran, err); message != "" {
		fmt.Fprintf(streams.ErrOut, "error: %s\n", message)
	}
	return exit.Code(ctx, err)
}

// describe turns an error of the command that ran into one line that a person can act on.
func describe(ctx context.Context, ran *cobra.Command, err error) string {
	switch {
	case err == nil || err.Error() == "":
		return ""
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return "interrupted"
	}
	var lines []string
	for _, line := range strings.Split(err.Error(), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, printing.Escape(line))
		}
	}
	return strings.Join(lines, " ") + advice(err, takesNamespace(ran))
}
