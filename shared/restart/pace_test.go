package restart

import (
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
)

func paced(namespace string, wave, unavailable int) *restartplan.Step {
	s := &restartplan.Step{}
	s.Namespace, s.Wave, s.Unavailable = namespace, wave, unavailable
	return s
}

func TestWhenTheNextWorkloadMayBeBegun(t *testing.T) {
	now := time.Now()
	ran := pace{wave: 1, namespace: "a", waveEnded: now}
	flight := func(steps ...*restartplan.Step) (tasks []*task) {
		for _, s := range steps {
			tasks = append(tasks, &task{step: s})
		}
		return tasks
	}
	for _, c := range []struct {
		rule   string
		pace   pace
		next   *restartplan.Step
		flight []*task
		o      Options
		want   verdict
	}{
		{"the first", pace{}, paced("a", 1, 1), nil, Options{MaxParallel: 1}, verdict{allowed: true}},
		{"no more than are allowed at once", ran, paced("a", 1, 1), flight(paced("a", 1, 1)), Options{MaxParallel: 1}, verdict{}},
		{"one at once where nothing is said", ran, paced("a", 1, 1), flight(paced("a", 1, 1)), Options{}, verdict{}},
		{"a wave waits for the one before", ran, paced("b", 2, 1), flight(paced("a", 1, 1)), Options{MaxParallel: 9}, verdict{}},
		{"and begins once it has ended", ran, paced("b", 2, 1), nil, Options{MaxParallel: 9}, verdict{allowed: true}},
		{"after the pause", ran, paced("b", 2, 1), nil, Options{MaxParallel: 9, Pause: time.Minute}, verdict{why: "pause before namespace b", until: now.Add(time.Minute)}},
		{"which is over some day", pace{wave: 1, namespace: "a", waveEnded: now.Add(-time.Hour)}, paced("b", 2, 1), nil, Options{MaxParallel: 9, Pause: time.Minute}, verdict{allowed: true}},
		{"none within a namespace", ran, paced("a", 2, 1), nil, Options{MaxParallel: 9, Pause: time.Minute}, verdict{allowed: true}},
		{"no more pods down than are allowed", ran, paced("a", 1, 2), flight(paced("a", 1, 1)), Options{MaxParallel: 9, MaxUnavailablePods: 2}, verdict{}},
		{"as many as are", ran, paced("a", 1, 1), flight(paced("a", 1, 1)), Options{MaxParallel: 9, MaxUnavailablePods: 2}, verdict{allowed: true}},
		{"what takes more comes alone", ran, paced("a", 1, 5), nil, Options{MaxParallel: 9, MaxUnavailablePods: 2}, verdict{allowed: true}},
		{"no more pods a minute than are allowed", pace{free: now.Add(time.Second)}, paced("a", 1, 1), nil, Options{PodsPerMinute: 60}, verdict{why: "60 pods a minute", until: now.Add(time.Second)}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := c.pace.may(c.next, c.flight, c.o, now); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}
