// Package live keeps up with a cluster: it lists once what decides about injection, and the pods, then watches them, and
// says what became of each pod. Nothing is listed again unless a watch has expired.
package live

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Options says what to follow.
type Options struct {
	scan.Options
	// IstioNamespace holds the configuration of control planes that are called by URL, which does not tell; empty where
	// the user has not said.
	IstioNamespace string
	// Above also follows what stands above Deployments, StatefulSets, DaemonSets and ReplicationControllers.
	Above bool
}

// Update is what has changed since the last one. The first holds everything there is.
type Update struct {
	// Mesh is what the cluster says about injection now.
	Mesh *mesh.Mesh
	// Changes are the pods of which there is something else to say than before, by namespace and name.
	Changes []Change
	// Gaps are what may not be read.
	Gaps []cluster.Gap
	// Lost is why the cluster cannot be followed at the moment, nil while it can.
	Lost error
}

// Change is what there was and what there is to say of one pod, nil where it was or is not there.
type Change struct{ Before, After *scan.Item }

// settle is how long changes are gathered before they are told: a rollout brings many at once.
const settle = 100 * time.Millisecond

// Follow calls do with what there is, and then with what changes, until the context ends or do returns an error. A cluster
// that cannot be reached is an error at first, and later something that passes: Update says so. What the caller may not
// list is a gap, apart from pods.
func Follow(ctx context.Context, clients *cluster.Clients, options Options, do func(Update) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &follower{
		clients: clients, options: options, do: do, events: make(chan event),
		objects: mesh.NewObjects(), owners: workload.NewOwners(), sets: scan.NewKnownDaemonSets(),
		pods: map[string]*followed{}, touched: map[string]bool{}, lost: map[*feed]error{}, started: map[string]bool{},
	}
	f.start(ctx, f.webhooks())
	return f.run(ctx)
}

// follower is the one goroutine that holds the state.
type follower struct {
	clients *cluster.Clients
	options Options
	do      func(Update) error
	events  chan event

	objects *mesh.Objects
	owners  *workload.Owners
	sets    *scan.KnownDaemonSets
	mesh    *mesh.Mesh
	pods    map[string]*followed

	// meshChanged and allTouched say that everything has to be judged again, touched which pods.
	meshChanged, allTouched bool
	touched                 map[string]bool
	// feeds are all that run, started their names, lost those that cannot reach the cluster.
	feeds   []*feed
	started map[string]bool
	lost    map[*feed]error
	// told is true once there was an update, toldLost while the last one said that the cluster is lost.
	told, toldLost bool
}

// followed is a pod, and what was last said of it.
type followed struct {
	pod  proxy.Pod
	item *scan.Item
	gone bool
}

// start begins to follow a feed, unless it is followed already.
func (f *follower) start(ctx context.Context, feeds ...*feed) {
	for _, n := range feeds {
		if f.started[n.what] {
			continue
		}
		f.started[n.what] = true
		f.feeds = append(f.feeds, n)
		feedCtx, stop := context.WithCancel(ctx)
		n.stop = stop
		go n.run(feedCtx, f.options.Chunk, f.events)
	}
}

func (f *follower) run(ctx context.Context) error {
	var settled <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-f.events:
			if err := f.hear(ctx, e); err != nil {
				return err
			}
			if settled == nil {
				settled = time.After(settle)
			}
		case <-settled:
			settled = nil
			if err := f.tell(ctx); err != nil {
				return err
			}
		}
	}
}

// hear takes over what a feed says. The error ends the following.
func (f *follower) hear(ctx context.Context, e event) error {
	switch {
	case e.kind == working:
		delete(f.lost, e.feed)
	case e.kind == failed && !e.feed.synced && (!f.told || apierrors.IsForbidden(e.err)):
		return f.refuse(e)
	case e.kind == failed:
		f.lost[e.feed] = e.err
	default:
		e.feed.apply(e)
		if e.kind == listed {
			e.feed.synced = true
			f.proceed(ctx)
		}
	}
	return nil
}

// refuse turns the failure of a feed's first list into a gap, where that is all it means.
func (f *follower) refuse(e event) error {
	if !apierrors.IsForbidden(e.err) || e.feed.lack == nil {
		return fmt.Errorf("reading %s: %w", e.feed.what, e.err)
	}
	e.feed.lack(e.err)
	e.feed.synced = true
	e.feed.stop()
	return nil
}

// proceed follows what comes into question by what is known: everything, once the webhooks have been read, and more where
// these lead to another of Istio's namespaces.
func (f *follower) proceed(ctx context.Context) {
	if f.feeds[0].synced {
		f.start(ctx, f.all()...)
		for _, namespace := range f.objects.IstioNamespaces(f.options.IstioNamespace) {
			f.start(ctx, f.configMaps(namespace), f.services(namespace))
		}
	}
}

func (f *follower) synced() bool {
	return !slices.ContainsFunc(f.feeds, func(n *feed) bool { return !n.synced })
}

// tell judges what was touched, and calls do if there is something to say.
func (f *follower) tell(ctx context.Context) error {
	f.proceed(ctx)
	if !f.synced() {
		return nil
	}
	meshChanged := f.meshChanged || f.mesh == nil
	if meshChanged {
		f.mesh = f.objects.Mesh(f.options.IstioNamespace)
	}
	changes, err := f.judge(ctx, meshChanged || f.allTouched)
	if err != nil || !f.synced() {
		return err
	}
	f.meshChanged, f.allTouched = false, false
	clear(f.touched)
	lost := f.lostError()
	if f.told && len(changes) == 0 && !meshChanged && (lost != nil) == f.toldLost {
		return nil
	}
	f.told, f.toldLost = true, lost != nil
	return f.do(Update{Mesh: f.mesh, Changes: changes, Gaps: f.gaps(), Lost: lost})
}

func (f *follower) gaps() []cluster.Gap {
	return slices.Concat(f.mesh.Gaps(), f.owners.Gaps(), f.sets.Gaps())
}

// lostError is that of the first feed, by name, that cannot reach the cluster.
func (f *follower) lostError() error {
	first := slices.SortedFunc(maps.Keys(f.lost), func(a, b *feed) int { return cmp.Compare(a.what, b.what) })
	if len(first) == 0 {
		return nil
	}
	return fmt.Errorf("watching %s: %w", first[0].what, f.lost[first[0]])
}

// judge returns what has changed about the pods that were touched, or about all.
func (f *follower) judge(ctx context.Context, all bool) ([]Change, error) {
	ids := slices.Collect(maps.Keys(f.touched))
	if all {
		ids = slices.Collect(maps.Keys(f.pods))
	}
	slices.Sort(ids)
	scanner := scan.New(f.mesh, f.owners, f.sets)
	var changes []Change
	for _, id := range ids {
		p := f.pods[id]
		if p == nil {
			continue
		}
		before := p.item
		if err := f.judgeOne(ctx, scanner, p); err != nil {
			return nil, err
		}
		if !same(before, p.item) {
			changes = append(changes, Change{before, p.item})
		}
		if p.gone {
			delete(f.pods, id)
		}
	}
	return changes, nil
}

func (f *follower) judgeOne(ctx context.Context, scanner *scan.Scanner, p *followed) error {
	if p.pod.Type == proxy.Ztunnel || p.pod.Type == proxy.CNI {
		f.start(ctx, f.daemonSets())
	}
	if p.gone || f.options.Only != nil && !f.options.Only(p.pod, f.owners.Of(p.pod)) {
		p.item = nil
		return nil
	}
	item, err := scanner.Judge(ctx, p.pod)
	p.item = &item
	return err
}

// same says whether there is the same to say of a pod.
func same(a, b *scan.Item) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := a.Report(), b.Report()
	samePod := x.Proxy == nil && y.Proxy == nil || x.Proxy != nil && y.Proxy != nil && *x.Proxy == *y.Proxy
	x.Proxy, y.Proxy = nil, nil
	return samePod && x == y && a.Verdict.Dangling == b.Verdict.Dangling && slices.Equal(a.Chain.Refs, b.Chain.Refs)
}

// touchThoseOf notes that the pods that an object controls have to be judged again.
func (f *follower) touchThoseOf(namespace string, ref workload.Ref) {
	for id, p := range f.pods {
		if p.pod.Namespace == namespace && f.owners.Of(p.pod).Contains(ref) {
			f.touched[id] = true
		}
	}
}

func (f *follower) setPod(o runtime.Object) {
	pod := podOf(o)
	id := pod.Namespace + "/" + pod.Name
	if p, ok := f.pods[id]; ok {
		p.pod, p.gone = pod, false
	} else {
		f.pods[id] = &followed{pod: pod}
	}
	f.touched[id] = true
}

func (f *follower) removePod(o runtime.Object) {
	id := idOf(o)
	if p, ok := f.pods[id]; ok {
		p.gone = true
		f.touched[id] = true
	}
}
