// Package live keeps up with a cluster: it lists what decides about injection, and the pods, then watches them, and says what
// became of each pod. How each kind is followed, package feed says.
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
	"github.com/kubectl-mesh/kubectl-mesh/shared/feed"
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
		started: map[string]*meshFeed{}, lost: map[*meshFeed]error{}, unwatched: map[*meshFeed]error{},
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

	// feeds are all that run, started the same by name, lost those that cannot reach the cluster, unwatched those that may
	// list but not watch, spreads the kinds that are followed namespace by namespace.
	feeds           []*meshFeed
	started         map[string]*meshFeed
	lost, unwatched map[*meshFeed]error
	spreads         []*spread
	// podGaps are the namespaces whose pods may not be read.
	podGaps []cluster.Gap
	// told is true once there was an update, toldLost while the last one said that the cluster is lost, toldUnwatched how
	// many it said are not watched, toldGaps how many gaps it named. held is since when changes are held back.
	told, toldLost          bool
	toldUnwatched, toldGaps int
	held                    time.Time
}

// start begins to follow a feed, unless it is followed already.
func (f *follower) start(ctx context.Context, feeds ...*meshFeed) {
	for _, n := range feeds {
		if f.started[n.What] != nil {
			continue
		}
		f.started[n.What] = n
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
	if e.from.ended {
		return nil
	}
	switch e.Kind {
	case feed.Failed:
		return f.fail(e)
	case feed.Working:
		delete(f.lost, e.from)
		delete(f.unwatched, e.from)
	case feed.Unwatched:
		if e.from.essential {
			return fmt.Errorf("watching %s: %w", e.from.What, e.Err)
		}
		delete(f.lost, e.from)
		f.unwatched[e.from] = e.Err
	default:
		e.from.apply(e.Event)
		if e.Kind == feed.Listed {
			e.from.synced = true
			f.proceed(ctx)
		}
	}
	return nil
}

// fail takes over that a feed does not reach the cluster. The failure of its first list is an error, or a gap where that is
// all it means.
func (f *follower) fail(e event) error {
	forbidden := apierrors.IsForbidden(e.Err)
	switch {
	case e.from.synced || f.told && !forbidden:
		f.lost[e.from] = e.Err
	case !forbidden:
		return fmt.Errorf("reading %s: %w", e.from.What, e.Err)
	default:
		e.from.synced = true
		e.from.stop()
		delete(f.lost, e.from)
		return e.from.lack(e.Err)
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
	f.disperse(ctx)
}

// ready says whether there is anything to tell yet: all has been read, and nothing is on its way that may belong to what
// has changed.
func (f *follower) ready() bool {
	if slices.ContainsFunc(f.feeds, func(n *meshFeed) bool { return !n.synced }) {
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
		err := f.settleSpreads()
		if err != nil {
			return err
		}
		if meshChanged, changes, err = f.judge(ctx); err != nil {
			return err
		}
	case !f.told:
		return nil
	}
	lost, gaps := f.lostError(), f.gaps()
	if f.told && !meshChanged && len(changes) == 0 && len(gaps) == f.toldGaps && (lost != nil) == f.toldLost && len(f.unwatched) == f.toldUnwatched {
		return nil
	}
	f.told, f.toldGaps, f.toldLost, f.toldUnwatched = true, len(gaps), lost != nil, len(f.unwatched)
	return f.do(Update{Mesh: f.mesh, Changes: changes, Gaps: gaps, Unwatched: f.unwatchedErrors(), Lost: lost})
}

func (f *follower) gaps() []cluster.Gap {
	return slices.Concat(f.mesh.Gaps(), f.owners.Gaps(), f.sets.Gaps(), f.podGaps)
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
func watching(failed map[*meshFeed]error) []error {
	var errs []error
	for _, n := range slices.SortedFunc(maps.Keys(failed), func(a, b *meshFeed) int { return cmp.Compare(a.What, b.What) }) {
		errs = append(errs, fmt.Errorf("watching %s: %w", n.What, failed[n]))
	}
	return errs
}
