package canary

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/preflight"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

// gate looks for what stands in the way of the upgrade. Of the categories that are named only, none for all, an error is the error of
// the command; what is skipped is warned of, and the rest is counted.
func (o *upgradeOptions) gate(ctx context.Context, s *session, skip v1alpha1.Category, only ...v1alpha1.Category) error {
	u := s.upgrade
	facts, err := preflight.Read(ctx, s.clients, preflight.Options{To: u.To, From: u.From, IstioNamespace: s.namespace, Chunk: o.Chunk})
	if err != nil {
		return err
	}
	see := fmt.Sprintf("kubectl mesh-canary check --from %s --to %s", u.From, u.To)
	var blocking []v1alpha1.Finding
	others := 0
	for _, f := range preflight.Report(*facts).Items {
		switch {
		case len(only) > 0 && !slices.Contains(only, f.Category):
		case f.Severity != v1alpha1.Blocking:
			others++
		case f.Category == skip:
			fmt.Fprintln(o.ErrOut, "warning: skipped:", printing.Escape(f.Message))
		default:
			blocking = append(blocking, f)
		}
	}
	if others > 0 && len(only) == 0 {
		fmt.Fprintf(o.ErrOut, "Worth knowing before: %d (see `%s`).\n", others, see)
	}
	switch len(blocking) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s; see `%s`", blocking[0].Message, see)
	default:
		return fmt.Errorf("%s, and %d more; see `%s`", blocking[0].Message, len(blocking)-1, see)
	}
}
