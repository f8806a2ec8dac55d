package restartplan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// group are the pods of one workload that are there to stay.
type group struct {
	key   podtemplate.Workload
	items []scan.Item
	stale map[string]bool
	// example is the first item that is a reason for doing something, or for not doing it.
	example *scan.Item
	w       *rollout.Workload
}

// groups sorts the pods by their workloads. Pods that are on their way out are nobody's reason any more.
func (p *planner) groups() map[podtemplate.Workload]*group {
	groups := map[podtemplate.Workload]*group{}
	for _, item := range p.in.Pods {
		if item.Pod.Terminating || item.Pod.Terminal() {
			continue
		}
		key := podtemplate.Workload{Namespace: item.Pod.Namespace, Ref: item.Chain.Workload()}
		if groups[key] == nil {
			groups[key] = &group{key: key, stale: map[string]bool{}, w: p.in.Workloads[key]}
		}
		groups[key].add(item, p.stale(item))
	}
	return groups
}

func (g *group) add(item scan.Item, stale bool) {
	g.items = append(g.items, item)
	if stale {
		g.stale[item.Pod.Name] = true
		if g.example == nil {
			g.example = &item
		}
	}
}

// stale says whether a pod is a reason for restarting its workload.
func (p *planner) stale(item scan.Item) bool {
	v := item.Verdict
	switch v.Status {
	case v1alpha1.Outdated, v1alpha1.Ahead, v1alpha1.Mismatched:
		return true
	case v1alpha1.Orphaned:
		return v.Expected.Image != "" || p.o.Unexpected && !v.Dangling
	case v1alpha1.Missing:
		return p.o.Missing
	case v1alpha1.Unexpected:
		return p.o.Unexpected && !v.Dangling
	case v1alpha1.Current:
		return p.o.All
	default:
		return false
	}
}

// with returns the first item for which something holds, nil for none.
func (g *group) with(is func(scan.Item) bool) *scan.Item {
	for i := range g.items {
		if is(g.items[i]) {
			return &g.items[i]
		}
	}
	return nil
}

// stranded is an item whose label names nothing that exists, so that a restart would take its proxy away.
func stranded(item scan.Item) bool { return item.Verdict.Dangling && item.Verdict.Proxy != nil }

func unknown(item scan.Item) bool { return item.Verdict.Status == v1alpha1.Unknown }

// onlyCurrent says whether the workload is restarted although nothing is wrong with it.
func (g *group) onlyCurrent() bool {
	return len(g.stale) > 0 && g.with(func(i scan.Item) bool { return i.Verdict.Status != v1alpha1.Current }) == nil
}

// state is what the scan tells of the workload's rollout.
func (g *group) state(sets []rollout.Set) rollout.State {
	s := rollout.State{Workload: g.w, Sets: sets}
	for _, item := range g.items {
		s.Pods = append(s.Pods, podOf(item.Pod))
	}
	return s
}

func podOf(p proxy.Pod) rollout.Pod {
	pod := rollout.Pod{
		Namespace: p.Namespace, Name: p.Name, UID: p.UID, Created: p.Created, Controller: p.Controller,
		Hash: p.Labels[appsv1.ControllerRevisionHashLabelKey], Ready: p.Ready, Terminating: p.Terminating, Terminal: p.Terminal(),
	}
	if p.HasProxy() {
		pod.Image, pod.Revision = p.Container.Image, p.Revision()
	}
	return pod
}

// item describes the group as far as no decision is needed for it.
func (g *group) item() v1alpha1.RestartItem {
	item := v1alpha1.RestartItem{
		Namespace: g.key.Namespace, Workload: v1alpha1.Workload{Kind: g.key.Ref.Kind, Name: g.key.Ref.Name},
		Pods: len(g.items), Stale: len(g.stale), ByStatus: map[v1alpha1.Status]int{}, From: g.running(),
	}
	for _, i := range g.items {
		item.ByStatus[i.Verdict.Status]++
	}
	if g.example != nil {
		item.Reason, item.To = g.example.Verdict.Reason, target(g.example.Verdict.Expected)
	}
	return item
}

// target is what pods would get, nil for no proxy.
func target(e v1alpha1.Expected) *v1alpha1.RunningProxy {
	if e.Image == "" {
		return nil
	}
	return &v1alpha1.RunningProxy{Image: e.Image, Version: e.Version, Revision: e.Revision}
}

// running counts what the pods run, the most frequent first.
func (g *group) running() []v1alpha1.RunningProxy {
	counts := map[v1alpha1.RunningProxy]int{}
	for _, i := range g.items {
		if p := i.Verdict.Proxy; p != nil {
			counts[v1alpha1.RunningProxy{Image: p.Image, Version: p.Version, Revision: p.Revision}]++
		}
	}
	running := []v1alpha1.RunningProxy{}
	for _, r := range slices.SortedFunc(maps.Keys(counts), func(a, b v1alpha1.RunningProxy) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a.Image+" "+a.Revision, b.Image+" "+b.Revision))
	}) {
		n := counts[r]
		r.Pods = n
		running = append(running, r)
	}
	return running
}

// startup is how long the quickest of its pods took to become ready: the others may have lost their readiness since.
func (g *group) startup() time.Duration {
	var least time.Duration
	for _, i := range g.items {
		took := i.Pod.ReadySince.Sub(i.Pod.Created)
		if !i.Pod.ReadySince.IsZero() && took >= 0 && (least == 0 || took < least) {
			least = max(took, time.Second)
		}
	}
	return least
}
