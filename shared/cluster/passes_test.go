package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhatPasses(t *testing.T) {
	things := schema.GroupResource{Resource: "things"}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{apierrors.NewTooManyRequests("busy", 1), true},
		{apierrors.NewServiceUnavailable("starting"), true},
		{apierrors.NewServerTimeout(things, "get", 1), true},
		{fmt.Errorf("reading: %w", syscall.ECONNREFUSED), true},
		{fmt.Errorf("reading: %w", io.ErrUnexpectedEOF), true},
		{apierrors.NewConflict(things, "a", errors.New("changed")), false},
		{apierrors.NewForbidden(things, "a", errors.New("no")), false},
		{context.Canceled, false},
		{context.DeadlineExceeded, false},
	} {
		if got := Passes(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
