package rollout

import (
	"slices"
	"time"
)

// State is all that is known of one workload at a moment.
type State struct {
	// Workload is nil for a bare pod, a controller of a kind that is not known, and what is gone.
	Workload *Workload
	// Pods are all of its own, Sets the versions of its template.
	Pods []Pod
	Sets []Set
}

// Live returns the pods that its controller counts.
func (s State) Live() []Pod {
	return slices.DeleteFunc(slices.Clone(s.Pods), func(p Pod) bool { return !p.Live() })
}

// Newest returns what tells the pods of the newest template from the others; false where that is not known, because the
// controller has not seen the newest spec, or has not made anything of it yet.
func (s State) Newest() (is func(Pod) bool, known bool) {
	w := s.Workload
	if w == nil || !w.Observes() {
		return nil, false
	}
	switch {
	case w.Strategy == ByRestartAt:
		// One that was never told to restart has no older pods.
		at, err := time.Parse(time.RFC3339, w.Status.RestartAt)
		return func(p Pod) bool { return err != nil || !p.Created.Before(at) }, true
	case w.Ref.Kind == "StatefulSet":
		return func(p Pod) bool { return p.Hash == w.Status.TemplateRevision }, w.Status.TemplateRevision != ""
	}
	newest, found := s.newestSet()
	return newest.Has, found && !s.resizing(newest)
}

// resizing says whether the controller counts no pod of the newest template, although there are pods of what seems to be it. A
// Deployment's has so far only taken up a change of the replicas, and makes something of the template that was changed along
// with them in its next turn; of a DaemonSet's newest ControllerRevision nothing has been heard yet. Source: isScalingEvent and
// sync in k8s.io/kubernetes/pkg/controller/deployment.
func (s State) resizing(newest Set) bool {
	if s.Workload.Status.Updated > 0 {
		return false
	}
	return slices.ContainsFunc(s.Live(), newest.Has)
}

// newestSet returns the ReplicaSet that bears the Deployment's own revision, or the latest ControllerRevision.
func (s State) newestSet() (Set, bool) {
	var newest Set
	found := false
	for _, set := range s.Sets {
		switch {
		case set.Owner != s.Workload.UID:
		case s.Workload.Ref.Kind == "Deployment":
			if set.Label != "" && set.Label == s.Workload.Status.TemplateRevision {
				return set, true
			}
		case !found || set.Revision > newest.Revision:
			newest, found = set, true
		}
	}
	return newest, found
}

// Held says whether a StatefulSet's partition keeps a pod from being replaced.
func (s State) Held(p Pod) bool {
	w := s.Workload
	if w == nil || w.Strategy != Rolling || w.Partition == 0 {
		return false
	}
	ordinal, ok := p.Ordinal()
	return ok && ordinal-w.FirstOrdinal < w.Partition
}

// Need is what a workload needs for its pods to be replaced.
type Need int

const (
	// Nothing: no pod is stale.
	Nothing Need = iota
	// Observation: its controller has not seen the newest spec, so that it cannot be told.
	Observation
	// Patience: pods of the newest template are not stale, or not there yet, and replace those that are.
	Patience
	// Change: pods of the newest template are stale, so that it takes a new one.
	Change
)

// Need says what a workload needs whose own controller replaces its pods. Stale pods that a partition holds back do not
// count.
func (s State) Need(stale func(Pod) bool) Need {
	any := false
	for _, p := range s.Live() {
		any = any || stale(p) && !s.Held(p)
	}
	switch {
	case !any:
		return Nothing
	case !s.Workload.Observes():
		return Observation
	}
	newest, known := s.Newest()
	if !known {
		return Patience
	}
	for _, p := range s.Live() {
		if newest(p) && stale(p) && !s.Held(p) {
			return Change
		}
	}
	return Patience
}
