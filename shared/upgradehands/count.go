package upgradehands

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Pods are the pods of a namespace, in numbers. Those that have ended do not count.
type Pods struct {
	All, Ready, Proxies int
	// ByRevision are those with a proxy of a revision.
	ByRevision map[string]int
}

// Count counts the pods of every namespace, page by page. The error says that they could not all be read.
func Count(ctx context.Context, clients *cluster.Clients, chunk int64) (map[string]Pods, error) {
	counts := map[string]Pods{}
	gap, err := clients.Everywhere(ctx, "pods", "", func(namespace string) error {
		_, err := podlist.Each(ctx, clients.Core, namespace, podlist.Options{Chunk: chunk}, func(pod proxy.Pod) error {
			counts[pod.Namespace] = counts[pod.Namespace].with(pod)
			return nil
		})
		return err
	})
	if err == nil && gap != nil {
		err = gap
	}
	return counts, err
}

func (p Pods) with(pod proxy.Pod) Pods {
	if pod.Phase == corev1.PodSucceeded || pod.Phase == corev1.PodFailed {
		return p
	}
	p.All++
	if pod.Ready {
		p.Ready++
	}
	if rev := pod.Revision(); rev != "" {
		p.Proxies++
		if p.ByRevision == nil {
			p.ByRevision = map[string]int{}
		}
		p.ByRevision[rev]++
	}
	return p
}
