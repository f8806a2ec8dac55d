package upgradehands

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/gateways"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
)

// RecordAddresses notes, in a record that has never been written, where the Services of both revisions' gateways are reached. It returns
// what could not be read, and is left out.
func (h *Hands) RecordAddresses(ctx context.Context, u *v1alpha1.CanaryUpgrade, chunk int64) ([]cluster.Gap, error) {
	if !u.ChangedAt.IsZero() {
		return nil, nil
	}
	var pods *Counted
	var found *gateways.Found
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		pods, err = Count(groupCtx, h.Clients, chunk)
		return err
	})
	group.Go(func() error {
		m, err := mesh.Read(groupCtx, h.Clients, mesh.Options{IstioNamespace: h.Namespace, Chunk: chunk})
		if err == nil {
			found, err = gateways.Read(groupCtx, h.Clients, m, GatewaysOf(u, chunk))
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, s := range found.Reaching(found.Of(pods.Gateways, Revisions(u))) {
		u.Addresses = append(u.Addresses, v1alpha1.UpgradeAddresses{Namespace: s.Namespace, Service: s.Name, Addresses: s.Addresses})
	}
	gaps := found.Gaps()
	if pods.Gap != nil {
		gaps = append(gaps, *pods.Gap)
	}
	return gaps, nil
}

// Revisions are both revisions of an upgrade.
func Revisions(u *v1alpha1.CanaryUpgrade) []string { return []string{u.From, u.To} }

// GatewaysOf says which gateways are an upgrade's.
func GatewaysOf(u *v1alpha1.CanaryUpgrade, chunk int64) gateways.Options {
	return gateways.Options{IstioNamespace: u.IstioNamespace, Revisions: Revisions(u), Chunk: chunk}
}
