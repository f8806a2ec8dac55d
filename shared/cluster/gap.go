package cluster

import (
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Gap is something that could not be read. What depends on it is unknown.
type Gap struct {
	// Missing says what, in words: `webhook configurations`.
	Missing string
	// Namespaces are those of which it is missing, nil for all.
	Namespaces []string
	Err        error
}

// Error says what is missing, and why.
func (g Gap) Error() string { return fmt.Sprintf("cannot read %s: %v", g.Missing, g.Err) }

// Unwrap returns why it is missing.
func (g Gap) Unwrap() error { return g.Err }

// Optional passes over the error that an object, or a whole kind that not every cluster has, is not there. For kinds that
// every cluster has, that answer is no fact about the cluster: a proxy in between may have given it.
func Optional(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// Outcome sorts the error of a read: nil for success; a gap where the caller may not read it, which leaves the rest
// readable; the error itself, with what was read, where nothing further can be expected of the cluster.
func Outcome(what string, err error) (*Gap, error) {
	switch {
	case err == nil:
		return nil, nil
	case apierrors.IsForbidden(err):
		return &Gap{Missing: what, Err: err}, nil
	default:
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
}
