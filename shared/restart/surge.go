package restart

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// raise has an HPA give its Deployment a second replica: the Deployment's own number it would set back. Where an earlier run
// has raised it, it may still not have done so.
func (r *runner) raise(t *task) {
	t.phase, t.raised = acting, true
	later(r, t, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, raiseAutoscaler(ctx, r.clients.Kube, t.step.Namespace, t.step.Autoscaler.Name)
	}, func(_ struct{}, err error) {
		if err != nil {
			t.raised = !isAnswer(err)
			r.fail(t, "raising the minimum of HorizontalPodAutoscaler "+t.step.Autoscaler.Name+": "+err.Error())
			return
		}
		t.phase = raising
	})
}

// raisedEnough goes on once the second replica serves.
func (r *runner) raisedEnough(t *task, state rollout.State) {
	ready, stuck := 0, "its HorizontalPodAutoscaler is to give it a second replica"
	for _, p := range state.Live() {
		switch {
		case p.Ready:
			ready++
		case p.Trouble.Fatal && !t.before[p.UID]:
			r.fail(t, "its second replica, pod "+p.Name+": "+p.Trouble.Text)
			return
		case p.Trouble.Text != "":
			stuck = "pod " + p.Name + ": " + p.Trouble.Text
		}
	}
	if state.Workload.Replicas >= surgeReplicas && ready >= surgeReplicas {
		t.phase = deciding
		r.advance(t)
		return
	}
	r.tell(t, Progress{Total: surgeReplicas, Stuck: stuck})
	missing := max(0, surgeReplicas-len(state.Live()))
	r.cannotCreate(t, rollout.Progress{Missing: missing, CreateFailure: state.Workload.Status.CreateFailure}, time.Now())
}

// raiseAutoscaler sets the minimum to two, and notes in the same patch what it was.
func raiseAutoscaler(ctx context.Context, k kube, namespace, name string) error {
	return changeAutoscaler(ctx, k, namespace, name, func(h *autoscalingv2.HorizontalPodAutoscaler) map[string]any {
		if h.Annotations[rollout.RestoreMinReplicas] != "" || minimum(h) >= surgeReplicas {
			return nil
		}
		return autoscalerPatch(surgeReplicas, strconv.Itoa(minimum(h)), "true")
	})
}

// restoreAutoscaler puts the minimum back, if it is still the one that was set.
func restoreAutoscaler(ctx context.Context, k kube, namespace, name string) error {
	return changeAutoscaler(ctx, k, namespace, name, func(h *autoscalingv2.HorizontalPodAutoscaler) map[string]any {
		own, err := strconv.Atoi(h.Annotations[rollout.RestoreMinReplicas])
		if h.Annotations[rollout.RestoreMinReplicas] == "" {
			return nil
		}
		if err != nil || minimum(h) != surgeReplicas {
			own = minimum(h)
		}
		return autoscalerPatch(own, nil, nil)
	})
}

// autoscalerPatch is a merge patch; nil removes.
func autoscalerPatch(minimum int, note, mark any) map[string]any {
	return map[string]any{
		"spec": map[string]any{"minReplicas": minimum},
		"metadata": map[string]any{
			"annotations": map[string]any{rollout.RestoreMinReplicas: note},
			"labels":      map[string]any{rollout.SurgedLabel: mark},
		},
	}
}

// minimum is what the API server sets where none is given.
func minimum(h *autoscalingv2.HorizontalPodAutoscaler) int {
	if h.Spec.MinReplicas == nil {
		return 1
	}
	return int(*h.Spec.MinReplicas)
}

// changeAutoscaler sends the merge patch that change makes of the HPA as it is now, nil for none. HPAs have no generation, so
// that the patch holds the version that it was made from: whoever is faster is not overwritten, and the patch made anew.
func changeAutoscaler(ctx context.Context, k kube, namespace, name string, change func(*autoscalingv2.HorizontalPodAutoscaler) map[string]any) error {
	return persist(ctx, func(ctx context.Context) error {
		h, err := k.AutoscalingV2().HorizontalPodAutoscalers(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		content := change(h)
		if content == nil {
			return nil
		}
		content["metadata"].(map[string]any)["resourceVersion"] = h.ResourceVersion
		body, err := json.Marshal(content)
		if err != nil {
			return err
		}
		_, err = k.AutoscalingV2().HorizontalPodAutoscalers(namespace).
			Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: dryrun.FieldManager})
		return err
	})
}
