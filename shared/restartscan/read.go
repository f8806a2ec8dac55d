// Package restartscan reads from a cluster what a restart plan is made from: the pods and what injection would give them, and
// the workloads that they belong to.
package restartscan

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Request says what to read.
type Request struct {
	// Namespace limits the reading; empty for all.
	Namespace string
	// IstioNamespace limits it to the mesh whose Istio is there; empty for all.
	IstioNamespace string
	// FieldSelector is on pods, and evaluated by the server.
	FieldSelector string
	// Named are the objects that the user named, all of Namespace; nil for none.
	Named []workload.Ref
	// Only limits it to some pods; nil for all.
	Only func(scan.Item) bool
	// Options are those of the plan: they say what has to be known.
	Options restartplan.Options
	// Chunk is the page size of lists.
	Chunk int64
}

// Result is what was read.
type Result struct {
	Input restartplan.Input
	Mesh  *mesh.Mesh
	// Proxies counts the pods that run one.
	Proxies int
	// Gaps are what could not be read; Expired is true where the pods were not all read at one moment.
	Gaps    []cluster.Gap
	Expired bool
}

// Read reads. What the caller may not read becomes a gap; the error is for a cluster that cannot be reached or that fails, and for
// a named object that is only a part of a workload.
func Read(ctx context.Context, clients *cluster.Clients, q Request) (*Result, error) {
	m, owners, err := readMesh(ctx, clients, q)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, clients: clients, q: q, result: &Result{Mesh: m, Gaps: append(m.Gaps(), owners.Gaps()...)}}
	r.result.Input = restartplan.Input{
		Workloads: map[podtemplate.Workload]*rollout.Workload{}, Terminating: m.Terminating,
		Autoscalers: map[podtemplate.Workload]restartplan.Autoscaler{}, Once: map[string]string{},
		Runs: map[podtemplate.Workload]v1alpha1.Expected{}, Losses: map[podtemplate.Workload][]string{}, Unread: map[string]string{},
	}
	if err := r.pods(scan.New(m, owners, scan.ReadDaemonSets(clients))); err != nil {
		return nil, err
	}
	for _, step := range []func() error{r.workloads, r.sets, r.leftovers, r.surges, r.barePods, r.runs} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.result, nil
}

// readMesh reads the mesh and the owners of its workloads at the same time. Where both fail, the error is always the mesh's.
func readMesh(ctx context.Context, clients *cluster.Clients, q Request) (*mesh.Mesh, *workload.Owners, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var owners *workload.Owners
	var group errgroup.Group
	group.Go(func() (err error) {
		owners, err = workload.ReadOwners(ctx, clients, workload.Options{Namespace: q.Namespace, Chunk: q.Chunk})
		return err
	})
	m, err := mesh.Read(ctx, clients, mesh.Options{Namespace: q.Namespace, IstioNamespace: q.IstioNamespace, Chunk: q.Chunk})
	if err != nil {
		cancel()
	}
	return m, owners, cmp.Or(err, group.Wait())
}

type reader struct {
	ctx     context.Context
	clients *cluster.Clients
	q       Request
	result  *Result
}

func (r *reader) lack(gap *cluster.Gap) {
	if gap != nil {
		r.result.Gaps = append(r.result.Gaps, *gap)
	}
}

// pods scans them, and keeps those that a plan may have something to say about.
func (r *reader) pods(scanner *scan.Scanner) error {
	options := scan.Options{Namespace: r.q.Namespace, FieldSelector: r.q.FieldSelector, Chunk: r.q.Chunk}
	named := newNamed(r.q.Named)
	if r.q.Named != nil {
		options.Only = named.only
	}
	result, err := scanner.Each(r.ctx, r.clients, options, func(item scan.Item) error {
		if item.Verdict.Proxy != nil {
			r.result.Proxies++
		}
		if item.Verdict.Status == v1alpha1.None && !item.Verdict.Dangling && r.q.Named == nil {
			return nil
		}
		if r.q.Only == nil || r.q.Only(item) {
			r.result.Input.Pods = append(r.result.Input.Pods, item)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.result.Gaps, r.result.Expired = append(r.result.Gaps, result.Gaps...), result.Expired
	r.result.Input.Named, err = named.workloads(r.q.Namespace)
	return err
}

// wanted are the workloads that there may be something to do about.
func (r *reader) wanted() map[podtemplate.Workload]bool {
	wanted := map[podtemplate.Workload]bool{}
	for _, item := range r.result.Input.Pods {
		if item.Verdict.Status != v1alpha1.Current || r.q.Options.All || r.q.Named != nil {
			wanted[podtemplate.Workload{Namespace: item.Pod.Namespace, Ref: item.Chain.Workload()}] = true
		}
	}
	for _, key := range r.result.Input.Named {
		wanted[key] = true
	}
	return wanted
}
