package retirement

import (
	"cmp"
	"context"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// unfinished leaves out the pods that have run to their end.
const unfinished = "status.phase!=Succeeded,status.phase!=Failed"

// key names a workload.
type key struct {
	namespace string
	ref       workload.Ref
}

// pods counts, for each workload, the pods that run a proxy of the revision.
func (r *reader) pods(ctx context.Context) error {
	owners, err := workload.ReadOwners(ctx, r.Clients, workload.Options{Chunk: r.Chunk})
	if err != nil {
		return err
	}
	gap, err := r.Everywhere(ctx, "pods", "", func(namespace string) error {
		options := podlist.Options{FieldSelector: unfinished, Chunk: r.Chunk}
		_, err := podlist.Each(ctx, r.Core, namespace, options, func(pod proxy.Pod) error {
			if pod.Terminal() || !r.runs(pod) {
				return nil
			}
			if err := owners.Find(ctx, r.Clients, pod); err != nil {
				return err
			}
			r.counts[key{pod.Namespace, owners.Of(pod).Workload()}]++
			return nil
		})
		return err
	})
	r.lack(gap)
	return err
}

// workloads takes those whose pods were counted, but for those that istiod keeps: these are told as such.
func (r *reader) workloads() {
	for _, m := range r.facts.Managed {
		delete(r.counts, key{m.Namespace, workload.Ref{Group: "apps", Kind: "Deployment", Name: m.Deployment}})
	}
	for k, pods := range r.counts {
		r.facts.Workloads = append(r.facts.Workloads, Workload{k.namespace, k.ref, pods})
	}
	slices.SortFunc(r.facts.Workloads, func(a, b Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Ref.String(), b.Ref.String()))
	})
}

// runs says whether a pod's proxy is of the revision. A pod tells the revision's name and not its mesh: it is another mesh's only where
// that one would inject it today.
func (r *reader) runs(pod proxy.Pod) bool {
	if pod.Revision() != r.Revision {
		return false
	}
	owner := r.mesh.Decide(pod).Owner
	return owner.Revision != r.Revision || owner.Namespace == "" || owner.Namespace == r.IstioNamespace
}
