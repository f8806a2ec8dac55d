// Package gateways tells which gateways belong to revisions of a mesh, how they fare, and where they are reached. What belongs together
// is decided over plain values.
package gateways

import (
	"cmp"
	"slices"
	"strings"

	"istio.io/api/annotation"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Gateway is a workload whose pods are gateways or waypoints.
type Gateway struct {
	Namespace, Kind, Name string
	// Pods are those that there are, Ready those of them that are ready. ByRevision counts them by the revision that they run.
	Pods, Ready int
	ByRevision  map[string]int
	// Deployment is what is known of its Deployment, nil where it has none or none was read.
	Deployment *Deployment

	// labels are those of its pods.
	labels map[string]string
}

// Deployment is one whose pods are, or will be, gateways.
type Deployment struct {
	Namespace, Name string
	// Replicas are those that there should be, Ready those that are.
	Replicas, Ready int
	// Labels are those of its pods.
	Labels map[string]string
	// Follows is true where a pod that it creates now comes to one of the revisions.
	Follows bool
}

// Service is one that may lead to gateways.
type Service struct {
	Namespace, Name string
	Selector        map[string]string
	// Addresses are where it is reached, sorted.
	Addresses []string
}

// Found is what Read has found.
type Found struct {
	// Deployments are all whose pods are gateways, also those of other revisions.
	Deployments []Deployment
	Services    []Service
	// NoDeployments and NoServices are what of them could not be read, nil for nothing; Undecided is the first Deployment of which it
	// cannot be told whether its next pod comes to one of the revisions.
	NoDeployments, NoServices, Undecided *cluster.Gap
}

// Gaps returns what could not be read.
func (f *Found) Gaps() (gaps []cluster.Gap) {
	for _, gap := range []*cluster.Gap{f.NoDeployments, f.NoServices, f.Undecided} {
		if gap != nil {
			gaps = append(gaps, *gap)
		}
	}
	return gaps
}

const (
	deploymentKind = "Deployment"
	replicaSetKind = "ReplicaSet"
	// templateHash is the label by which a ReplicaSet's name differs from that of its Deployment. Source: DefaultDeploymentUniqueLabelKey
	// in k8s.io/api/apps/v1.
	templateHash = "pod-template-hash"
)

// key names a workload.
type key struct{ namespace, kind, name string }

// Of returns the gateways of the revisions, sorted: the workloads of which a pod runs one of them, and the Deployments whose next pod
// will. pods are all of the mesh that Runs is true for.
func (f *Found) Of(pods []proxy.Pod, revisions []string) []Gateway {
	found := map[key]*Gateway{}
	for i := range f.Deployments {
		d := &f.Deployments[i]
		found[key{d.Namespace, deploymentKind, d.Name}] = &Gateway{Namespace: d.Namespace, Kind: deploymentKind, Name: d.Name, Deployment: d, labels: d.Labels}
	}
	for _, pod := range pods {
		k := workload(pod)
		g := found[k]
		if g == nil {
			g = &Gateway{Namespace: k.namespace, Kind: k.kind, Name: k.name, labels: pod.Labels}
			found[k] = g
		}
		g.add(pod)
	}
	var all []Gateway
	for _, g := range found {
		if g.of(revisions) {
			all = append(all, *g)
		}
	}
	slices.SortFunc(all, func(a, b Gateway) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

func (g *Gateway) add(pod proxy.Pod) {
	g.Pods++
	if pod.Ready {
		g.Ready++
	}
	if g.ByRevision == nil {
		g.ByRevision = map[string]int{}
	}
	g.ByRevision[pod.Revision()]++
}

func (g *Gateway) of(revisions []string) bool {
	runs := func(revision string) bool { return g.ByRevision[revision] > 0 }
	return g.Deployment != nil && g.Deployment.Follows || slices.ContainsFunc(revisions, runs)
}

// workload names what keeps a pod, by what the pod itself says: reading each ReplicaSet would say no more.
func workload(pod proxy.Pod) key {
	owner := pod.Controller
	if owner == nil {
		return key{pod.Namespace, "Pod", pod.Name}
	}
	if name, is := strings.CutSuffix(owner.Name, "-"+pod.Labels[templateHash]); is && owner.Kind == replicaSetKind {
		return key{pod.Namespace, deploymentKind, name}
	}
	return key{pod.Namespace, owner.Kind, owner.Name}
}

// Reaching returns the Services that lead to any of the gateways, in the order of their names.
func (f *Found) Reaching(gateways []Gateway) []Service {
	var reaching []Service
	for _, s := range f.Services {
		if slices.ContainsFunc(gateways, s.leadsTo) {
			reaching = append(reaching, s)
		}
	}
	byName := func(a, b Service) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	}
	slices.SortStableFunc(reaching, byName)
	// A list that has expired brings some again.
	return slices.CompactFunc(reaching, func(a, b Service) bool { return byName(a, b) == 0 })
}

// leadsTo says whether a Service selects a gateway's pods; one without a selector leads nowhere by itself.
func (s Service) leadsTo(g Gateway) bool {
	if s.Namespace != g.Namespace || len(s.Selector) == 0 {
		return false
	}
	for name, value := range s.Selector {
		if is, labelled := g.labels[name]; !labelled || is != value {
			return false
		}
	}
	return true
}

// Runs says whether a pod is a gateway that runs.
func Runs(pod proxy.Pod) bool {
	return (pod.Type == proxy.Gateway || pod.Type == proxy.Waypoint) && !pod.Terminal()
}

// Will says whether a pod is a gateway, or will be one once it is injected.
func Will(pod proxy.Pod) bool {
	return pod.Type == proxy.Gateway || pod.Type == proxy.Waypoint || asksForGateway(pod)
}

// gatewayTemplate is the name of the injection template that makes a pod a gateway. Source: the chart gateway.
const gatewayTemplate = "gateway"

// asksForGateway says whether a pod that is not injected yet will be a gateway.
func asksForGateway(pod proxy.Pod) bool {
	for _, name := range strings.Split(pod.Annotations[annotation.InjectTemplates.Name], ",") {
		if strings.TrimSpace(name) == gatewayTemplate {
			return true
		}
	}
	return false
}
