package proxyver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// target is an object that the command line names.
type target = workload.Ref

const gatewayGroup = "gateway.networking.k8s.io"

// resolve finds the objects that the arguments name. The error is kubectl's own: no such type, no such object.
func (o *Options) resolve(ctx context.Context) (targets, error) {
	named, err := plugin.Named(ctx, o.ConfigFlags, o.namespace, o.Args)
	if err != nil || named == nil {
		return nil, err
	}
	found := targets{}
	for _, t := range named {
		found[t] = false
	}
	return found, nil
}

// targets limits a scan to the pods that belong to what the command line names, and remembers what was found.
type targets map[target]bool

// only returns the filter; nil where nothing is named.
func (t targets) only() func(proxy.Pod, workload.Chain) bool {
	if len(t) == 0 {
		return nil
	}
	return func(pod proxy.Pod, chain workload.Chain) bool {
		found := false
		for named := range t {
			if chain.Contains(named) || isGatewayOf(named, pod) {
				t[named], found = true, true
			}
		}
		return found
	}
}

// untraced returns an error for an object to which no pod could be traced, where that does not mean that it has none.
func (t targets) untraced() error {
	for _, named := range t.sorted() {
		if !t[named] && !workload.Traceable(named) {
			return fmt.Errorf("no pod can be traced to %s: name the workload that it made, such as its Deployment", named)
		}
	}
	return nil
}

// sorted returns the targets by name, so that of several errors it is always the same that is told.
func (t targets) sorted() []target {
	return slices.SortedFunc(maps.Keys(t), func(a, b target) int { return cmp.Compare(a.String(), b.String()) })
}

// isGatewayOf says whether the target is the Gateway that a managed gateway's pod serves.
func isGatewayOf(t target, pod proxy.Pod) bool {
	return t.Group == gatewayGroup && strings.EqualFold(t.Kind, "Gateway") && pod.Managed() && pod.GatewayName() == t.Name
}
