package plugin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// Ask puts a question to the person before the terminal, and says whether the answer was yes; anything but "y" and "yes" is no.
// The error is that of the context, which may end before there is an answer.
func Ask(ctx context.Context, streams genericiooptions.IOStreams, question string) (bool, error) {
	fmt.Fprintf(streams.ErrOut, "%s? [y/N] ", question)
	lines := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(streams.In).ReadString('\n')
		if err != nil && err != io.EOF {
			line = ""
		}
		lines <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(streams.ErrOut)
		return false, ctx.Err()
	case line := <-lines:
		return strings.EqualFold(line, "y") || strings.EqualFold(line, "yes"), nil
	}
}
