package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Options says what to read.
type Options struct {
	// IstioNamespace limits the result to control planes there; empty for all.
	IstioNamespace string
	// Chunk is the page size of lists.
	Chunk int64
}

// Result is what is installed.
type Result struct {
	Planes []Plane
	// Injectors are those of the whole cluster, of tags too.
	Injectors []revision.Injector
	// Gaps are what could not be read; Expired is true where the pods were not all read at one moment.
	Gaps    []cluster.Gap
	Expired bool
	// NamespacesUnknown and PodsUnknown are true where those may not all be read, so that nobody can count them.
	NamespacesUnknown, PodsUnknown bool
}

// Read reads what is installed. What the caller may not read becomes a gap; the error is for webhook configurations that may not
// be read, without which nothing is known, for a namespace that no control plane is in, and for a cluster that cannot be reached or that
// fails.
func Read(ctx context.Context, clients *cluster.Clients, o Options) (*Result, error) {
	m, err := ReadMesh(ctx, clients, o)
	if err != nil {
		return nil, err
	}
	if _, err := revision.InstalledIn(o.IstioNamespace, m.Injectors()); err != nil && o.IstioNamespace != "" {
		return nil, err
	}
	deployments, gaps, err := ReadDeployments(ctx, clients, NamespacesOf(m))
	if err != nil {
		return nil, err
	}
	r := &Result{Injectors: m.Injectors(), Gaps: append(m.Gaps(), gaps...)}
	r.NamespacesUnknown = slices.ContainsFunc(r.Gaps, func(g cluster.Gap) bool { return g.Missing == string(mesh.Namespaces) })
	pods, err := r.countPods(ctx, clients, m, o.Chunk)
	if err != nil {
		return nil, err
	}
	for _, p := range Planes(m, deployments, pods) {
		if o.IstioNamespace == "" || p.Namespace == o.IstioNamespace || p.Namespace == "" {
			r.Planes = append(r.Planes, p)
		}
	}
	return r, nil
}

// ReadMesh reads the mesh. The error is also for webhook configurations that may not be read, without which nothing is known.
func ReadMesh(ctx context.Context, clients *cluster.Clients, o Options) (*mesh.Mesh, error) {
	m, err := mesh.Read(ctx, clients, mesh.Options{IstioNamespace: o.IstioNamespace, Chunk: o.Chunk})
	if err != nil {
		return nil, err
	}
	if m.InjectorsKnown() {
		return m, nil
	}
	for _, gap := range m.Gaps() {
		if gap.Missing == string(mesh.Webhooks) {
			return nil, fmt.Errorf("nothing can be told: %w", gap)
		}
	}
	return nil, errors.New("nothing can be told without the webhook configurations")
}

// NamespacesOf returns the namespaces in which installed control planes are, each once.
func NamespacesOf(m *mesh.Mesh) []string {
	var namespaces []string
	seen := map[string]bool{"": true}
	for _, owner := range revision.Installed(m.Injectors()) {
		if !seen[owner.Namespace] {
			seen[owner.Namespace] = true
			namespaces = append(namespaces, owner.Namespace)
		}
	}
	return namespaces
}

// countPods counts the pods that run each control plane's proxies, page by page.
func (r *Result) countPods(ctx context.Context, clients *cluster.Clients, m *mesh.Mesh, chunk int64) (map[revision.ControlPlane]int, error) {
	count := map[revision.ControlPlane]int{}
	installed := revision.Installed(m.Injectors())
	gap, err := clients.Everywhere(ctx, "pods", "", func(namespace string) error {
		result, err := podlist.Each(ctx, clients.Core, namespace, podlist.Options{Chunk: chunk}, func(pod proxy.Pod) error {
			if rev := pod.Revision(); rev != "" && !pod.Terminal() {
				count[ownerOf(rev, installed, func() revision.ControlPlane { return m.Decide(pod).Owner })]++
			}
			return nil
		})
		r.Expired = r.Expired || result.Expired
		return err
	})
	if gap != nil {
		r.Gaps, r.PodsUnknown = append(r.Gaps, *gap), true
	}
	return count, err
}

// ownerOf returns the control plane that a proxy of that revision belongs to. Where two meshes use one revision's name, it is the
// one that would inject the pod now, if it is among them, else the first.
func ownerOf(rev string, installed []revision.ControlPlane, would func() revision.ControlPlane) revision.ControlPlane {
	var named []revision.ControlPlane
	for _, owner := range installed {
		if owner.Revision == rev {
			named = append(named, owner)
		}
	}
	if len(named) == 0 {
		return revision.ControlPlane{Revision: rev}
	}
	if len(named) > 1 {
		now := would()
		for _, owner := range named {
			if owner == now {
				return owner
			}
		}
	}
	return named[0]
}
