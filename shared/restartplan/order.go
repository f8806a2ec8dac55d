package restartplan

import (
	"cmp"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// inOrder sorts the steps and gives each its wave. What is skipped comes last.
func inOrder(steps []Step, o Options) []Step {
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(acting(a)-acting(b), o.compare(a, b), compareKeys(a.Key(), b.Key()))
	})
	wave, canaries, behind := 1, 0, o.Canary == 0
	for i := range steps {
		s := &steps[i]
		if !s.Acts() {
			break
		}
		switch {
		case !behind && canaries == o.Canary:
			behind = true
			wave++
		case behind && i > 0 && o.Pause > 0 && s.Namespace != steps[i-1].Namespace:
			wave++
		}
		s.Wave = wave
		// Nothing is learned from what is not restarted.
		if s.Action == v1alpha1.Restart {
			canaries++
		}
	}
	return steps
}

func acting(s Step) int {
	if s.Acts() {
		return 0
	}
	return 1
}

func (o Options) compare(a, b Step) int {
	switch o.Order {
	case BySize:
		return cmp.Compare(a.Pods, b.Pods)
	case ByName:
		return cmp.Compare(a.Ref.Name, b.Ref.Name)
	default:
		return cmp.Compare(a.Namespace, b.Namespace)
	}
}

// usualStartup is how long a pod is taken to need where none of a workload's pods tells.
const usualStartup = 10 * time.Second

// estimate plays the plan: every workload takes a round for each batch of its pods that are replaced at once, on so many
// slots, wave after wave.
func estimate(steps []Step, o Options) time.Duration {
	var now, begun time.Duration
	slots := make([]time.Duration, max(1, o.MaxParallel))
	wave, namespace := 1, ""
	for i := range steps {
		s := &steps[i]
		if !s.Acts() {
			break
		}
		if s.Wave != wave {
			now = slices.Max(slots)
			if namespace != s.Namespace {
				now += o.Pause
			}
			wave = s.Wave
		}
		namespace = s.Namespace
		slot := slices.Index(slots, slices.Min(slots))
		start := max(now, slots[slot], begun)
		slots[slot] = start + s.duration()
		if o.PodsPerMinute > 0 {
			begun = start + time.Duration(s.Replaced())*time.Minute/time.Duration(o.PodsPerMinute)
		}
	}
	return slices.Max(slots)
}

func (s *Step) duration() time.Duration {
	startup := s.Startup
	if startup == 0 {
		startup = usualStartup
	}
	batch := max(1, s.batch)
	return time.Duration((s.Replaced()+batch-1)/batch) * startup
}
