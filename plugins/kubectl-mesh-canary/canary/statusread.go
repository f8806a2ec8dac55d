package canary

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/gateways"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

// moment is what there is to say of an upgrade at one moment. What may not be read is a gap, and unknown.
type moment struct {
	namespace string
	// upgrade is the record, nil where there is none; then there is nothing else.
	upgrade *v1alpha1.CanaryUpgrade
	// seen are the tags and the namespaces, nil where they are unknown, and revisions those that are installed.
	seen      *upgrade.Seen
	revisions []string
	// planes are the control planes' Deployments, nil where they are unknown.
	planes   controlplane.Deployments
	pods     *upgradehands.Counted
	gateways *gateways.Found
	gaps     []cluster.Gap
}

// statusReader reads moments.
type statusReader struct {
	clients   *cluster.Clients
	namespace string
	chunk     int64
	// pods and mesh are where these come from.
	pods func(context.Context) (*upgradehands.Counted, error)
	mesh func(context.Context) (*mesh.Mesh, error)
}

func newStatusReader(clients *cluster.Clients, namespace string, chunk int64) *statusReader {
	return &statusReader{
		clients: clients, namespace: namespace, chunk: chunk,
		pods: func(ctx context.Context) (*upgradehands.Counted, error) {
			return upgradehands.Count(ctx, clients, chunk)
		},
		mesh: func(ctx context.Context) (*mesh.Mesh, error) {
			return mesh.Read(ctx, clients, mesh.Options{IstioNamespace: namespace, Chunk: chunk})
		},
	}
}

// record reads no more than the record.
func (r *statusReader) record(ctx context.Context) (*v1alpha1.CanaryUpgrade, error) {
	return upgradestore.New(r.clients.Kube.CoreV1(), r.namespace).Load(ctx)
}

// read reads everything. The error is that of a record that cannot be read, or of a cluster that fails.
func (r *statusReader) read(ctx context.Context) (*moment, error) {
	u, err := r.record(ctx)
	m := &moment{namespace: r.namespace, upgrade: u}
	if err != nil || u == nil {
		return m, err
	}
	var locked sync.Mutex
	lack := func(gaps ...cluster.Gap) {
		locked.Lock()
		defer locked.Unlock()
		m.gaps = append(m.gaps, gaps...)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.countPods(ctx, m, lack) })
	group.Go(func() error { return r.look(ctx, m, lack) })
	group.Go(func() error { return r.readPlanes(ctx, m, lack) })
	group.Go(func() error { return r.readGateways(ctx, m, lack) })
	err = group.Wait()
	slices.SortFunc(m.gaps, func(a, b cluster.Gap) int { return cmp.Compare(a.Missing, b.Missing) })
	return m, err
}

func (r *statusReader) countPods(ctx context.Context, m *moment, lack func(...cluster.Gap)) (err error) {
	if m.pods, err = r.pods(ctx); err == nil && m.pods.Gap != nil {
		lack(*m.pods.Gap)
	}
	return err
}

func (r *statusReader) look(ctx context.Context, m *moment, lack func(...cluster.Gap)) error {
	hands := &upgradehands.Hands{Clients: r.clients, Namespace: r.namespace, Upgrade: m.upgrade}
	seen, err := hands.Look(ctx)
	switch {
	case apierrors.IsForbidden(err):
		lack(cluster.Gap{Missing: "tags and namespaces", Err: err})
		return nil
	case err != nil:
		return err
	}
	m.seen, m.revisions = &seen, hands.Tags().Revisions(r.namespace)
	return nil
}

func (r *statusReader) readPlanes(ctx context.Context, m *moment, lack func(...cluster.Gap)) error {
	planes, gaps, err := controlplane.ReadDeployments(ctx, r.clients, []string{r.namespace})
	if len(gaps) == 0 {
		m.planes = planes
	}
	lack(gaps...)
	return err
}

func (r *statusReader) readGateways(ctx context.Context, m *moment, lack func(...cluster.Gap)) error {
	of, err := r.mesh(ctx)
	if err != nil {
		return err
	}
	if m.gateways, err = gateways.Read(ctx, r.clients, of, upgradehands.GatewaysOf(m.upgrade, r.chunk)); err == nil {
		lack(m.gateways.Gaps()...)
	}
	return err
}

// installed says whether a revision has an injector of its own in this mesh.
func (m *moment) installed(rev string) bool { return slices.Contains(m.revisions, rev) }

// remaining are the namespaces that the upgrade is about and that are not recorded yet, as far as they are known.
func (m *moment) remaining() []string {
	if m.seen == nil {
		return nil
	}
	return upgrade.Concerned(m.upgrade, *m.seen, m.installed)
}

// undone are the namespaces whose labels somebody has put back, as far as they are known.
func (m *moment) undone() []string {
	if m.seen == nil {
		return nil
	}
	return upgrade.Undone(m.upgrade, *m.seen)
}

// next is what to type next, and why; no arguments where that cannot be told, or nothing is left to do.
func (m *moment) next() (arguments, why string) {
	if m.upgrade == nil {
		return upgrade.Next(nil, nil, m.installed)
	}
	u := m.upgrade
	if m.seen != nil {
		u = upgrade.Present(u, *m.seen)
	}
	// What may not be read is taken to be there: what to type says so if it is not.
	installed := func(rev string) bool { return m.seen == nil || m.installed(rev) }
	arguments, why = upgrade.Next(u, append(m.undone(), m.remaining()...), installed)
	unmoved := func(n v1alpha1.UpgradeNamespace) bool { return !n.Moved }
	if m.seen == nil && u.Phase == v1alpha1.PhaseStarted && !slices.ContainsFunc(u.Namespaces, unmoved) {
		return "", unknown + ", for it depends on namespaces that may not be read"
	}
	if m.meetsBarePods(u, arguments) {
		arguments, why = arguments+" --bare-pods=recreate", why+"; pods without a controller are deleted and created again"
	}
	return arguments, why
}

// meetsBarePods says whether a command meets pods that it does not replace without being told to: those that have no controller.
func (m *moment) meetsBarePods(u *v1alpha1.CanaryUpgrade, arguments string) bool {
	command := strings.Fields(arguments)
	if len(command) == 0 {
		return false
	}
	old := u.From
	var within []string
	switch command[0] {
	case "advance":
		within = command[1:]
	case "complete":
		within = slices.Collect(maps.Keys(m.pods.ByNamespace))
	case "rollback":
		old, within = u.To, slices.Collect(maps.Keys(m.pods.ByNamespace))
	}
	return slices.ContainsFunc(within, func(namespace string) bool { return m.pods.ByNamespace[namespace].Bare[old] > 0 })
}

// unread says whether objects of a namespace are among what could not be read.
func unread(gap *cluster.Gap, namespace string) bool {
	return gap != nil && (len(gap.Namespaces) == 0 || slices.Contains(gap.Namespaces, namespace))
}
