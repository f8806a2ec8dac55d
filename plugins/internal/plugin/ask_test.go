package plugin

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

func TestOnlyYesIsYes(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, " y \n": true, "y": true, "n\n": false, "\n": false, "": false, "yep\n": false} {
		var asked strings.Builder
		got, err := Ask(t.Context(), genericiooptions.IOStreams{In: strings.NewReader(answer), ErrOut: &asked}, "Move it")
		if got != want || err != nil || asked.String() != "Move it? [y/N] " {
			t.Errorf("%q: %v, %v, %q", answer, got, err, asked.String())
		}
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	in, _ := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if yes, err := Ask(ctx, genericiooptions.IOStreams{In: in, ErrOut: io.Discard}, "Move it"); yes || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, %v", yes, err)
	}
}
