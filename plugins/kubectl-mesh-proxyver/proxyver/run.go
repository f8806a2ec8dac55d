package proxyver

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Run reads the mesh, scans the pods and prints. The error carries the exit code: 1 where the answer is incomplete, 2
// for findings under --exit-code.
func (o *Options) Run(ctx context.Context) error {
	config, err := plugin.RESTConfig(o.ConfigFlags, "kubectl-mesh-proxyver")
	if err != nil {
		return err
	}
	clients, err := cluster.Connect(config)
	if err != nil {
		return err
	}
	named, err := o.resolve()
	if err != nil {
		return err
	}
	m, owners, err := o.read(ctx, clients)
	if err != nil {
		return err
	}
	out, err := o.output()
	if err != nil {
		return err
	}
	seen, err := o.scan(ctx, scan.New(clients, m, owners), m, named, out)
	if err != nil {
		return err
	}
	if err := cmp.Or(o.noIstio(m, seen), named.untraced()); err != nil {
		return err
	}
	if t := tallyOf(out); t != nil && o.By == byRevision {
		o.addInstalled(t, m)
	}
	if err := out.print(o.Out); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if t := tallyOf(out); t == nil || len(t.groups) == 0 {
		o.sayEmpty(seen)
	}
	o.sayDangling(seen)
	return o.conclude(seen, append(m.Gaps(), owners.Gaps()...))
}

// read reads the mesh and the owners of its workloads at the same time. Where both fail, as with a cluster that cannot
// be reached, the error is always the mesh's.
func (o *Options) read(ctx context.Context, clients *cluster.Clients) (*mesh.Mesh, *workload.Owners, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var owners *workload.Owners
	var ownersErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		owners, ownersErr = workload.ReadOwners(ctx, clients, workload.Options{
			Namespace: o.namespace, Above: o.Output == outputWide || len(o.Args) > 0, Chunk: o.Chunk,
		})
	}()
	m, err := mesh.Read(ctx, clients, mesh.Options{
		Namespace: o.namespace, IstioNamespace: o.IstioNamespace, Chunk: o.Chunk,
	})
	if err != nil {
		cancel()
	}
	<-done
	return m, owners, cmp.Or(err, ownersErr)
}

func (o *Options) scan(ctx context.Context, scanner *scan.Scanner, m *mesh.Mesh, named targets, out output) (*seen, error) {
	mine, err := o.mesh(m)
	if err != nil {
		return nil, err
	}
	s := &seen{statuses: map[v1alpha1.Status]int{}}
	options := scan.Options{
		Namespace: o.namespace, LabelSelector: o.LabelSelector, FieldSelector: o.FieldSelector,
		Chunk: o.Chunk, Only: named.only(),
	}
	return s, scanner.Each(ctx, options, func(item scan.Item) error {
		if !mine(item) {
			return nil
		}
		v := item.Verdict
		switch {
		case item.Pod.Terminal() && !o.All:
			s.ended++
			return nil
		case v.Status == v1alpha1.None && !o.All:
			s.hidden++
			if v.Dangling {
				s.dangling++
			}
			return nil
		}
		s.shown++
		s.statuses[v.Status]++
		if v.Proxy != nil {
			s.proxies++
		}
		if v.Status == v1alpha1.Unknown && !slices.Contains(s.unknown, v.Reason) {
			s.unknown = append(s.unknown, v.Reason)
		}
		out.add(item)
		return nil
	})
}

// noIstio ends the command where there is neither an injector nor a proxy: the likeliest cause is the wrong cluster.
func (o *Options) noIstio(m *mesh.Mesh, s *seen) error {
	if !m.InjectorsKnown() || len(m.Injectors()) > 0 {
		return nil
	}
	if s.proxies == 0 {
		return fmt.Errorf("no Istio found: no mutating webhook's name ends in sidecar-injector.istio.io; is this the right " +
			"cluster? See `kubectl config current-context` and `kubectl get mutatingwebhookconfigurations`")
	}
	fmt.Fprintln(o.ErrOut, "warning: no injector is left in this cluster: nothing would be injected anywhere")
	return nil
}

// addInstalled adds the revisions that have no pods.
func (o *Options) addInstalled(t *tally, m *mesh.Mesh) {
	for _, owner := range revision.Installed(m.Injectors()) {
		// A control plane that is called by URL has no namespace, and counts as part of the mesh that was named.
		if o.IstioNamespace != "" && owner.Namespace != "" && owner.Namespace != o.IstioNamespace {
			continue
		}
		g := t.at(groupKey{name: owner.Revision})
		if g.pods == 0 {
			g.wants[m.ExpectedVersion(owner)]++
		}
	}
}
