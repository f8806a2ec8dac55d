// Package mesh reads once from a cluster what decides about injection, and answers for every pod from these plain
// values.
package mesh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Mesh is what a cluster says about injection, at the moment it was read.
type Mesh struct {
	injection injection.Mesh
	// namespaces holds the labels of each namespace.
	namespaces map[string]map[string]string
	// terminating says of each namespace whether it is being deleted.
	terminating map[string]bool
	// injectorsGap and namespacesGap are nil where these could be read.
	injectorsGap, namespacesGap *cluster.Gap
	gaps                        []cluster.Gap
}

// Injectors returns the cluster's injectors, in the order in which the API server calls them.
func (m *Mesh) Injectors() []revision.Injector { return m.injection.Injectors }

// ControlPlanes returns those that an injector calls, tags' injectors included, each once and sorted by namespace and
// revision.
func (m *Mesh) ControlPlanes() []revision.ControlPlane { return ownersOf(m.injection.Injectors) }

// ownersOf returns the control planes that the injectors call, each once and sorted.
func ownersOf(injectors []revision.Injector) []revision.ControlPlane {
	var owners []revision.ControlPlane
	for _, i := range injectors {
		owners = append(owners, i.Owner)
	}
	slices.SortFunc(owners, func(a, b revision.ControlPlane) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Revision, b.Revision))
	})
	return slices.Compact(owners)
}

// Gaps returns what could not be read.
func (m *Mesh) Gaps() []cluster.Gap { return m.gaps }

// InjectorsKnown says whether the webhook configurations could be read at all.
func (m *Mesh) InjectorsKnown() bool { return m.injectorsGap == nil }

// Installed says whether a revision has an injector: a webhook configuration of its own, not only a tag's.
func (m *Mesh) Installed(name string) bool {
	return slices.ContainsFunc(revision.Installed(m.injection.Injectors), func(c revision.ControlPlane) bool {
		return c.Revision == name
	})
}

// ExpectedVersion returns the version of the proxy that a control plane injects by default, empty where its
// configuration could not be read.
func (m *Mesh) ExpectedVersion(owner revision.ControlPlane) string {
	image, err := proxy.ParseImage(m.ExpectedImage(owner))
	if err != nil {
		return ""
	}
	return image.Version().Text
}

// ExpectedImage returns the image of the proxy that a control plane injects by default, empty where its configuration could
// not be read or does not tell.
func (m *Mesh) ExpectedImage(owner revision.ControlPlane) string {
	config, ok := m.injection.Configs[owner]
	if !ok {
		return ""
	}
	return config.DefaultImage()
}

// RootNamespace returns the namespace whose configuration holds for the whole mesh of a control plane, empty where that
// one's configuration could not be read.
func (m *Mesh) RootNamespace(owner revision.ControlPlane) string {
	return m.injection.Configs[owner].RootNamespace
}

// Follows says what becomes of a pod without labels in a namespace: which control plane it comes to, and by which tag.
func (m *Mesh) Follows(namespace string) injection.Decision {
	return m.Decide(proxy.Pod{Namespace: namespace})
}

// Decide says what would happen to the pod if it were created now.
func (m *Mesh) Decide(pod proxy.Pod) injection.Decision {
	if m.injectorsGap != nil {
		return injection.UnknownDecision(m.injectorsGap.Error())
	}
	labels, ok := m.namespaces[pod.Namespace]
	if !ok {
		return injection.UnknownDecision(m.namespaceGap(pod.Namespace))
	}
	if pod.Managed() {
		return m.injection.DecideManaged(pod, labels)
	}
	return m.injection.Decide(pod, labels)
}

// Namespaces returns the names of the namespaces that were read, sorted.
func (m *Mesh) Namespaces() []string { return slices.Sorted(maps.Keys(m.namespaces)) }

// Labels returns a namespace's labels, none where it was not read. They are not to be changed.
func (m *Mesh) Labels(namespace string) map[string]string { return m.namespaces[namespace] }

// Lacks says whether it is known that a namespace does not exist.
func (m *Mesh) Lacks(namespace string) bool {
	_, ok := m.namespaces[namespace]
	return !ok && m.namespacesGap == nil
}

// Terminating says whether a namespace was being deleted when it was read: then nothing can be created in it any more. It is
// false of one that was not read.
func (m *Mesh) Terminating(namespace string) bool { return m.terminating[namespace] }

func (m *Mesh) namespaceGap(name string) string {
	if m.namespacesGap != nil {
		return m.namespacesGap.Error()
	}
	return fmt.Sprintf("namespace %s was not there when namespaces were read", name)
}
