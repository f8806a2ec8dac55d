// Package dryrun asks the real API server, and through it the real injectors, what would become of a pod.
package dryrun

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"istio.io/api/annotation"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// FieldManager is the name under which the requests are made.
const FieldManager = "kubectl-mesh"

// Answer is what would become of a pod. It is comparable but for the refusal and the pod.
type Answer struct {
	// Injected is true where the pod would bear the mark of an injection, sidecar.istio.io/status; templates that were
	// injected by hand bring it along.
	Injected bool
	// Image is the proxy's, also of one that stands in the pod's own template; empty where there is none.
	Image string
	// Revision is that of the control plane that the proxy belongs to, empty where the pod does not say.
	Revision string
	// Native is true for a sidecar among the init containers.
	Native bool
	// Refusal says why the pod would not be created; nil where it would. Nothing else is set then.
	Refusal *Refusal
	// Asked is the pod that Each asked about: what the workload's controller would create from its template as it is now,
	// or one of its pods as it was before injection.
	Asked *corev1.Pod
}

// backoff bounds the retries of what passes by itself. They come on top of client-go's own, for answers that say when to
// try again.
var backoff = wait.Backoff{Duration: 100 * time.Millisecond, Factor: 3, Jitter: 0.1, Steps: 4}

// Ask puts the creation of the pod to the API server as a dry run: everything happens as in a creation, but nothing is
// kept. It needs the right to create pods in the pod's namespace, and no other. It asks for a generated name, so that a
// pod of the same name may run, and without blockOwnerDeletion. The pod is not changed.
//
// The answer holds a refusal where that is the matter of this pod, its namespace or what admits it. The error is for a
// cluster that cannot be reached or that fails, and for the end of ctx. Failures that pass by themselves are tried again a
// few times; that of a webhook is an answer, and is not.
//
// A webhook whose failurePolicy is Ignore and that fails cannot be told from one that leaves the pod as it is.
func Ask(ctx context.Context, kube kubernetes.Interface, pod *corev1.Pod) (Answer, error) {
	created, err := create(ctx, kube, question(pod))
	if err == nil {
		return answer(created), nil
	}
	if refusal := Classify(err); refusal != nil {
		return Answer{Refusal: refusal}, nil
	}
	name := cmp.Or(pod.Name, strings.TrimSuffix(pod.GenerateName, "-"))
	return Answer{}, fmt.Errorf("asking by dry run for a pod like %s/%s: %w", pod.Namespace, name, err)
}

// question is the pod that is asked for.
func question(pod *corev1.Pod) *corev1.Pod {
	q := pod.DeepCopy()
	if q.GenerateName == "" {
		q.GenerateName = q.Name + "-"
	}
	q.Name, q.ResourceVersion, q.UID = "", "", ""
	for i := range q.OwnerReferences {
		q.OwnerReferences[i].BlockOwnerDeletion = nil
	}
	return q
}

func create(ctx context.Context, kube kubernetes.Interface, pod *corev1.Pod) (*corev1.Pod, error) {
	options := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: FieldManager}
	var created *corev1.Pod
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		created, last = kube.CoreV1().Pods(pod.Namespace).Create(ctx, pod, options)
		if passes(last) {
			return false, nil
		}
		return true, last
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		err = last
	}
	return created, err
}

// passes says whether a failure of the cluster may be over in a moment. A creation is not repeated by client-go itself
// where the connection breaks, because it cannot know that this one leaves nothing behind.
func passes(err error) bool {
	if err == nil || Classify(err) != nil {
		return false
	}
	return apierrors.IsTooManyRequests(err) || apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) ||
		apierrors.IsTimeout(err) || apierrors.IsServiceUnavailable(err) ||
		utilnet.IsConnectionReset(err) || utilnet.IsConnectionRefused(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		utilnet.IsProbableEOF(err) || errors.Is(err, io.ErrUnexpectedEOF)
}

func answer(created *corev1.Pod) Answer {
	p := proxy.FromPod(created)
	_, injected := created.Annotations[annotation.SidecarStatus.Name]
	a := Answer{Injected: injected}
	if p.HasProxy() {
		a.Image, a.Native, a.Revision = p.Container.Image, p.Container.Native, p.Revision()
	}
	return a
}
