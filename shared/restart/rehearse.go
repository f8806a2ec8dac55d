package restart

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// Refusal is what the server would not take of a plan. Passing is true where that is so only for the moment, and the run would wait.
type Refusal struct {
	Step    *restartplan.Step
	Err     error
	Passing bool
}

// Rehearse asks the injector about every workload that a plan restarts, as the run would, and sends every patch, and the first
// eviction of each workload whose pods are evicted, as a dry run: the server checks them, and changes nothing. The error is that of
// a context that ended.
func Rehearse(ctx context.Context, clients *cluster.Clients, plan *restartplan.Plan, in restartplan.Input) ([]Refusal, error) {
	answers := make([]error, len(plan.Steps))
	var work errgroup.Group
	work.SetLimit(parallelQuestions)
	for i := range plan.Steps {
		if s := &plan.Steps[i]; s.Action == v1alpha1.Restart {
			work.Go(func() error {
				answers[i] = rehearseStep(ctx, clients, s, in)
				return ctx.Err()
			})
		}
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	var refusals []Refusal
	for i, err := range answers {
		switch {
		case refusedByBudget(err):
			refusals = append(refusals, Refusal{Step: &plan.Steps[i], Err: errors.New(budget(err)), Passing: true})
		case err != nil:
			refusals = append(refusals, Refusal{Step: &plan.Steps[i], Err: err})
		}
	}
	return refusals, nil
}

func rehearseStep(ctx context.Context, clients *cluster.Clients, s *restartplan.Step, in restartplan.Input) error {
	dryRun := []string{metav1.DryRunAll}
	w := in.Workloads[s.Key()]
	var answer dryrun.Answer
	err := persist(ctx, func(ctx context.Context) (err error) {
		answer, err = askInjector(ctx, clients.Kube, s, w)
		return err
	})
	if err != nil {
		return err
	}
	if why := refusedBy(answer, s); why != "" {
		return errors.New(why)
	}
	switch s.Method {
	case v1alpha1.ByEviction:
		return evict(ctx, clients.Kube, podNamed(s, in), dryRun)
	case v1alpha1.ByRecreation:
		return clients.Kube.CoreV1().Pods(s.Namespace).Delete(ctx, s.Ref.Name,
			metav1.DeleteOptions{DryRun: dryRun, Preconditions: &metav1.Preconditions{UID: &s.UID}})
	}
	_, err = sendPatch(ctx, clients, w, stepPatch(s, w), metav1.PatchOptions{DryRun: dryRun})
	return err
}

// stepPatch is the patch that a step comes to, as far as the plan knows.
func stepPatch(s *restartplan.Step, w *rollout.Workload) patch {
	var p patch
	switch s.Method {
	case v1alpha1.ByGracePeriod:
		p = byGracePeriod(w, *s.GracePeriod)
	case v1alpha1.ByRestartAt:
		return byRestartAt(w, time.Now())
	default:
		p = byRestart(w, time.Now())
	}
	if surges(s, w) {
		p = p.surged(w)
	}
	return p
}

// surges says whether a workload's own replicas are raised: it has no HPA, and no earlier run has raised them.
func surges(s *restartplan.Step, w *rollout.Workload) bool {
	return s.Surge && s.Autoscaler == nil && !surged(w) && w.Replicas == 1
}

// podNamed is the pod that stands for a step's workload.
func podNamed(s *restartplan.Step, in restartplan.Input) rollout.Pod {
	for _, item := range in.Pods {
		if item.Pod.Namespace == s.Namespace && item.Pod.Name == s.Pod {
			return rollout.Pod{Namespace: s.Namespace, Name: s.Pod, UID: item.Pod.UID}
		}
	}
	return rollout.Pod{Namespace: s.Namespace, Name: s.Pod}
}
