package cluster

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/istio"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

// Istio is one revision of Istio to install.
type Istio = istio.Install

const istioLimit = 2 * time.Minute

// InstallIstio installs a revision with istioctl, runs a real istiod for it, and returns when its webhook answers. One
// that is installed already is installed over, and its istiod runs anew. The error says which of the steps failed and
// how; a dead istiod is named with the end of its log.
func (c *Cluster) InstallIstio(ctx context.Context, i Istio) error {
	ctx, cancel := context.WithTimeout(ctx, istioLimit)
	defer cancel()
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		if _, err := c.Istioctl(ctx, i.Args()...); err != nil {
			return fmt.Errorf("installing %s: %w", i.ID(), err)
		}
		return nil
	})
	// istiod is as slow to start as istioctl is to finish, and needs only the first of what that writes.
	work.Go(func() error { return c.RunIstiod(ctx, i) })
	return work.Wait()
}

// RunIstiod runs a real istiod for a revision that somebody else installs, as soon as its configuration is there, and
// returns when its webhook answers. The error names a dead istiod with the end of its log.
func (c *Cluster) RunIstiod(ctx context.Context, i Istio) error {
	id := i.ID()
	c.group.Remove(id.String())
	dir := filepath.Join(c.plan.Dir, id.String())
	d, err := i.Plan(c.Tool("pilot-discovery"), c.Kubeconfig(), dir, c.plan.LogOf(id.String()), c.ports.TakeAll)
	if err != nil {
		return err
	}
	c.istiods.put(d)
	if err := id.AwaitConfig(ctx, c.client); err != nil {
		return err
	}
	if err := id.ShareTrust(ctx, c.client); err != nil {
		return err
	}
	if err := c.run(ctx, d); err != nil {
		return err
	}
	c.log.say("%s injects %s", id, i.Proxy())
	return nil
}

func (c *Cluster) run(ctx context.Context, d istio.Istiod) error {
	p, err := c.group.Start(d.Spec, process.Detail{Port: d.Webhook, Revision: d.ID.Revision})
	if err != nil {
		return err
	}
	return d.AwaitInjector(ctx, c.client, p.Err)
}

// UninstallIstio removes a revision with istioctl and ends its istiod. The error carries what istioctl said.
func (c *Cluster) UninstallIstio(ctx context.Context, namespace, revision string) error {
	id := istio.NewID(namespace, revision)
	if _, err := c.Istioctl(ctx, id.UninstallArgs()...); err != nil {
		return fmt.Errorf("uninstalling %s: %w", id, err)
	}
	c.group.Remove(id.String())
	c.istiods.drop(id)
	return nil
}

// Outage kills the istiod of a revision; what it installed stays. The error says that there is none.
func (c *Cluster) Outage(namespace, revision string) error {
	return c.group.Stop(istio.NewID(namespace, revision).String(), 0)
}

// Restore starts the istiod of a revision again after an outage and returns when its webhook answers. The error says
// that there is none, that it runs, or why it does not answer.
func (c *Cluster) Restore(ctx context.Context, namespace, revision string) error {
	d, ok := c.istiods.get(istio.NewID(namespace, revision))
	if !ok {
		return fmt.Errorf("%s was never started", istio.NewID(namespace, revision))
	}
	ctx, cancel := context.WithTimeout(ctx, istioLimit)
	defer cancel()
	return c.run(ctx, d)
}
