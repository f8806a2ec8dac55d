package controlplane

import (
	"cmp"
	"slices"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgraderule"
)

// aksNamespace is where the add-on of Azure installs Istio. Source: learn.microsoft.com/azure/aks/istio-deploy-addon.
const aksNamespace = "aks-istio-system"

// Plane is an installed revision.
type Plane struct {
	revision.ControlPlane
	// Deployment is istiod's, nil where none can be seen.
	Deployment *Deployment
	// Created is when its Deployment was, or its injector where there is none.
	Created time.Time
	// Tags are the revision tags that point to it, sorted.
	Tags []string
	// Namespaces counts those whose pods it would inject, Pods those that run its proxies.
	Namespaces, Pods int
	// Image is the proxy's that it injects by default, empty where that is unknown.
	Image string
}

// Version returns the version of its istiod, empty where it is unknown.
func (p Plane) Version() string {
	if p.Deployment == nil {
		return ""
	}
	return p.Deployment.Version
}

// Planes returns every control plane that has an injector of its own, in the order of namespaces and versions. pods counts those
// that run the proxies of each.
func Planes(m *mesh.Mesh, deployments Deployments, pods map[revision.ControlPlane]int) []Plane {
	namespaces := Followers(m)
	var planes []Plane
	for _, owner := range revision.Installed(m.Injectors()) {
		p := Plane{
			ControlPlane: owner, Tags: TagsOf(m.Injectors(), owner), Namespaces: namespaces[owner], Pods: pods[owner],
			Image: m.ExpectedImage(owner), Created: injectorOf(m, owner).Created,
		}
		if d, ok := deployments[owner]; ok {
			p.Deployment, p.Created = &d, d.Created
		}
		planes = append(planes, p)
	}
	slices.SortStableFunc(planes, func(a, b Plane) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace),
			proxy.ParseVersion(a.Version()).Order(proxy.ParseVersion(b.Version())), cmp.Compare(a.Revision, b.Revision))
	})
	return planes
}

func injectorOf(m *mesh.Mesh, owner revision.ControlPlane) revision.Injector {
	for _, i := range m.Injectors() {
		if i.Owner == owner && i.Tag == "" {
			return i
		}
	}
	return revision.Injector{}
}

// Followers counts, for each control plane, the namespaces whose pods come to it.
func Followers(m *mesh.Mesh) map[revision.ControlPlane]int {
	count := map[revision.ControlPlane]int{}
	for _, name := range m.Namespaces() {
		if d := m.Follows(name); d.Owner != (revision.ControlPlane{}) {
			count[d.Owner]++
		}
	}
	return count
}

// TagsOf returns the revision tags whose injectors call a control plane, sorted, each once.
func TagsOf(injectors []revision.Injector, owner revision.ControlPlane) []string {
	tags := []string{}
	for _, i := range injectors {
		if i.Owner == owner && i.Tag != "" {
			tags = append(tags, i.Tag)
		}
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// WayOf returns how a control plane is replaced by one of another revision.
func WayOf(owner revision.ControlPlane) upgraderule.Way {
	if owner.Namespace == aksNamespace {
		return upgraderule.OnAKS
	}
	return upgraderule.ByRevision
}

// Move says whether one may move to another revision.
type Move struct {
	To Plane
	upgraderule.Verdict
}

// Moves returns what there is to say of moving from a control plane to each of the others that share its Istio's namespace.
func Moves(from Plane, planes []Plane) []Move {
	moves := []Move{}
	for _, to := range planes {
		if to.Namespace != from.Namespace || to.ControlPlane == from.ControlPlane {
			continue
		}
		verdict := upgraderule.Judge(proxy.ParseVersion(from.Version()), proxy.ParseVersion(to.Version()), WayOf(from.ControlPlane))
		moves = append(moves, Move{To: to, Verdict: verdict})
	}
	return moves
}
