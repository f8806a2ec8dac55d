package upgradehands

import (
	"context"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/gateways"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Pods are the pods of a namespace, in numbers. Those that have ended do not count.
type Pods struct {
	All, Ready, Proxies int
	// ByRevision are those with a proxy of a revision, Bare those of them that have no controller.
	ByRevision, Bare map[string]int
}

// Counted is what there is to say of all pods.
type Counted struct {
	ByNamespace map[string]Pods
	// Gateways are the pods that are gateways, each as a whole: there are few.
	Gateways []proxy.Pod
	// Gap is what of the pods could not be read, nil for nothing.
	Gap *cluster.Gap
}

// NewCounted returns what there is to say of no pods.
func NewCounted() *Counted { return &Counted{ByNamespace: map[string]Pods{}} }

// Count counts the pods of every namespace, page by page. The error is that of a cluster that fails.
func Count(ctx context.Context, clients *cluster.Clients, chunk int64) (*Counted, error) {
	counted := NewCounted()
	var err error
	counted.Gap, err = clients.Everywhere(ctx, "pods", "", func(namespace string) error {
		_, err := podlist.Each(ctx, clients.Core, namespace, podlist.Options{Chunk: chunk}, func(pod proxy.Pod) error {
			counted.Add(pod)
			return nil
		})
		return err
	})
	return counted, err
}

// Add counts a pod.
func (c *Counted) Add(pod proxy.Pod) {
	if pod.Terminal() {
		return
	}
	c.ByNamespace[pod.Namespace] = c.ByNamespace[pod.Namespace].with(pod)
	if gateways.Runs(pod) {
		c.Gateways = append(c.Gateways, pod)
	}
}

func (p Pods) with(pod proxy.Pod) Pods {
	p.All++
	if pod.Ready {
		p.Ready++
	}
	if rev := pod.Revision(); rev != "" {
		p.Proxies++
		if p.ByRevision == nil {
			p.ByRevision, p.Bare = map[string]int{}, map[string]int{}
		}
		p.ByRevision[rev]++
		if pod.Controller == nil {
			p.Bare[rev]++
		}
	}
	return p
}
