package canary

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/redundancy"
)

// toRaise finds what has fewer replicas than the upgrade is to have. The error names what cannot be raised, and what to type.
func (o *startOptions) toRaise(ctx context.Context, s *session) ([]v1alpha1.UpgradeReplicas, error) {
	if o.MinReplicas == 0 {
		return nil, nil
	}
	m, err := mesh.Read(ctx, s.clients, mesh.Options{IstioNamespace: s.namespace, Chunk: o.Chunk})
	if err != nil {
		return nil, err
	}
	found, gaps, err := redundancy.Read(ctx, s.clients, m, redundancy.Options{
		IstioNamespace: s.namespace, Revisions: []string{s.upgrade.From, s.upgrade.To}, Chunk: o.Chunk,
	})
	if err != nil {
		return nil, err
	}
	if len(gaps) > 0 {
		return nil, fmt.Errorf("--min-replicas: %w", gaps[0])
	}
	raise, left := redundancy.Plan(found, s.upgrade.Replicas, o.MinReplicas)
	if len(left) > 0 {
		texts := make([]string, len(left))
		for i, l := range left {
			texts[i] = l.String()
		}
		return nil, errors.New("--min-replicas: " + strings.Join(texts, "; "))
	}
	return raise, nil
}

// raise raises what has too few replicas, and waits until they are ready, also those that were raised before, as long as any workload
// may take: nothing is restarted before.
func (o *startOptions) raise(ctx context.Context, s *session, raise []v1alpha1.UpgradeReplicas) error {
	if o.MinReplicas == 0 {
		return nil
	}
	for _, r := range raise {
		fmt.Fprintf(o.ErrOut, "==> %s %s in namespace %s from %d to %d replicas\n", strings.ToLower(r.Kind), printing.Escape(r.Name), printing.Escape(r.Namespace), r.Before, r.Wrote)
	}
	if err := redundancy.Raise(ctx, s.clients.Kube, s.upgrade, raise, s.store.Save); err != nil {
		return err
	}
	within := o.Pacing.WorkloadTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("the %s allowed by --workload-timeout are over", within))
	defer cancel()
	return redundancy.Await(ctx, s.clients.Kube, s.upgrade.Replicas, func(text string) { fmt.Fprintln(o.ErrOut, "waiting:", printing.Escape(text)) })
}
