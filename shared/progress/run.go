package progress

import (
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// run is how far a run is.
type run struct {
	began       time.Time
	done, total int
	// replaced counts the new pods of the workloads that are done.
	replaced int
	wave     int
	stopping bool
	// pause says what nothing is begun for, empty where something may be; until is zero where its end is not known.
	pause string
	until time.Time
	// underWay are in the order in which they began.
	underWay []*underWay
}

// underWay is a workload that has begun and not ended.
type underWay struct {
	name string
	restart.Progress
}

// observe takes an event in.
func (r *run) observe(e restart.Event) {
	switch e.Kind {
	case restart.RunBegan:
		r.began, r.total = e.Time, e.Total
	case restart.WaveBegan:
		r.wave, r.pause = e.Wave, ""
	case restart.WorkloadBegan:
		r.pause = ""
		r.underWay = append(r.underWay, &underWay{restarttext.Name(e.Item), restart.Progress{Total: e.Item.Pods}})
	case restart.WorkloadChanged:
		if w := r.find(restarttext.Name(e.Item)); w >= 0 {
			r.underWay[w].Progress = e.Progress
			r.underWay[w].Stuck = printing.Escape(e.Progress.Stuck)
		}
	case restart.WorkloadEnded:
		r.end(e.Result)
	case restart.Waiting:
		r.pause, r.until = printing.Escape(e.Text), e.Until
	case restart.Stopping:
		r.stopping, r.pause = true, ""
	}
}

// end counts a workload as done, unless it never had its turn.
func (r *run) end(result *v1alpha1.RestartResult) {
	if w := r.find(restarttext.Name(&result.RestartItem)); w >= 0 {
		r.underWay = slices.Delete(r.underWay, w, w+1)
	}
	if result.Outcome != v1alpha1.NotStarted && result.Outcome != v1alpha1.Skipped {
		r.done++
	}
	r.replaced += result.Replaced
}

func (r *run) find(name string) int {
	return slices.IndexFunc(r.underWay, func(w *underWay) bool { return w.name == name })
}

// stays says whether an event is to be read also when the bars are gone.
func stays(e restart.Event) bool {
	switch e.Kind {
	case restart.WorkloadEnded:
		return restarttext.Bad(e.Result.Outcome)
	default:
		return e.Kind == restart.Stopping || e.Kind == restart.Warned
	}
}
