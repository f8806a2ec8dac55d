package canary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/kubectl/pkg/util/term"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/lease"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/provider"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/retirement"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

// uninstall uninstalls a revision that nothing needs, while nobody else changes the mesh, and then what is left of it. Run again, it
// goes on where it stopped.
func (o *retireOptions) uninstall(ctx context.Context, config *rest.Config, namespace string) error {
	unguarded, err := cluster.Connect(config)
	if err != nil {
		return err
	}
	held, err := lease.Acquire(ctx, lease.Options{
		Leases: unguarded.Kube.CoordinationV1(), Namespace: namespace, Name: upgradestore.Name,
		Holder: holder(), Duration: o.LeaseDuration,
		Waiting: func(holder string, longest time.Duration) {
			fmt.Fprintf(o.ErrOut, "%s holds the Lease; waiting %s for it to run out\n", printing.Escape(holder), restarttext.Duration(longest))
		},
	})
	if err != nil {
		return err
	}
	defer release(ctx, o.ErrOut, held)
	clients, err := cluster.Connect(lease.Guarded(config, held.Check))
	if err != nil {
		return err
	}
	u, err := upgradestore.New(clients.Kube.CoreV1(), namespace).Load(ctx)
	if err != nil {
		return err
	}
	lines, err := o.lines(namespace, u)
	if err != nil {
		return err
	}
	if err := o.byTool(ctx, clients, config, namespace, lines, held); err != nil {
		return causeOf(err)
	}
	return causeOf(o.leftovers(ctx, clients, namespace))
}

// lines are what uninstalls the revision. Where an upgrade has left it, or was rolled back from it, that is what ends the upgrade, which
// some tools know as such. The error says that the upgrade has not come so far, or that the tool cannot do it.
func (o *retireOptions) lines(istioNamespace string, u *v1alpha1.CanaryUpgrade) ([]provider.Line, error) {
	action, target := provider.Uninstall, provider.Target{
		Revision: o.Revision, IstioNamespace: istioNamespace, Kubeconfig: *o.ConfigFlags.KubeConfig, Context: *o.ConfigFlags.Context,
	}
	switch {
	case u == nil || u.From != o.Revision && u.To != o.Revision:
	case u.Phase == v1alpha1.PhaseCompleted && u.From == o.Revision:
		action, target.Other = provider.Complete, u.To
	case u.Phase == v1alpha1.PhaseRolledBack && u.To == o.Revision:
		action, target.Other = provider.Rollback, u.From
	case u.Phase != v1alpha1.PhaseCompleted && u.Phase != v1alpha1.PhaseRolledBack:
		return nil, fmt.Errorf("an upgrade from revision %s to %s is under way (%s): `kubectl mesh-canary complete` or `kubectl mesh-canary rollback` first", u.From, u.To, u.Phase)
	}
	return o.tool.Lines(action, target)
}

// byTool has the tool uninstall the revision, unless that is done already. Between the answer and now somebody may have come to need
// it, so that it is decided once more.
func (o *retireOptions) byTool(ctx context.Context, clients *cluster.Clients, config *rest.Config, namespace string, lines []provider.Line, held *lease.Lease) error {
	c, err := retirement.ReadConfiguration(ctx, clients, namespace, o.Revision)
	if err != nil {
		return err
	}
	if c.Gone(namespace, o.Revision) {
		fmt.Fprintf(o.ErrOut, "Its istiod and its injector are gone already.\n")
		return nil
	}
	for _, l := range lines {
		fmt.Fprintf(o.ErrOut, "This uninstalls revision %s of the mesh in %s: %s\n", printing.Escape(o.Revision), printing.Escape(namespace), printing.Escape(l.String()))
	}
	if err := o.confirm(ctx, "uninstall revision "+o.Revision, "Uninstall it"); err != nil {
		return err
	}
	report, _, err := o.decide(ctx, clients, config, namespace)
	if err != nil {
		return err
	}
	for _, i := range report.Items {
		if i.Blocks {
			return fmt.Errorf("revision %s has come to be needed meanwhile (%s %s): run the same command again", o.Revision, i.Object, i.Why)
		}
	}
	if err := held.Check(ctx); err != nil {
		return err
	}
	return provider.Run(ctx, lines, o.ErrOut, o.ErrOut, func(provider.Line) {})
}

const (
	// goneTime is how long an istiod may be there after its tool has ended: it is deleted in the background.
	goneTime = time.Minute
	goneLook = time.Second
)

// awaitGone reads what is left of the revision once its istiod is gone, or is there for so long that it was not uninstalled.
func (o *retireOptions) awaitGone(ctx context.Context, clients *cluster.Clients, namespace string) (*retirement.Configuration, error) {
	for since := time.Now(); ; {
		c, err := retirement.ReadConfiguration(ctx, clients, namespace, o.Revision)
		if err != nil || len(c.Running) == 0 || time.Since(since) > goneTime {
			return c, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the istiod of revision %s to go: %w", o.Revision, ctx.Err())
		case <-time.After(goneLook):
		}
	}
}

// leftovers deletes, once asked, what the tool has left of the revision.
func (o *retireOptions) leftovers(ctx context.Context, clients *cluster.Clients, namespace string) error {
	c, err := o.awaitGone(ctx, clients, namespace)
	if err != nil {
		return err
	}
	left, err := retirement.Uninstall(c, namespace, o.Revision)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		fmt.Fprintf(o.ErrOut, "Revision %s is uninstalled, and nothing is left of it.\n", printing.Escape(o.Revision))
		return nil
	}
	fmt.Fprintf(o.ErrOut, "Left of revision %s:\n", printing.Escape(o.Revision))
	for _, object := range left {
		fmt.Fprintf(o.ErrOut, "  %s\n", printing.Escape(object.String()))
	}
	what := restarttext.Count(len(left), "object")
	if err := o.confirm(ctx, "delete "+what, "Delete "+what); err != nil {
		return err
	}
	err = retirement.Remove(ctx, clients.Kube, left, func(object retirement.Object) {
		fmt.Fprintf(o.ErrOut, "deleted %s\n", printing.Escape(object.String()))
	})
	if err == nil {
		fmt.Fprintf(o.ErrOut, "Revision %s is uninstalled, and nothing is left of it.\n", printing.Escape(o.Revision))
	}
	return err
}

// confirm asks. The error says that the answer was no, or that there is nobody to ask.
func (o *retireOptions) confirm(ctx context.Context, what, question string) error {
	if o.Yes {
		return nil
	}
	if !(term.TTY{In: o.In}).IsTerminalIn() {
		return fmt.Errorf("this would %s: add --yes", printing.Escape(what))
	}
	yes, err := plugin.Ask(ctx, o.IOStreams, question)
	if err == nil && !yes {
		err = errors.New("nothing more was changed")
	}
	return err
}
