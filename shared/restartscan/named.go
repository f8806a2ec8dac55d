package restartscan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// named finds the workloads of the objects that the user named.
type named struct {
	refs []workload.Ref
	// found holds the workload of each, as far as a pod of it has come by.
	found map[workload.Ref]podtemplate.Workload
	// partial is the first object that is only a part of its workload.
	partial *workload.Ref
}

func newNamed(refs []workload.Ref) *named {
	return &named{refs: refs, found: map[workload.Ref]podtemplate.Workload{}}
}

// only says whether a pod belongs to a named object.
func (n *named) only(pod proxy.Pod, chain workload.Chain) bool {
	for _, ref := range n.refs {
		i := slices.Index(chain.Refs, ref)
		if i < 0 && !isGatewayOf(ref, pod) {
			continue
		}
		if i >= 0 && i < slices.Index(chain.Refs, chain.Workload()) && n.partial == nil {
			n.partial = &ref
		}
		n.found[ref] = podtemplate.Workload{Namespace: pod.Namespace, Ref: chain.Workload()}
		return true
	}
	return false
}

const gatewayGroup = "gateway.networking.k8s.io"

// isGatewayOf says whether the reference is the Gateway that a managed gateway's pod serves.
func isGatewayOf(ref workload.Ref, pod proxy.Pod) bool {
	return ref.Group == gatewayGroup && strings.EqualFold(ref.Kind, "Gateway") && pod.Managed() && pod.GatewayName() == ref.Name
}

// workloads returns the workloads, each once. The error names an object that cannot be restarted by itself.
func (n *named) workloads(namespace string) ([]podtemplate.Workload, error) {
	if n.partial != nil {
		return nil, fmt.Errorf("%s is not restarted by itself: name %s, which it belongs to", n.partial, n.found[*n.partial].Ref)
	}
	var keys []podtemplate.Workload
	for _, ref := range n.refs {
		key, found := n.found[ref]
		if !found {
			key = podtemplate.Workload{Namespace: namespace, Ref: ref}
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
