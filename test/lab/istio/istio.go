// Package istio puts Istio into a lab the way a user does, with istioctl, and runs a real istiod for each revision
// where the cluster only pretends to.
package istio

import "fmt"

// What is meant where nothing is said.
const (
	DefaultNamespace = "istio-system"
	DefaultHub       = "docker.io/istio"
	defaultRevision  = "default"
)

// Install is one revision of Istio.
type Install struct {
	Revision  string            // "" or "default" is an installation without revision
	Tag       string            // of every image, such as "1.22.0"
	Hub       string            // where images are; "" is DefaultHub
	Namespace string            // of the control plane; "" is DefaultNamespace
	Set       []string          // further --set of istioctl install
	Env       map[string]string // further environment of istiod
}

// ID is what tells the istiods of a cluster apart.
type ID struct{ Namespace, Revision string }

// NewID returns the ID of a revision, with what is meant where nothing is said.
func NewID(namespace, revision string) ID {
	if namespace == "" {
		namespace = DefaultNamespace
	}
	if revision == "" {
		revision = defaultRevision
	}
	return ID{Namespace: namespace, Revision: revision}
}

// ID returns the installation's ID.
func (i Install) ID() ID { return NewID(i.Namespace, i.Revision) }

// String returns the name of the istiod in messages and in the list of components.
func (id ID) String() string {
	name := "istiod-" + id.Revision
	if id.Namespace != DefaultNamespace {
		name += "." + id.Namespace
	}
	return name
}

// suffix is what Istio's chart appends to the names of what belongs to a revision.
func (id ID) suffix() string {
	if id.Revision == defaultRevision {
		return ""
	}
	return "-" + id.Revision
}

func (id ID) service() string     { return "istiod" + id.suffix() }
func (id ID) injectorMap() string { return "istio-sidecar-injector" + id.suffix() }

// injector is the name of the MutatingWebhookConfiguration; the chart names the namespace only where it is unusual.
func (id ID) injector() string {
	name := "istio-sidecar-injector" + id.suffix()
	if id.Namespace != DefaultNamespace {
		name += "-" + id.Namespace
	}
	return name
}

func (id ID) validator() string {
	return fmt.Sprintf("istio-validator%s-%s", id.suffix(), id.Namespace)
}
