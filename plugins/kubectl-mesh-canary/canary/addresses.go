package canary

import (
	"context"
	"fmt"

	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// recordAddresses notes in a new record where the gateways are reached, as far as that may be read: an upgrade does without, `status`
// then cannot compare.
func (o *upgradeOptions) recordAddresses(ctx context.Context, s *session) error {
	gaps, err := s.hands.RecordAddresses(ctx, s.upgrade, o.Chunk)
	for _, gap := range gaps {
		fmt.Fprintln(o.ErrOut, "warning: the gateways' addresses are not all recorded:", printing.Escape(gap.Error()))
	}
	return err
}
