package canary

import (
	"context"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
)

const (
	// again is how long a watch waits at least before it reads the record, tags, namespaces, Deployments and Services again, and share
	// by how much longer it waits than reading took: so it takes no more than a small part of the server's time, however large the
	// mesh is. Pods are not read again but watched.
	again, share = 2 * time.Second, 20
	// calm is how long what has changed about pods is gathered.
	calm = 500 * time.Millisecond
)

// wait is how long after a reading that took so long the next one begins.
func wait(took time.Duration) time.Duration { return max(again, share*took) }

// watch shows the upgrade, and then what changes, until the context ends.
func (o *statusOptions) watch(ctx context.Context, r *statusReader) (err error) {
	view, err := o.view()
	if err != nil {
		return err
	}
	// Also a panic has to leave a terminal that can be used.
	defer func() {
		if closing := view.close(); closing != nil {
			err = writing(closing)
		}
	}()
	if o.machine() {
		return follow(ctx, r.recordOnly, nil, view.show)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := newFollowedPods(r)
	r.pods, r.mesh = p.count, p.meshNow
	var running sync.WaitGroup
	running.Go(func() { p.follow(ctx, r) })
	// It ends before the terminal is given back.
	defer running.Wait()
	defer cancel()
	return follow(ctx, r.read, p, view.show)
}

// recordOnly reads no more than the record.
func (r *statusReader) recordOnly(ctx context.Context) (*moment, error) {
	u, err := r.record(ctx)
	return &moment{namespace: r.namespace, upgrade: u}, err
}

// follow reads again and again, and shows each moment and what the pods make of it in between. lost is why the cluster cannot be read
// any more, nil while it can. The error is that of the first reading, that of pods that cannot be followed, or the context's.
func follow(ctx context.Context, read func(context.Context) (*moment, error), pods *followedPods, show func(m *moment, lost error) error) error {
	var last *moment
	for {
		start := time.Now()
		m, err := read(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && last == nil:
			return err
		case err == nil:
			last = m
		}
		if err := show(last, pods.lostOr(err)); err != nil {
			return err
		}
		if err := between(ctx, wait(time.Since(start)), last, err, pods, show); err != nil {
			return err
		}
	}
}

// between shows, for so long, what changes about the pods of the last moment. failed is why a newer one could not be read.
func between(ctx context.Context, wait time.Duration, last *moment, failed error, pods *followedPods, show func(*moment, error) error) error {
	over := time.After(wait)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over:
			return nil
		case <-pods.changes():
		}
		// Pods that follow other tags or labels than those of the last moment would make no sense beside it.
		if pods.outrun() {
			return pause(ctx)
		}
		if last.upgrade != nil {
			counted, err := pods.count(ctx)
			if err != nil {
				return err
			}
			now := *last
			now.pods = counted
			last = &now
		}
		if err := show(last, pods.lostOr(failed)); err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(calm):
		return nil
	}
}

// followedPods are the pods of a mesh as live keeps up with them.
type followedPods struct {
	// known is closed once there is anything to say, changed holds something while there is more to say than was said.
	known, changed chan struct{}
	knowing        sync.Once

	mutex sync.Mutex
	pods  map[string]proxy.Pod
	gap   *cluster.Gap
	// mesh is what there is, given what was asked for last.
	mesh, given *mesh.Mesh
	// lost is why the cluster cannot be followed at the moment, failed why it cannot be followed at all. Where that is because pods may
	// not be watched, refused is true, and they are listed each time.
	lost, failed error
	refused      bool
	// list and read are what pods and mesh are read by without following them.
	list func(context.Context) (*upgradehands.Counted, error)
	read func(context.Context) (*mesh.Mesh, error)
}

func newFollowedPods(r *statusReader) *followedPods {
	return &followedPods{
		known: make(chan struct{}), changed: make(chan struct{}, 1), pods: map[string]proxy.Pod{}, list: r.pods, read: r.mesh,
	}
}

// follow keeps up with the pods until the context ends.
func (p *followedPods) follow(ctx context.Context, r *statusReader) {
	options := live.Options{Options: scan.Options{Chunk: r.chunk}, IstioNamespace: r.namespace}
	p.end(live.Follow(ctx, r.clients, options, p.update))
}

// end takes over why the pods are not followed any more.
func (p *followedPods) end(err error) {
	p.mutex.Lock()
	if p.refused = apierrors.IsForbidden(err); !p.refused {
		p.failed = err
	}
	p.mutex.Unlock()
	p.tell()
}

func (p *followedPods) update(u live.Update) error {
	p.mutex.Lock()
	for _, c := range u.Changes {
		if c.After == nil {
			delete(p.pods, c.Before.Pod.Namespace+"/"+c.Before.Pod.Name)
		} else {
			p.pods[c.After.Pod.Namespace+"/"+c.After.Pod.Name] = c.After.Pod
		}
	}
	p.mesh, p.lost = u.Mesh, u.Lost
	for _, gap := range u.Gaps {
		if strings.HasPrefix(gap.Missing, "pods in ") {
			p.gap = &gap
		}
	}
	p.mutex.Unlock()
	p.tell()
	return nil
}

func (p *followedPods) tell() {
	p.knowing.Do(func() { close(p.known) })
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// await waits until there is anything to say. The error is that of pods that cannot be followed, or the context's.
func (p *followedPods) await(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-p.known:
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.failed
}

// count counts the pods as they are now.
func (p *followedPods) count(ctx context.Context) (*upgradehands.Counted, error) {
	if err := p.await(ctx); err != nil {
		return nil, err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.refused {
		return p.list(ctx)
	}
	counted := upgradehands.NewCounted()
	counted.Gap = p.gap
	for _, pod := range p.pods {
		counted.Add(pod)
	}
	return counted, nil
}

// meshNow returns the mesh as it is now.
func (p *followedPods) meshNow(ctx context.Context) (*mesh.Mesh, error) {
	if err := p.await(ctx); err != nil {
		return nil, err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.refused {
		return p.read(ctx)
	}
	p.given = p.mesh
	return p.mesh, nil
}

// outrun says whether the mesh has changed since it was asked for.
func (p *followedPods) outrun() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.given != nil && p.given != p.mesh
}

// changes says when there is more to say of the pods, never where there are none.
func (p *followedPods) changes() <-chan struct{} {
	if p == nil {
		return nil
	}
	return p.changed
}

// lostOr returns an error, or why the pods are lost.
func (p *followedPods) lostOr(err error) error {
	if err != nil || p == nil {
		return err
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.lost
}
