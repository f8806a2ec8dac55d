package restart

import (
	"fmt"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
)

// pace decides when the next workload of a plan may be begun.
type pace struct {
	// wave is that of the last workload that was begun, namespace its namespace; waveEnded is when nothing of it was under way
	// any more, zero while something is.
	wave      int
	namespace string
	waveEnded time.Time
	// free is when the next pods may be begun under a limit of pods a minute.
	free time.Time
	// told is what was last said to be waited for.
	told string
}

// verdict is whether a workload may be begun, and otherwise why not, and until when where the clock decides.
type verdict struct {
	allowed bool
	why     string
	until   time.Time
}

// may says whether a workload may be begun now, beside those that are under way.
func (p *pace) may(next *restartplan.Step, flight []*task, o Options, now time.Time) verdict {
	unavailable := next.Unavailable
	for _, t := range flight {
		unavailable += t.step.Unavailable
	}
	newWave := p.wave != 0 && next.Wave != p.wave
	switch {
	case len(flight) >= max(1, o.MaxParallel):
		return verdict{}
	case newWave && len(flight) > 0:
		return verdict{}
	case newWave && o.Pause > 0 && next.Namespace != p.namespace && now.Before(p.waveEnded.Add(o.Pause)):
		return verdict{why: fmt.Sprintf("pause before namespace %s", next.Namespace), until: p.waveEnded.Add(o.Pause)}
	case o.MaxUnavailablePods > 0 && unavailable > o.MaxUnavailablePods && len(flight) > 0:
		return verdict{}
	case o.PodsPerMinute > 0 && now.Before(p.free):
		return verdict{why: fmt.Sprintf("%d pods a minute", o.PodsPerMinute), until: p.free}
	default:
		return verdict{allowed: true}
	}
}

// begun notes that a workload was begun.
func (p *pace) begun(s *restartplan.Step, o Options, now time.Time) {
	p.wave, p.namespace, p.waveEnded = s.Wave, s.Namespace, time.Time{}
	if o.PodsPerMinute > 0 {
		p.free = now.Add(time.Duration(s.Replaced()) * time.Minute / time.Duration(o.PodsPerMinute))
	}
}

// begin begins every workload that may be.
func (r *runner) begin() {
	now := time.Now()
	if len(r.flight) == 0 && r.pace.wave != 0 && r.pace.waveEnded.IsZero() {
		r.pace.waveEnded = now
	}
	for len(r.queue) > 0 && r.stopped == "" {
		next := r.queue[0]
		v := r.pace.may(next.step, r.flight, r.o, now)
		if !v.allowed {
			r.tellWait(v)
			return
		}
		if next.step.Wave != r.pace.wave {
			r.observe(Event{Kind: WaveBegan, Wave: next.step.Wave})
		}
		r.queue = r.queue[1:]
		r.pace.begun(next.step, r.o, now)
		r.start(next)
	}
}

func (r *runner) tellWait(v verdict) {
	if v.why == "" || v.why == r.pace.told {
		return
	}
	r.pace.told = v.why
	r.observe(Event{Kind: Waiting, Text: v.why, Until: v.until})
}
