package proxyver

import (
	"fmt"
	"strings"

	"k8s.io/cli-runtime/pkg/resource"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// target is an object that the command line names.
type target = workload.Ref

const gatewayGroup = "gateway.networking.k8s.io"

// resolve finds the objects that the arguments name. The error is kubectl's own: no such type, no such object.
func (o *Options) resolve() ([]target, error) {
	if len(o.Args) == 0 {
		return nil, nil
	}
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
	var targets []target
	for _, info := range infos {
		kind := info.Mapping.GroupVersionKind
		t := target{Group: kind.Group, Kind: kind.Kind, Name: info.Name}
		if err := ownsPods(t, info.Namespaced()); err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
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

// only returns what limits a scan to the pods that are targets, or belong to one; nil where there are no targets.
func only(targets []target) func(proxy.Pod, workload.Chain) bool {
	if len(targets) == 0 {
		return nil
	}
	return func(pod proxy.Pod, chain workload.Chain) bool {
		for _, t := range targets {
			if chain.Contains(t) || isGatewayOf(t, pod) {
				return true
			}
		}
		return false
	}
}

// isGatewayOf says whether the target is the Gateway that a managed gateway's pod serves.
func isGatewayOf(t target, pod proxy.Pod) bool {
	return t.Group == gatewayGroup && strings.EqualFold(t.Kind, "Gateway") && pod.Managed() && pod.GatewayName() == t.Name
}
