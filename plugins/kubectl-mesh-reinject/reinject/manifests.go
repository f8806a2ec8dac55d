package reinject

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/pacing"
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
	return pacing.ManifestDir(ctx, clients, host)
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
