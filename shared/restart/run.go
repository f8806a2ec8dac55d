package restart

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
)

// Run does what the plan says and returns what became of it. When ctx is cancelled, no more is begun and what is under way is
// awaited; when its deadline passes, the run ends at once. The error says that the run could not begin, because something that
// it has to watch may not be watched or the cluster cannot be reached; nothing is changed then. Everything else is in the report.
func Run(ctx context.Context, clients *cluster.Clients, plan *restartplan.Plan, o Options) (*v1alpha1.RestartReport, error) {
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r := &runner{
		ctx: work, clients: clients, o: o, store: newStore(), inbox: make(chan func(), 64), began: time.Now(),
		byKey: map[podtemplate.Workload]*task{}, byUID: map[types.UID]*task{}, dirty: map[*task]bool{},
		warned: map[string]bool{}, questions: make(chan struct{}, parallelQuestions), feeds: map[string]*following{},
	}
	r.take(plan)
	if len(r.queue) > 0 {
		if err := r.follow(ctx); err != nil {
			return nil, err
		}
		r.observe(Event{Kind: RunBegan, Total: len(r.queue)})
		r.loop(ctx)
	}
	return r.report(), nil
}

// runner is one run. But for what it says otherwise, it belongs to the goroutine that called Run.
type runner struct {
	// ctx lasts as long as the run does, whoever interrupts it.
	ctx     context.Context
	clients *cluster.Clients
	o       Options
	store   *store
	// inbox is what other goroutines have to say.
	inbox chan func()

	// tasks are all of the plan's, queue those that have not had their turn.
	tasks, queue []*task
	flight       []*task
	byKey        map[podtemplate.Workload]*task
	byUID        map[types.UID]*task
	dirty        map[*task]bool
	pace         pace

	feeds     map[string]*following
	lost      bool
	warned    map[string]bool
	questions chan struct{}
	// allowed is true once the injector could be asked at all. It is read and set by the goroutines that ask.
	allowed atomic.Bool

	began time.Time
	// stopped says why no more is begun, empty while more is.
	stopped string
}

func (r *runner) observe(e Event) {
	e.Time = time.Now()
	r.o.Observe(e)
}

func (r *runner) warn(text string) {
	if !r.warned[text] {
		r.warned[text] = true
		r.observe(Event{Kind: Warned, Text: text})
	}
}

// take makes tasks of the plan's steps.
func (r *runner) take(plan *restartplan.Plan) {
	for i := range plan.Steps {
		t := &task{step: &plan.Steps[i], replaced: map[types.UID]bool{}, evicted: map[types.UID]bool{}}
		r.tasks = append(r.tasks, t)
		if !t.step.Acts() {
			t.phase = ended
			t.result = &v1alpha1.RestartResult{RestartItem: t.step.RestartItem, Outcome: v1alpha1.Skipped, Message: t.step.Reason}
			continue
		}
		r.queue = append(r.queue, t)
		r.byKey[t.step.Key()] = t
		r.byUID[t.step.UID] = t
	}
}

// tick is how often it is looked at what only the clock tells: timeouts, pauses, and what has failed for a while.
const tick = 250 * time.Millisecond

func (r *runner) loop(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	interrupted, stop := ctx.Done(), r.o.Stop
	stopped := func(reason string) {
		stop = nil
		r.stop(reason)
	}
	cancelled := func() {
		interrupted = nil
		r.interrupt(ctx)
	}
	over, last := timerAt(ctx), (<-chan time.Time)(nil)
	for {
		r.begin()
		if len(r.flight) == 0 && (len(r.queue) == 0 || r.stopped != "") {
			return
		}
		select {
		case do := <-r.inbox:
			do()
			r.drain()
		case <-ticker.C:
			for _, t := range r.flight {
				r.dirty[t] = true
			}
		case reason := <-stop:
			stopped(reason)
		case <-interrupted:
			cancelled()
		case <-over:
			r.expire()
			last = time.After(restoreLimit)
		case <-last:
			r.abandon(TimeIsOver)
			return
		case <-r.o.Abort:
			r.abandon("interrupted again")
			return
		}
		// A stop that comes together with something else counts before anything more is changed.
		select {
		case reason := <-stop:
			stopped(reason)
		case <-interrupted:
			cancelled()
		default:
		}
		r.settle()
	}
}

// interrupt begins no more where the context was cancelled; its deadline is another matter.
func (r *runner) interrupt(ctx context.Context) {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		r.stop(ByInterrupt)
	}
}

// ByInterrupt is why a run has stopped whose context was cancelled.
const ByInterrupt = "interrupted"

// TimeIsOver is why a run has stopped whose context's deadline has passed.
const TimeIsOver = "the time allowed by --timeout is over"

// timerAt fires at the context's deadline, also where the context is cancelled before; never without a deadline.
func timerAt(ctx context.Context) <-chan time.Time {
	deadline, limited := ctx.Deadline()
	if !limited {
		return nil
	}
	return time.After(time.Until(deadline))
}

// expire ends what is under way, but for what would be left worse than it was: replicas are put back, and a bare pod that was
// deleted is created again.
func (r *runner) expire() {
	r.stop(TimeIsOver)
	for _, t := range slices.Clone(r.flight) {
		switch {
		case t.phase == restoring:
		case t.step.Method == v1alpha1.ByRecreation && (t.changed || t.saved != nil):
			t.deadline = time.Now().Add(restoreLimit)
		default:
			r.finish(t, v1alpha1.Interrupted, TimeIsOver+r.standing(t))
		}
	}
}

// drain does what else has come meanwhile: a rollout brings many changes at once.
func (r *runner) drain() {
	for range cap(r.inbox) {
		select {
		case do := <-r.inbox:
			do()
		default:
			return
		}
	}
}

// settle looks at every task that something has changed for.
func (r *runner) settle() {
	for t := range r.dirty {
		delete(r.dirty, t)
		if t.under() {
			r.advance(t)
		}
	}
}

// later makes a call that takes time, and gives its outcome to the run's own goroutine. then is not called once the task has
// ended or makes another call. The call runs on a goroutine of its own, and may touch neither the task nor the run's state.
func later[T any](r *runner, t *task, call func(context.Context) (T, error), then func(T, error)) {
	t.calls++
	ctx, turn := t.ctx, t.calls
	go func() {
		value, err := call(ctx)
		select {
		case r.inbox <- func() {
			if t.phase != ended && t.calls == turn {
				then(value, err)
				r.dirty[t] = true
			}
		}:
		case <-r.ctx.Done():
		}
	}()
}

// stop begins no more.
func (r *runner) stop(reason string) {
	if r.stopped == "" {
		r.stopped = reason
		r.observe(Event{Kind: Stopping, Text: reason, Total: r.awaited()})
	}
}

// awaited counts what goes on after a stop: what nothing was changed for yet is not begun, and what is out of time is ended.
func (r *runner) awaited() int {
	n := 0
	for _, t := range r.flight {
		if r.stopped != TimeIsOver && (t.begun() || t.step.Action != v1alpha1.Restart) {
			n++
		}
	}
	return n
}

// abandon ends what is under way as it is.
func (r *runner) abandon(reason string) {
	r.stop(reason)
	for _, t := range slices.Clone(r.flight) {
		message := reason + r.standing(t)
		if r.raisedNow(t) {
			message += "; it has more replicas than it should: the same command puts them back"
		}
		r.end(t, v1alpha1.Interrupted, message)
	}
}

// start gives a task its turn.
func (r *runner) start(t *task) {
	now := time.Now()
	t.began, t.moved, t.deadline = now, now, now.Add(r.o.WorkloadTimeout)
	// A request that is on its way when the time is over may still be answered.
	t.ctx, t.cancel = context.WithDeadline(r.ctx, t.deadline)
	r.flight = append(r.flight, t)
	r.observe(Event{Kind: WorkloadBegan, Item: &t.step.RestartItem})
	if t.step.Action == v1alpha1.PutBack {
		// The run that has changed it may still be under way: until the rollout is done, it needs what it has. What somebody else
		// has set since stays as it is.
		t.phase = rolling
		r.dirty[t] = true
		return
	}
	r.ask(t)
}

// end notes what became of a task.
func (r *runner) end(t *task, outcome v1alpha1.Outcome, message string) {
	if t.phase == ended {
		return
	}
	began := metav1.NewTime(t.began)
	// A second replica for the time of the restart, and what is scaled up meanwhile, comes new and replaces nothing.
	replaced := min(len(t.replaced), t.step.Pods)
	t.result = &v1alpha1.RestartResult{
		RestartItem: t.step.RestartItem, Outcome: outcome, Message: message, Replaced: replaced,
		StartedAt: &began, Seconds: seconds(time.Since(t.began)),
	}
	t.phase = ended
	t.cancel()
	r.land(t)
	r.observe(Event{Kind: WorkloadEnded, Item: &t.step.RestartItem, Result: t.result})
	canary := t.step.Wave == 1 && r.o.Canary > 0
	if failure(outcome) && !r.o.GoOn || canary && !Well(outcome) {
		r.stop(fmt.Sprintf("%s in namespace %s has %s", t.step.Ref, t.step.Namespace, failed(outcome)))
	}
}

func (r *runner) land(t *task) {
	for i := range r.flight {
		if r.flight[i] == t {
			r.flight = append(r.flight[:i], r.flight[i+1:]...)
			return
		}
	}
}

// failure says whether an outcome is one after which no more is begun.
func failure(o v1alpha1.Outcome) bool {
	return o == v1alpha1.Failed || o == v1alpha1.TimedOut || o == v1alpha1.StillOld
}

func failed(o v1alpha1.Outcome) string {
	switch o {
	case v1alpha1.TimedOut:
		return "not become ready in time"
	case v1alpha1.StillOld:
		return "been rolled out, and is still old"
	case v1alpha1.Refused:
		return "been refused"
	default:
		return "failed"
	}
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(100*time.Millisecond)) / float64(time.Second)
}
