package proxyver

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/resource"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// target is an object that the command line names.
type target = workload.Ref

const gatewayGroup = "gateway.networking.k8s.io"

// resolve finds the objects that the arguments name. The error is kubectl's own: no such type, no such object.
func (o *Options) resolve(ctx context.Context) (targets, error) {
	if len(o.Args) == 0 {
		return nil, nil
	}
	// Kubectl's builder knows no context: whoever presses Ctrl-C does not wait for it.
	var found targets
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		found, err = o.lookUp()
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-done:
		return found, err
	}
}

func (o *Options) lookUp() (targets, error) {
	infos, err := resource.NewBuilder(o.ConfigFlags).
		Unstructured().
		NamespaceParam(o.namespace).DefaultNamespace().
		ResourceTypeOrNameArgs(false, o.Args...).
		Flatten().
		Do().
		Infos()
	if err != nil {
		return nil, err
	}
	found := targets{}
	for _, info := range infos {
		kind := info.Mapping.GroupVersionKind
		t := target{Group: kind.Group, Kind: kind.Kind, Name: info.Name}
		if err := ownsPods(t, info.Namespaced()); err != nil {
			return nil, err
		}
		found[t] = false
	}
	return found, nil
}

// ownsPods returns an error for an object that no pod can belong to, with what to type instead.
func ownsPods(t target, namespaced bool) error {
	switch {
	case t.Group == "" && t.Kind == "Namespace":
		return fmt.Errorf("%s is no workload: to see a namespace, use -n %s", t, t.Name)
	case t.Group == "" && t.Kind == "Node":
		return fmt.Errorf("%s is no workload: to see a node's pods, use --field-selector spec.nodeName=%s", t, t.Name)
	case t.Group == "" && t.Kind == "Service":
		return fmt.Errorf("%s is no workload: to see the pods behind a Service, use its selector with -l", t)
	case !namespaced:
		return fmt.Errorf("%s is no workload: pods belong to objects of their namespace", t)
	default:
		return nil
	}
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
