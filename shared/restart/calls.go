package restart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// persist makes a call again for as long as it fails for a reason that passes: an API server that is restarted, busy or not
// reachable. It gives up with the context, and returns the call's last error.
func persist(ctx context.Context, call func(context.Context) error) error {
	backoff := wait.Backoff{Duration: 300 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 1 << 20, Cap: 5 * time.Second}
	doubtful := time.Now().Add(startup)
	for {
		err := call(ctx)
		if err == nil || !passes(err) && !(unsettled(err) && time.Now().Before(doubtful)) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(backoff.Step()):
		}
	}
}

// startup is for how long a server that has just been started, or whose etcd elects a leader, may refuse what it allows otherwise.
const startup = 3 * time.Second

// unsettled says whether a failure may be that of such a server.
func unsettled(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInternalError(err) && strings.Contains(err.Error(), "etcdserver")
}

// passes says whether a failure may be over in a moment.
func passes(err error) bool {
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), refusedByBudget(err), anotherObject(err):
		return false
	case errors.As(err, &status):
		return apierrors.IsTooManyRequests(err) || apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) ||
			apierrors.IsTimeout(err) || apierrors.IsServiceUnavailable(err)
	default:
		return utilnet.IsConnectionReset(err) || utilnet.IsConnectionRefused(err) || utilnet.IsHTTP2ConnectionLost(err) ||
			utilnet.IsProbableEOF(err) || errors.Is(err, io.ErrUnexpectedEOF) || utilnet.IsTimeout(err)
	}
}

// refusedByBudget says whether an eviction was refused by a PodDisruptionBudget. Source: checkAndDecrement in
// k8s.io/kubernetes/pkg/registry/core/pod/storage.
func refusedByBudget(err error) bool {
	return apierrors.IsTooManyRequests(err) && apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause)
}

// anotherObject says whether a request was refused because the object of that name is another one by now.
func anotherObject(err error) bool {
	return apierrors.IsConflict(err) && strings.Contains(err.Error(), "recondition")
}

// overtaken says whether a patch was refused because a test of it is false.
func overtaken(err error) bool {
	return apierrors.IsInvalid(err)
}

// isAnswer says whether a failure means that nothing was changed. Of a server that fails, or says that it was too slow, that is not
// known.
func isAnswer(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests
}

// budget is what the refusal of an eviction says, with the budget's name.
func budget(err error) string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return err.Error()
	}
	text := "a PodDisruptionBudget allows no eviction now"
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == policyv1.DisruptionBudgetCause {
			text += ": " + cause.Message
		}
	}
	return text
}

// sendPatch patches a workload and returns it as it is then.
func sendPatch(ctx context.Context, c *cluster.Clients, w *rollout.Workload, p patch, options metav1.PatchOptions) (*rollout.Workload, error) {
	body, err := p.bytes()
	if err != nil {
		return nil, fmt.Errorf("making a patch of %s: %w", w.Ref, err)
	}
	options.FieldManager = dryrun.FieldManager
	var patched runtime.Object
	err = persist(ctx, func(ctx context.Context) error {
		patched, err = patchObject(ctx, c, w, body, options)
		return err
	})
	if err != nil {
		return nil, err
	}
	after, _ := rollout.Of(patched)
	return after, nil
}

// patchObject sends a JSON patch with the client of the workload's kind.
func patchObject(ctx context.Context, c *cluster.Clients, w *rollout.Workload, body []byte, o metav1.PatchOptions) (runtime.Object, error) {
	apps, name := c.Kube.AppsV1(), w.Ref.Name
	switch w.Ref.Kind {
	case "Deployment":
		return apps.Deployments(w.Namespace).Patch(ctx, name, types.JSONPatchType, body, o)
	case "StatefulSet":
		return apps.StatefulSets(w.Namespace).Patch(ctx, name, types.JSONPatchType, body, o)
	case "DaemonSet":
		return apps.DaemonSets(w.Namespace).Patch(ctx, name, types.JSONPatchType, body, o)
	default:
		return c.Dynamic.Resource(rollout.Resource(w.Ref)).Namespace(w.Namespace).Patch(ctx, name, types.JSONPatchType, body, o)
	}
}

// read returns a workload as it is now.
func read(ctx context.Context, c *cluster.Clients, w *rollout.Workload) (*rollout.Workload, error) {
	var found runtime.Object
	err := persist(ctx, func(ctx context.Context) (err error) {
		apps, name, o := c.Kube.AppsV1(), w.Ref.Name, metav1.GetOptions{}
		switch w.Ref.Kind {
		case "Deployment":
			found, err = apps.Deployments(w.Namespace).Get(ctx, name, o)
		case "StatefulSet":
			found, err = apps.StatefulSets(w.Namespace).Get(ctx, name, o)
		case "DaemonSet":
			found, err = apps.DaemonSets(w.Namespace).Get(ctx, name, o)
		default:
			found, err = c.Dynamic.Resource(rollout.Resource(w.Ref)).Namespace(w.Namespace).Get(ctx, name, o)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	now, _ := rollout.Of(found)
	return now, nil
}

// evict asks for the eviction of one pod, and of no other of that name. What a budget refuses is not asked for again here: that
// is an answer, though it comes with a time to wait.
func evict(ctx context.Context, k kube, pod rollout.Pod, dryRun []string) error {
	eviction := &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}, DryRun: dryRun},
	}
	err := persist(ctx, func(ctx context.Context) error {
		return k.CoreV1().RESTClient().Post().Namespace(pod.Namespace).Resource("pods").Name(pod.Name).SubResource("eviction").
			MaxRetries(0).Body(eviction).Do(ctx).Error()
	})
	if apierrors.IsNotFound(err) || anotherObject(err) {
		return nil
	}
	return err
}

// remove deletes one pod, and no other of that name.
func remove(ctx context.Context, k kube, pod *corev1.Pod) error {
	err := persist(ctx, func(ctx context.Context) error {
		return k.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}})
	})
	if apierrors.IsNotFound(err) || anotherObject(err) {
		return nil
	}
	return err
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
