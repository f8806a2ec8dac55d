package proxyver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/offline"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Run reads the mesh, scans the pods and prints. The error carries the exit code: 1 where the answer is incomplete, 2
// for findings under --exit-code.
func (o *Options) Run(ctx context.Context) error {
	if o.Watch {
		return o.watch(ctx)
	}
	from, err := o.open(ctx)
	if err != nil {
		return err
	}
	return o.answer(ctx, from)
}

// source is what an answer is made from.
type source struct {
	mesh   *mesh.Mesh
	owners *workload.Owners
	sets   scan.DaemonSets
	named  targets
	// clients are those of the cluster, nil for a dump.
	clients *cluster.Clients
	// dump is nil for a cluster.
	dump *offline.Cluster
	// each calls do for every pod.
	each func(context.Context, *scan.Scanner, scan.Options, func(scan.Item) error) (scan.Result, error)
}

// open reads from the cluster everything but its pods.
func (o *Options) open(ctx context.Context) (*source, error) {
	if o.Filename != "" {
		return o.openDump(ctx)
	}
	clients, err := o.connect()
	if err != nil {
		return nil, err
	}
	named, err := o.resolve(ctx)
	if err != nil {
		return nil, err
	}
	m, owners, err := o.read(ctx, clients)
	if err != nil {
		return nil, err
	}
	return &source{
		mesh: m, owners: owners, sets: scan.ReadDaemonSets(clients), named: named, clients: clients,
		each: func(ctx context.Context, s *scan.Scanner, options scan.Options, do func(scan.Item) error) (scan.Result, error) {
			return s.Each(ctx, clients, options, do)
		},
	}, nil
}

func (o *Options) connect() (*cluster.Clients, error) {
	config, err := plugin.RESTConfig(o.ConfigFlags, pluginName)
	if err != nil {
		return nil, err
	}
	return cluster.Connect(config)
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
			Namespace: o.namespace, Above: o.above(), Chunk: o.Chunk,
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

// above says whether it matters what stands above workloads.
func (o *Options) above() bool { return o.Output == outputWide || len(o.Args) > 0 }

// answer scans the source's pods and prints.
func (o *Options) answer(ctx context.Context, from *source) error {
	// Where there may be no Istio at all, nothing is printed before that is known.
	var held bytes.Buffer
	var to io.Writer = o.Out
	if len(from.mesh.Injectors()) == 0 {
		to = &held
	}
	out, err := o.output(to)
	if err != nil {
		return err
	}
	seen, result, err := o.scan(ctx, from, out)
	if err != nil {
		return err
	}
	if err := cmp.Or(o.noIstio(from.mesh, seen), from.named.absent(from.dump, o.namespace), from.named.untraced()); err != nil {
		return err
	}
	if t := tallyOf(out); t != nil && o.By == byRevision {
		o.addInstalled(t, from.mesh)
	}
	if err := out.finish(); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if _, err := held.WriteTo(o.Out); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	if t := tallyOf(out); t == nil || len(t.groups) == 0 {
		o.sayEmpty(seen)
	}
	o.sayDangling(seen)
	o.sayExpired(result)
	o.sayTaken(from.dump)
	incomplete := o.conclude(seen, append(seen.gaps, result.Gaps...))
	if seen.verification != nil {
		return cmp.Or(o.sayVerified(seen.verification), incomplete)
	}
	return incomplete
}

// gaps returns everything but pods that could not be read.
func (s *source) gaps() []cluster.Gap { return slices.Concat(s.mesh.Gaps(), s.owners.Gaps()) }

func (o *Options) scan(ctx context.Context, from *source, out output) (*seen, scan.Result, error) {
	mine, err := scan.OfMesh(from.mesh, o.IstioNamespace)
	if err != nil {
		return nil, scan.Result{}, err
	}
	s := newSeen()
	s.gaps, s.quiet = from.gaps(), from.dump.Quiet()
	if o.Verify {
		s.verification = newVerification()
	}
	options := scan.Options{
		Namespace: o.namespace, LabelSelector: o.LabelSelector, FieldSelector: o.FieldSelector,
		Chunk: o.Chunk, Only: from.named.only(),
	}
	scanner := scan.New(from.mesh, from.owners, from.sets)
	result, err := from.each(ctx, scanner, options, func(item scan.Item) error {
		if s.verification != nil && o.verifies(item, mine) {
			s.verification.add(item)
			return nil
		}
		return o.take(s, mine, item, out)
	})
	if err != nil || s.verification == nil {
		return s, result, err
	}
	// Where there may be no Istio at all, it may be the wrong cluster, and nothing is put to it.
	if uninstalled(from.mesh) && s.proxies+s.verification.proxies() == 0 {
		return s, result, nil
	}
	return s, result, o.verify(ctx, from, scanner, s, func(item scan.Item) error { return o.take(s, mine, item, out) })
}

// verify asks the injector, and takes what had to wait for its answers.
func (o *Options) verify(ctx context.Context, from *source, scanner *scan.Scanner, s *seen, take func(scan.Item) error) error {
	said := newProgress(o.ErrOut, len(s.verification.workloads))
	err := s.verification.ask(ctx, scanner, from.clients, o.Chunk, said.step)
	said.clear()
	if err != nil {
		return err
	}
	for _, item := range s.verification.items {
		if err := take(item); err != nil {
			return err
		}
	}
	return nil
}

// take adds an item to the answer, if it is part of it.
func (o *Options) take(s *seen, mine func(scan.Item) bool, item scan.Item, out output) error {
	if !mine(item) && !wrong(item) || !s.take(item, o.All) {
		return nil
	}
	return out.add(item)
}

// uninstalled says whether there is surely no injector.
func uninstalled(m *mesh.Mesh) bool { return m.InjectorsKnown() && len(m.Injectors()) == 0 }

// noIstio ends the command where there is neither an injector nor a proxy: the likeliest cause is the wrong cluster.
func (o *Options) noIstio(m *mesh.Mesh, s *seen) error {
	if !uninstalled(m) {
		return nil
	}
	switch {
	case s.proxies > 0:
		fmt.Fprintln(o.ErrOut, "warning: no injector is left in this cluster: nothing would be injected anywhere")
		return nil
	case o.Filename != "":
		return errors.New("no Istio found in the dump: no mutating webhook's name ends in " + revision.InjectorSuffix)
	default:
		return revision.ErrNone
	}
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
