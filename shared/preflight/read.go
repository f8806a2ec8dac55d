package preflight

import (
	"context"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Options says what to read.
type Options struct {
	// To is the revision to move to, From the one to leave; empty to have it found.
	To, From string
	// IstioNamespace limits the choice of both to control planes there; empty for all.
	IstioNamespace string
	// Chunk is the page size of lists.
	Chunk int64
}

// Read reads the facts: everything page by page, of each pod no more than its workload's count, and no request for a single pod. What
// the caller may not read becomes a gap of the facts. The error is for a choice that cannot be made, for webhook configurations that
// may not be read, without which nothing can be told, and for a cluster that cannot be reached or that fails.
func Read(ctx context.Context, clients *cluster.Clients, o Options) (*Facts, error) {
	r := &reader{clients: clients, options: o, facts: &Facts{}}
	if err := r.readMesh(ctx); err != nil {
		return nil, err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, step := range []func(context.Context) error{
		r.readControlPlanes, r.readPods, r.readAutoscalers, r.readBudgets, r.readEnvoyFilters, r.readVirtualServices,
	} {
		group.Go(func() error { return step(groupCtx) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	r.attachAutoscalers()
	return r.facts, nil
}

// Missing says what the target lacks to serve yet, be it that it is not installed, not ready, or that its webhook does not answer; empty
// for nothing. It reads no pods, no workloads and no settings, so that it can be asked again and again. The error is as Read's.
func Missing(ctx context.Context, clients *cluster.Clients, o Options) (string, error) {
	r := &reader{clients: clients, options: o, facts: &Facts{}}
	if err := r.readInjection(ctx); err != nil {
		return "", err
	}
	if err := r.readDeployments(ctx); err != nil {
		return "", err
	}
	if err := r.ask(ctx); err != nil {
		return "", err
	}
	return missing(*r.facts), nil
}

// reader gathers facts, several kinds at once.
type reader struct {
	clients *cluster.Clients
	options Options
	mesh    *mesh.Mesh
	owners  *workload.Owners

	// autoscalers are by their targets.
	autoscalers map[target]Autoscaler

	sync.Mutex
	facts *Facts
}

// target is what an autoscaler scales.
type target struct {
	namespace string
	ref       workload.Ref
}

// readMesh is readInjection, with what pods belong to.
func (r *reader) readMesh(ctx context.Context) error {
	var group errgroup.Group
	ownersCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	group.Go(func() (err error) {
		r.owners, err = workload.ReadOwners(ownersCtx, r.clients, workload.Options{Chunk: r.options.Chunk})
		return err
	})
	if err := r.readInjection(ctx); err != nil {
		cancel()
		_ = group.Wait()
		return err
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.lack(r.owners.Gaps()...)
	return nil
}

// readInjection reads what decides about injection, and chooses the two revisions.
func (r *reader) readInjection(ctx context.Context) (err error) {
	r.mesh, err = controlplane.ReadMesh(ctx, r.clients, controlplane.Options{IstioNamespace: r.options.IstioNamespace, Chunk: r.options.Chunk})
	if err != nil {
		return err
	}
	r.lack(r.mesh.Gaps()...)
	return r.choose()
}

func (r *reader) choose() error {
	installed, err := revision.InstalledIn(r.options.IstioNamespace, r.mesh.Injectors())
	if err != nil {
		return err
	}
	choice := Choice{To: r.options.To, From: r.options.From, Installed: installed, Followers: controlplane.Followers(r.mesh)}
	from, to, err := choice.Choose()
	if err != nil {
		return err
	}
	f := r.facts
	f.Injectors, f.RootNamespace = r.mesh.Injectors(), r.mesh.RootNamespace(from)
	f.From, f.To = r.plane(from, choice.Installed), r.plane(to, choice.Installed)
	return nil
}

// plane is what the webhook configurations say of a control plane.
func (r *reader) plane(owner revision.ControlPlane, installed []revision.ControlPlane) Plane {
	p := Plane{ControlPlane: owner, Installed: slices.Contains(installed, owner)}
	for _, i := range r.mesh.Injectors() {
		if i.Tag == owner.Revision && !p.Installed {
			p.TagOf = i.Owner.Revision
		}
		if i.Owner == owner && i.Tag == "" {
			for _, w := range i.Webhooks {
				p.CABundle += string(w.CABundle) + "\n"
			}
		}
	}
	return p
}

// lack notes what could not be read, once.
func (r *reader) lack(gaps ...cluster.Gap) {
	r.Lock()
	defer r.Unlock()
	for _, gap := range gaps {
		known := func(g cluster.Gap) bool { return g.Missing == gap.Missing }
		if !slices.ContainsFunc(r.facts.Gaps, known) {
			r.facts.Gaps = append(r.facts.Gaps, gap)
		}
	}
}

// lister lists objects of a namespace, "" for all.
type lister func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error)

// each lists a kind in all namespaces, page by page, as far as the caller may.
func (r *reader) each(ctx context.Context, what string, list lister, do func(runtime.Object)) error {
	gap, err := r.clients.Everywhere(ctx, what, "", func(namespace string) error {
		page := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return list(ctx, namespace, o)
		}
		return cluster.EachPage(ctx, r.options.Chunk, metav1.ListOptions{}, page, func(o runtime.Object) error {
			do(o)
			return nil
		})
	})
	if apierrors.IsNotFound(err) {
		gap, err = &cluster.Gap{Missing: what, Err: err}, nil
	}
	if gap != nil {
		r.lack(*gap)
	}
	return err
}

// eachOptional is each for a kind that not every cluster has.
func (r *reader) eachOptional(ctx context.Context, what string, list lister, do func(runtime.Object)) error {
	return r.each(ctx, what, func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		page, err := list(ctx, namespace, o)
		if apierrors.IsNotFound(err) && o.Continue == "" {
			return &metav1.PartialObjectMetadataList{}, nil
		}
		return page, err
	}, do)
}

// sorted returns the values of a map in the order of their keys.
func sorted[V any](from map[string]*V) []V {
	var values []V
	for _, key := range slices.Sorted(maps.Keys(from)) {
		values = append(values, *from[key])
	}
	return values
}
