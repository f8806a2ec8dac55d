package restart

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/barepod"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
)

// PutBackPods looks for bare pods of a namespace, "" for all, that an earlier run deleted and did not create again, because it
// was killed in between. With create it creates them. It returns what there is to say of each, in words; the manifest of a pod
// that exists is removed.
func PutBackPods(ctx context.Context, k kube, dir, namespace string, create bool) []string {
	left, err := barepod.Leftovers(dir)
	if err != nil {
		return []string{err.Error()}
	}
	var said []string
	for _, l := range left {
		if namespace != "" && l.Namespace != "" && l.Namespace != namespace {
			continue
		}
		if text := putBackPod(ctx, k, l, create); text != "" {
			said = append(said, text)
		}
	}
	return said
}

func putBackPod(ctx context.Context, k kube, l barepod.Leftover, create bool) string {
	if l.Err != nil {
		return fmt.Sprintf("what an earlier run left in %s cannot be read: %v", l.Path, l.Err)
	}
	name := fmt.Sprintf("pod %s in namespace %s", l.Name, l.Namespace)
	byHand := "create it again with `kubectl create -f " + l.Path + "`"
	_, err := k.CoreV1().Pods(l.Namespace).Get(ctx, l.Name, metav1.GetOptions{})
	switch {
	case err == nil:
		return forgotten(l)
	case !apierrors.IsNotFound(err):
		return fmt.Sprintf("an earlier run may have left %s deleted (%v): if it is gone, %s", name, err, byHand)
	case !create:
		return fmt.Sprintf("an earlier run has left %s deleted: %s, or add --bare-pods=recreate", name, byHand)
	}
	err = persist(ctx, func(ctx context.Context) error {
		_, err := k.CoreV1().Pods(l.Namespace).Create(ctx, l.Pod, metav1.CreateOptions{FieldManager: dryrun.FieldManager})
		return err
	})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Sprintf("an earlier run has left %s deleted, and creating it fails: %v; %s", name, err, byHand)
	}
	if text := forgotten(l); text != "" {
		return text
	}
	return name + ", which an earlier run had left deleted, is created again"
}

// forgotten removes the manifest of a pod that exists, and returns why that cannot be done.
func forgotten(l barepod.Leftover) string {
	if err := barepod.Remove(l.Path); err != nil {
		return err.Error()
	}
	return ""
}
