package redundancy

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// pause is how long is waited between two looks. Tests shorten it.
var pause = time.Second

// Await waits until all that was raised has so many ready pods: until then nothing is more redundant than before. told is called with
// what is awaited, whenever that changes. The error is that of the cluster, or says what was awaited when the context ended.
func Await(ctx context.Context, kube kubernetes.Interface, raised []v1alpha1.UpgradeReplicas, told func(string)) error {
	last := ""
	for {
		var awaited []string
		for _, r := range raised {
			text, err := missing(ctx, kube, r)
			if err != nil && ctx.Err() == nil {
				return err
			}
			if text != "" {
				awaited = append(awaited, text)
			}
		}
		text := strings.Join(awaited, "; ")
		if text == "" && ctx.Err() == nil {
			return nil
		}
		if text != last && text != "" {
			told(text)
			last = text
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w while waiting for replicas: %s; see `kubectl get pods` there", context.Cause(ctx), last)
		case <-time.After(pause):
		}
	}
}

// missing says how many replicas are not ready yet, empty where enough are. What is gone is not waited for.
func missing(ctx context.Context, kube kubernetes.Interface, r v1alpha1.UpgradeReplicas) (string, error) {
	name := r.Name
	if r.Kind == autoscalerKind {
		h, err := kube.AutoscalingV2().HorizontalPodAutoscalers(r.Namespace).Get(ctx, r.Name, metav1.GetOptions{})
		if err != nil {
			return "", absent(r, err)
		}
		name = h.Spec.ScaleTargetRef.Name
	}
	d, err := kube.AppsV1().Deployments(r.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return "", absent(r, err)
	}
	if ready := readyOf(d); ready < r.Wrote {
		return fmt.Sprintf("deployment/%s in namespace %s has %d of %d ready", d.Name, d.Namespace, ready, r.Wrote), nil
	}
	return "", nil
}

// readyOf is how many ready pods a Deployment has, none where its controller has not seen its spec.
func readyOf(d *appsv1.Deployment) int32 {
	if d.Status.ObservedGeneration < d.Generation {
		return 0
	}
	return d.Status.ReadyReplicas
}

func absent(r v1alpha1.UpgradeReplicas, err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("waiting for %s: %w", object(r), err)
}
