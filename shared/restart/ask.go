package restart

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// ask puts the workload's own template to the real injector, just before it is restarted.
func (r *runner) ask(t *task) {
	state := r.state(t)
	if r.isGone(t, state) {
		r.gone(t)
		return
	}
	t.phase, t.before, t.want = asking, map[types.UID]bool{}, 0
	for _, p := range state.Live() {
		t.before[p.UID] = true
		t.want++
	}
	later(r, t, func(ctx context.Context) (dryrun.Answer, error) {
		select {
		case r.questions <- struct{}{}:
			defer func() { <-r.questions }()
		case <-ctx.Done():
			return dryrun.Answer{}, ctx.Err()
		}
		return r.question(ctx, t, state.Workload)
	}, func(a dryrun.Answer, err error) { r.answered(t, a, err) })
}

// question asks about the template or, where none is known, about a pod. Who was allowed to ask before is taken at his word only
// if he is refused again and again: a server that has just been started may refuse for a moment.
func (r *runner) question(ctx context.Context, t *task, w *rollout.Workload) (answer dryrun.Answer, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		answer, err = askInjector(ctx, r.clients.Kube, t.step, w)
		if err == nil && answer.Refusal != nil && answer.Refusal.Class == dryrun.Forbidden && r.allowed.Load() {
			return answer.Refusal
		}
		return err
	})
	if answer.Refusal != nil && errors.Is(err, answer.Refusal) {
		return answer, nil
	}
	r.allowed.Store(r.allowed.Load() || err == nil && (answer.Refusal == nil || answer.Refusal.Class != dryrun.Forbidden))
	return answer, err
}

// askInjector asks once.
func askInjector(ctx context.Context, k kube, s *restartplan.Step, w *rollout.Workload) (dryrun.Answer, error) {
	if w != nil {
		if pod, ok := podtemplate.Of(w.Object); ok {
			return dryrun.Ask(ctx, k, pod)
		}
	}
	return dryrun.AskByPod(ctx, k, s.Key(), s.Pod)
}

// answered takes the injector's answer.
func (r *runner) answered(t *task, a dryrun.Answer, err error) {
	switch {
	case err != nil:
		r.fail(t, err.Error())
	case refusedBy(a, t.step) != "":
		r.finish(t, v1alpha1.Refused, refusedBy(a, t.step))
		if a.Refusal != nil && a.Refusal.Class == dryrun.WebhookFailed && a.Refusal.ByInjector() {
			r.stop(injectorDown)
		}
	case a.Refusal == nil:
		t.expected = expectedOf(a)
		r.expect(t)
	default:
		r.warn(fmt.Sprintf("the injector cannot be asked in namespace %s (%s): the prediction is used instead", t.step.Namespace, a.Refusal.Cause))
		t.expected = t.step.Expected
		r.expect(t)
	}
}

// refusedBy says why a workload is not restarted after what the injector has answered, empty where it may be.
func refusedBy(a dryrun.Answer, s *restartplan.Step) string {
	switch {
	case a.Refusal == nil && s.Expected.Image != "" && expectedOf(a).Image == "":
		return "not restarted, because its pods would lose their proxy: the injector adds none"
	case a.Refusal == nil, a.Refusal.Undecided() && s.Method != v1alpha1.ByRecreation:
		return ""
	default:
		return refusal(a.Refusal)
	}
}

const injectorDown = "the injector does not answer, so that no pod that it would inject can be created"

// refusal says why the API server would not create a workload's pods.
func refusal(r *dryrun.Refusal) string {
	text := "not restarted, because the API server would not create its pods: "
	switch r.Class {
	case dryrun.WebhookFailed:
		return text + fmt.Sprintf("webhook %s fails: %s", r.Webhook, r.Cause)
	case dryrun.WebhookDenied:
		return text + fmt.Sprintf("webhook %s denies: %s", r.Webhook, r.Cause)
	default:
		return text + r.Cause
	}
}

// expect compares what the injector gives with what runs.
func (r *runner) expect(t *task) {
	state := r.state(t)
	stale := false
	for _, p := range state.Live() {
		stale = stale || t.stale(p)
	}
	switch {
	case r.isGone(t, state):
		r.gone(t)
	case !stale && allReady(state.Live()) && t.step.Action != v1alpha1.Await:
		r.unchanged(t)
	case stale && t.step.Action != v1alpha1.Await && r.halted(t):
	case t.step.Method == v1alpha1.ByRecreation:
		r.recreate(t)
	case t.step.Method == v1alpha1.ByEviction:
		t.phase = evicting
	case t.step.Surge && t.step.Autoscaler != nil && (!t.step.Autoscaler.Left || t.step.Autoscaler.Minimum >= surgeReplicas):
		r.raise(t)
	default:
		t.phase = deciding
	}
}

// unchanged ends a task all of whose pods run what the injector gives.
func (r *runner) unchanged(t *task) {
	r.finish(t, v1alpha1.Unchanged, "not restarted, because the injector gives what already runs: "+running(t.expected))
}

func running(e v1alpha1.Expected) string {
	switch {
	case e.Image == "":
		return "no proxy"
	case e.Revision == "":
		return e.Image
	default:
		return e.Image + " of revision " + e.Revision
	}
}

func allReady(pods []rollout.Pod) bool {
	for _, p := range pods {
		if !p.Ready {
			return false
		}
	}
	return true
}
