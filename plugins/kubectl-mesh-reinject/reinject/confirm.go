package reinject

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/kubectl/pkg/util/term"

	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// confirm asks before workloads of more than one namespace are restarted. The error says that the answer was no, or that there is
// nobody to ask.
func (o *Options) confirm(ctx context.Context, plan *restartplan.Plan) error {
	sum := plan.Report().Summary
	if o.Yes || sum.Namespaces < 2 {
		return nil
	}
	what := fmt.Sprintf("%s with %s in %s, about %s", restarttext.Count(sum.Workloads, "workload"), restarttext.Count(sum.Pods, "pod"),
		restarttext.Count(sum.Namespaces, "namespace"), restarttext.Duration(time.Duration(sum.EstimatedSeconds)*time.Second))
	if !(term.TTY{In: o.In}).IsTerminalIn() {
		return fmt.Errorf("this would restart %s: add --yes, or see them first with --dry-run=client", what)
	}
	if err := o.planTable(plan, o.ErrOut); err != nil {
		return err
	}
	fmt.Fprintf(o.ErrOut, "Restart %s? [y/N] ", what)
	answer, err := o.answer(ctx)
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return errors.New("nothing was restarted")
	}
	return nil
}

// answer reads a line, unless the context ends before there is one.
func (o *Options) answer(ctx context.Context) (string, error) {
	lines := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(o.In).ReadString('\n')
		if err != nil && err != io.EOF {
			line = ""
		}
		lines <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.ErrOut)
		return "", ctx.Err()
	case line := <-lines:
		return line, nil
	}
}
