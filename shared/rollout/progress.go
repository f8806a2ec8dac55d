package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Progress is how far a workload is in replacing its pods.
type Progress struct {
	// Done counts the pods that are ready and run what is expected, Total those that there should be.
	Done, Total int
	// Complete is true once the controller is done and every pod is ready. Old counts the pods that are of the newest
	// template, ready, and do not run what is expected.
	Complete bool
	Old      int
	// Missing is how many pods of the newest template there should be and are not.
	Missing int
	// Failed says why it will not get on; CreateFailure why it does not, unless that has passed in a few seconds. Empty where
	// it does.
	Failed, CreateFailure string
	// Stuck says what is waited for, empty where it simply takes its time. Usual is true where that is so for a moment in any
	// rollout, and worth mentioning only if it lasts.
	Stuck string
	Usual bool
}

// patience is after how long it is worth mentioning that a pod is not ready.
const patience = 20 * time.Second

// Progress says how far a workload is whose own controller replaces its pods. fresh says of a pod whether it runs what is
// expected; what a partition holds back is left out.
func (s State) Progress(fresh func(Pod) bool, now time.Time) Progress {
	w := s.Workload
	p := Progress{Total: w.Replicas - s.held(), CreateFailure: w.Status.CreateFailure}
	newest, known := s.Newest()
	switch {
	case w.Paused:
		p.Failed = "its rollout is paused: see `kubectl rollout resume " + w.Ref.String() + " -n " + w.Namespace + "`"
		return p
	case !known:
		p.Stuck, p.Usual = "its controller has not taken up the change yet", true
		return p
	case w.Status.Stalled != "":
		p.Failed = w.Status.Stalled
	}
	var current []Pod
	others := 0
	for _, pod := range s.Live() {
		switch {
		case s.Held(pod):
		case newest(pod):
			current = append(current, pod)
		default:
			others++
		}
	}
	p.count(current, fresh, now)
	p.Missing = max(0, p.Total-len(current))
	enough := len(current) == p.Total
	if w.Strategy == ByRestartAt {
		// In the middle of a canary there may be more pods than the Rollout says.
		enough = len(current) >= p.Total
	}
	p.Complete = others == 0 && enough && allReady(current) && w.done()
	if p.Missing == 0 {
		p.CreateFailure = ""
	}
	return p
}

// held counts the pods that there should be below the partition.
func (s State) held() int {
	if s.Workload.Strategy != Rolling {
		return 0
	}
	return min(s.Workload.Partition, s.Workload.Replicas)
}

// count goes through the pods that count for success.
func (p *Progress) count(pods []Pod, fresh func(Pod) bool, now time.Time) {
	slices.SortFunc(pods, func(a, b Pod) int { return cmp.Compare(a.Name, b.Name) })
	for _, pod := range pods {
		switch {
		case pod.Ready && fresh(pod):
			p.Done++
		case pod.Ready:
			p.Old++
		case pod.Trouble.Fatal && p.Failed == "":
			p.Failed = "pod " + pod.Name + ": " + pod.Trouble.Text
		}
		if !pod.Ready {
			p.stuckOn(pod, now)
		}
	}
}

// stuckOn notes the first pod that has something to say for itself, or that takes long.
func (p *Progress) stuckOn(pod Pod, now time.Time) {
	switch {
	case p.Stuck != "":
	case pod.Trouble.Text != "":
		p.Stuck = "pod " + pod.Name + ": " + pod.Trouble.Text
	case now.Sub(pod.Created) > patience:
		p.Stuck = "pod " + pod.Name + " is not ready"
	}
}

func allReady(pods []Pod) bool {
	return !slices.ContainsFunc(pods, func(p Pod) bool { return !p.Ready })
}

// done says whether the controller itself is done. Source: the status viewers in k8s.io/kubectl/pkg/polymorphichelpers, with
// the cases that they get wrong decided by the pods.
func (w *Workload) done() bool {
	s := w.Status
	switch {
	case w.Strategy == ByRestartAt:
		return (s.RestartAt == "" || restartedSince(s.RestartedAt, s.RestartAt)) && s.Available >= w.Replicas
	case w.Ref.Kind == "StatefulSet":
		return w.Partition > 0 || s.Settled && s.Updated == w.Replicas
	case w.Ref.Kind == "DaemonSet":
		return s.Updated >= w.Replicas && s.Available >= w.Replicas
	default:
		return s.Updated == w.Replicas && s.Replicas == s.Updated && s.Available == s.Updated
	}
}

func restartedSince(done, wish string) bool {
	at, err := time.Parse(time.RFC3339, done)
	wished, wishErr := time.Parse(time.RFC3339, wish)
	return err == nil && wishErr == nil && !at.Before(wished)
}

// Eviction is what to do next for a workload whose pods are evicted one at a time.
type Eviction struct {
	Progress
	// Next is the pod to evict, nil where something has to happen first.
	Next *Pod
}

// Eviction says how far a workload is of whose pods those in old are evicted one at a time, and which is the next: pods that
// serve nobody first, a StatefulSet's from the highest ordinal down. want is how many pods there should be.
func (s State) Eviction(old func(Pod) bool, fresh func(Pod) bool, want int, now time.Time) Eviction {
	e := Eviction{Progress: Progress{Total: want}}
	if s.Workload != nil {
		e.CreateFailure = s.Workload.Status.CreateFailure
	}
	var left, others []Pod
	for _, pod := range s.Live() {
		if old(pod) {
			left = append(left, pod)
		} else {
			others = append(others, pod)
		}
	}
	e.count(others, fresh, now)
	missing := want - len(left) - len(others)
	if e.Missing = max(0, missing); e.Missing == 0 {
		e.CreateFailure = ""
	}
	switch {
	case missing > 0 && e.Stuck == "":
		e.Stuck, e.Usual = fmt.Sprintf("pods that are to be created: %d", missing), true
	case missing > 0, !allReady(others):
	case len(left) == 0:
		e.Complete = true
	default:
		slices.SortFunc(left, evictFirst)
		e.Next = &left[0]
	}
	return e
}

// evictFirst orders pods by which is to go first.
func evictFirst(a, b Pod) int {
	if a.Ready != b.Ready {
		if b.Ready {
			return -1
		}
		return 1
	}
	x, xok := a.Ordinal()
	y, yok := b.Ordinal()
	if xok && yok && x != y {
		return cmp.Compare(y, x)
	}
	return cmp.Compare(a.Name, b.Name)
}
