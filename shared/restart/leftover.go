package restart

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/barepod"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
)

// PutBackPods creates again the bare pods of a namespace, "" for all, that an earlier run deleted and did not create again, because it was killed in between,
// if wanted says so of them. It returns what there is to say of each, in words. The manifest of a pod that exists is removed.
func PutBackPods(ctx context.Context, k kube, dir, namespace string, wanted func(*corev1.Pod) bool) []string {
	ctx, cancel := context.WithTimeout(ctx, restoreLimit)
	defer cancel()
	left, err := barepod.Leftovers(dir)
	if err != nil {
		return []string{err.Error()}
	}
	var said []string
	for _, l := range left {
		if namespace != "" && l.Namespace != "" && l.Namespace != namespace {
			continue
		}
		if text := putBackPod(ctx, k, l, wanted); text != "" {
			said = append(said, text)
		}
	}
	return said
}

func putBackPod(ctx context.Context, k kube, l barepod.Leftover, wanted func(*corev1.Pod) bool) string {
	if l.Err != nil {
		return fmt.Sprintf("what an earlier run left in %s cannot be read: %v", l.Path, l.Err)
	}
	create := wanted(l.Pod)
	name := fmt.Sprintf("pod %s in namespace %s", l.Name, l.Namespace)
	byHand := "create it again with `kubectl create -f " + l.Path + "`"
	err := departed(ctx, k, l, create)
	switch {
	case errors.Is(err, errThere):
		return forgotten(l)
	case errors.Is(err, errUndeleted):
		return ""
	case !apierrors.IsNotFound(err):
		return fmt.Sprintf("an earlier run may have left %s deleted (%v): if it is gone, %s", name, err, byHand)
	case !create:
		return fmt.Sprintf("an earlier run has left %s deleted: %s, or add --bare-pods=recreate", name, byHand)
	}
	if err := createAgain(ctx, k, l.Pod); err != nil {
		return fmt.Sprintf("an earlier run has left %s deleted, and it is not created again: %v; %s", name, err, byHand)
	}
	if text := forgotten(l); text != "" {
		return text
	}
	return name + ", which an earlier run had left deleted, is created again"
}

// createAgain creates a pod, once a dry run has shown that it can be.
func createAgain(ctx context.Context, k kube, pod *corev1.Pod) error {
	answer, err := dryrun.Ask(ctx, k, pod)
	switch {
	case err != nil:
		return err
	case answer.Refusal != nil:
		return answer.Refusal
	}
	err = persist(ctx, func(ctx context.Context) error {
		_, err := k.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{FieldManager: dryrun.FieldManager})
		return err
	})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// errThere says that a pod exists that may be the successor, errUndeleted that the pod itself does, and is perhaps about to be
// deleted by a run that is under way.
var errThere, errUndeleted = errors.New("the pod exists"), errors.New("the pod was not deleted")

// begun is how long a run may take between keeping a manifest and deleting the pod.
const begun = time.Minute

// departed returns a NotFound once a pod is gone. One that is terminating is waited for, if it is to be created again.
func departed(ctx context.Context, k kube, l barepod.Leftover, wait bool) error {
	for {
		pod, err := k.CoreV1().Pods(l.Namespace).Get(ctx, l.Name, metav1.GetOptions{})
		switch {
		case err != nil:
			return err
		case pod.UID != l.UID:
			return errThere
		case pod.DeletionTimestamp == nil && time.Since(l.Kept) > begun:
			return errThere
		case pod.DeletionTimestamp == nil || !wait:
			return errUndeleted
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// forgotten removes the manifest of a pod that exists, and returns why that cannot be done.
func forgotten(l barepod.Leftover) string {
	if err := barepod.Remove(l.Path); err != nil {
		return err.Error()
	}
	return ""
}
