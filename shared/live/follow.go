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

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
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
	// Unwatched are what may be listed but not watched: it is listed again every minute instead.
	Unwatched []error
	// Lost is why the cluster cannot be followed at the moment, nil while it can.
	Lost error
}

// Change is what there was and what there is to say of one pod, nil where it was or is not there.
type Change struct{ Before, After *scan.Item }

// settle is how long changes are gathered before they are told: a rollout brings many at once.
const settle = 100 * time.Millisecond

// regroup is how long, once a lost cluster has something to say again, changes are held back until all of it can be
// followed: what decides about a pod may come later than the pod.
const regroup = 10 * time.Second

// Follow calls do with what there is, and then with what changes, until the context ends or do returns an error. A cluster
// that cannot be reached is an error at first, and later something that passes: Update says so. What the caller may not
// list is a gap, and what it may not watch is listed now and then; pods are an error then.
func Follow(ctx context.Context, clients *cluster.Clients, options Options, do func(Update) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f := &follower{
		clients: clients, options: options, do: do, events: make(chan event),
		objects: mesh.NewObjects(), owners: workload.NewOwners(), sets: scan.NewKnownDaemonSets(),
		pods: map[string]*followed{}, touched: map[string]bool{}, moved: map[owner]bool{}, departed: map[owner]bool{},
		started: map[string]bool{}, lost: map[*feed]error{}, unwatched: map[*feed]error{},
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
	// moved are the owners whose own owner has changed, departed those that are no more.
	moved, departed map[owner]bool
	// scattered is true where ProxyConfigs may be read in single namespaces only, dataPlane once a pod is a DaemonSet's
	// of the data plane.
	scattered, dataPlane bool

	// feeds are all that run, started their names, lost those that cannot reach the cluster, unwatched those that may list
	// but not watch.
	feeds           []*feed
	started         map[string]bool
	lost, unwatched map[*feed]error
	// told is true once there was an update, toldLost while the last one said that the cluster is lost, toldUnwatched how
	// many it said are not watched. held is since when changes are held back.
	told, toldLost bool
	toldUnwatched  int
	held           time.Time
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
	patience := settle
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-f.events:
			if err := f.hear(ctx, e); err != nil {
				return cmp.Or(ctx.Err(), err)
			}
			if settled == nil {
				settled = time.After(patience)
			}
		case <-settled:
			start := time.Now()
			if err := f.tell(ctx); err != nil {
				return err
			}
			// Where much is told, there is time to listen in between.
			patience = max(settle, time.Since(start))
			settled = nil
			if !f.held.IsZero() {
				settled = time.After(patience)
			}
		}
	}
}

// hear takes over what a feed says. The error ends the following.
func (f *follower) hear(ctx context.Context, e event) error {
	switch e.kind {
	case failed:
		return f.fail(e)
	case working:
		delete(f.lost, e.feed)
		delete(f.unwatched, e.feed)
	case unwatched:
		if e.feed.lack == nil {
			return fmt.Errorf("watching %s: %w", e.feed.what, e.err)
		}
		delete(f.lost, e.feed)
		f.unwatched[e.feed] = e.err
	default:
		e.feed.apply(e)
		if e.kind == listed {
			e.feed.synced = true
			f.proceed(ctx)
		}
	}
	return nil
}

// fail takes over that a feed does not reach the cluster. The failure of its first list is an error, or a gap where that is
// all it means.
func (f *follower) fail(e event) error {
	forbidden := apierrors.IsForbidden(e.err)
	switch {
	case e.feed.synced || f.told && !forbidden:
		f.lost[e.feed] = e.err
	case !forbidden || e.feed.lack == nil:
		return fmt.Errorf("reading %s: %w", e.feed.what, e.err)
	default:
		e.feed.lack(e.err)
		e.feed.synced = true
		e.feed.stop()
		delete(f.lost, e.feed)
	}
	return nil
}

// proceed follows what comes into question by what is known: everything, once the webhooks have been read, and more where
// these lead to another of Istio's namespaces.
func (f *follower) proceed(ctx context.Context) {
	if !f.feeds[0].synced {
		return
	}
	f.start(ctx, f.all()...)
	for _, namespace := range f.objects.IstioNamespaces(f.options.IstioNamespace) {
		f.start(ctx, f.of(namespace)...)
	}
	if f.scattered {
		f.start(ctx, f.proxyConfigs(f.options.Namespace))
	}
	if f.dataPlane {
		f.start(ctx, f.daemonSets())
	}
}

// ready says whether there is anything to tell yet: all has been read, and nothing is on its way that may belong to what
// has changed.
func (f *follower) ready() bool {
	if slices.ContainsFunc(f.feeds, func(n *feed) bool { return !n.synced }) {
		return false
	}
	if !f.told || len(f.lost) == 0 || !f.pending() {
		f.held = time.Time{}
		return true
	}
	if f.held.IsZero() {
		f.held = time.Now()
	}
	return time.Since(f.held) > regroup
}

func (f *follower) pending() bool {
	return f.meshChanged || f.allTouched || len(f.touched)+len(f.moved) > 0
}

// tell judges what was touched, and calls do if there is something to say.
func (f *follower) tell(ctx context.Context) error {
	f.proceed(ctx)
	var changes []Change
	meshChanged := false
	switch {
	case f.ready():
		var err error
		if meshChanged, changes, err = f.judge(ctx); err != nil {
			return err
		}
	case !f.told:
		return nil
	}
	lost := f.lostError()
	if f.told && !meshChanged && len(changes) == 0 && (lost != nil) == f.toldLost && len(f.unwatched) == f.toldUnwatched {
		return nil
	}
	f.told, f.toldLost, f.toldUnwatched = true, lost != nil, len(f.unwatched)
	return f.do(Update{Mesh: f.mesh, Changes: changes, Gaps: f.gaps(), Unwatched: f.unwatchedErrors(), Lost: lost})
}

func (f *follower) gaps() []cluster.Gap {
	return slices.Concat(f.mesh.Gaps(), f.owners.Gaps(), f.sets.Gaps())
}

// lostError is that of the first feed, by name, that cannot reach the cluster.
func (f *follower) lostError() error {
	if errs := watching(f.lost); len(errs) > 0 {
		return errs[0]
	}
	return nil
}

func (f *follower) unwatchedErrors() []error { return watching(f.unwatched) }

// watching returns the errors of feeds, sorted by their names.
func watching(failed map[*feed]error) []error {
	var errs []error
	for _, n := range slices.SortedFunc(maps.Keys(failed), func(a, b *feed) int { return cmp.Compare(a.what, b.what) }) {
		errs = append(errs, fmt.Errorf("watching %s: %w", n.what, failed[n]))
	}
	return errs
}
