package restart

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// Refusal is what the server would not take of a plan.
type Refusal struct {
	Step *restartplan.Step
	Err  error
}

// Rehearse sends every patch of a plan, and the first eviction of each workload whose pods are evicted, as a dry run: the server
// checks them, and changes nothing. The error is that of a context that ended.
func Rehearse(ctx context.Context, clients *cluster.Clients, plan *restartplan.Plan, in restartplan.Input) ([]Refusal, error) {
	var refusals []Refusal
	for i := range plan.Steps {
		s := &plan.Steps[i]
		if s.Action != v1alpha1.Restart {
			continue
		}
		err := rehearseStep(ctx, clients, s, in)
		if ctx.Err() != nil {
			return refusals, ctx.Err()
		}
		if err != nil {
			refusals = append(refusals, Refusal{Step: s, Err: err})
		}
	}
	return refusals, nil
}

func rehearseStep(ctx context.Context, clients *cluster.Clients, s *restartplan.Step, in restartplan.Input) error {
	dryRun := []string{metav1.DryRunAll}
	w := in.Workloads[s.Key()]
	switch s.Method {
	case v1alpha1.ByEviction:
		// What a budget refuses now it may allow by then.
		if err := evict(ctx, clients.Kube, podNamed(s, in), dryRun); !refusedByBudget(err) {
			return err
		}
		return nil
	case v1alpha1.ByRecreation:
		return clients.Kube.CoreV1().Pods(s.Namespace).Delete(ctx, s.Ref.Name,
			metav1.DeleteOptions{DryRun: dryRun, Preconditions: &metav1.Preconditions{UID: &s.UID}})
	}
	_, err := sendPatch(ctx, clients, w, stepPatch(s, w), metav1.PatchOptions{DryRun: dryRun})
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
