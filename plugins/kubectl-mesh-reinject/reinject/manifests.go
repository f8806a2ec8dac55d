package reinject

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/shared/barepod"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restart"
)

// manifests returns where the manifests of this cluster's bare pods are kept, empty where none is and none will be.
func (o *Options) manifests(ctx context.Context, clients *cluster.Clients, host string) (string, error) {
	if !o.plan().RecreateBarePods && !barepod.Any() || o.DryRun != dryRunNone {
		return "", nil
	}
	// Several clusters may have the same URL, one after the other, but no two have the same namespace.
	namespace, err := clients.Kube.CoreV1().Namespaces().Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	switch {
	case err == nil:
		return barepod.Dir(string(namespace.UID))
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		return barepod.Dir(host)
	default:
		return "", fmt.Errorf("reading namespace %s: %w", metav1.NamespaceSystem, err)
	}
}

// putBack sees to the bare pods that an earlier run deleted and did not create again.
func (o *Options) putBack(ctx context.Context, clients *cluster.Clients, dir string) {
	if dir == "" {
		return
	}
	for _, text := range restart.PutBackPods(ctx, clients.Kube, dir, o.namespace, o.wants) {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(text))
	}
}

// wants says whether the command line asks for a bare pod to be recreated.
func (o *Options) wants(pod *corev1.Pod) bool {
	named := len(o.Args) == 0 || slices.ContainsFunc([]string{"pod", "pods", "po"}, func(kind string) bool {
		return slices.Contains(o.Args, kind+"/"+pod.Name)
	})
	return o.plan().RecreateBarePods && named && o.selector.Matches(labels.Set(pod.Labels))
}
