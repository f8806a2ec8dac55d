package rollout

import (
	"math"
	"strconv"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// NextGracePeriod returns the terminationGracePeriodSeconds that makes a new template of a workload's: the owner's own plus
// one, or the next whose template is of no version that inhabited says still has pods. A controller would take these pods, stale
// as they are, for those of the new template. What was set by an earlier restart is not taken for the owner's own, so that the value
// stays close to it however often this is done.
func NextGracePeriod(w *Workload, sets []Set, inhabited func(Set) bool) v1alpha1.GracePeriod {
	own := ownGracePeriod(w)
	taken := map[int64]bool{w.GracePeriod: true}
	for _, s := range sets {
		if s.Owner == w.UID && s.TemplateKey == w.TemplateKey && inhabited(s) {
			taken[s.GracePeriod] = true
		}
	}
	// There are fewer values taken than are tried, and what is too large to be raised is lowered.
	step := int64(1)
	if own > math.MaxInt64-int64(len(taken))-1 {
		step = -1
	}
	next := own + step
	for taken[next] {
		next += step
	}
	return v1alpha1.GracePeriod{Own: own, Set: next}
}

// ownGracePeriod is what the workload's owner wants: what the template says, unless that is what a restart has set.
func ownGracePeriod(w *Workload) int64 {
	own, err := strconv.ParseInt(w.Annotations[OwnGracePeriod], 10, 64)
	set, setErr := strconv.ParseInt(w.Annotations[SetGracePeriod], 10, 64)
	if err == nil && setErr == nil && own >= 0 && set == w.GracePeriod {
		return own
	}
	return w.GracePeriod
}
