// Package tag reads, renders, moves and removes Istio's revision tags: names for revisions that namespaces, pods and
// Gateways follow. What is decided is decided over plain objects; only reading and carrying out call the cluster.
package tag

import (
	"fmt"
	"slices"
	"strings"
)

// Default is the tag that istio-injection=enabled follows, and whose revision validates what carries no revision.
const Default = "default"

// Claim is one object that says which revision a tag stands for.
type Claim struct {
	// Object is the object's name, Revision the value of its label istio.io/rev.
	Object, Revision string
}

// Tag is a revision tag as the cluster has it. Since Istio 1.28 it is a webhook configuration, by which pods are
// injected, and a Service; istiod takes the union of both for the Gateways that it manages.
type Tag struct {
	Name string
	// Namespace is Istio's namespace: two meshes in one cluster may use the same name. It is empty where the webhook is
	// called by URL and nobody has said where Istio is.
	Namespace string
	// Webhooks are the tag's mutating webhook configurations, Services its Services, by name. More than one is unusual.
	Webhooks, Services []Claim
	// Validator is the revision that the default validator belongs to, for the tag default alone; empty where there is no
	// validator, or it is not the tag's.
	Validator string
}

// Revisions returns the revisions that the tag is claimed for, those of webhook configurations first, each once.
func (t Tag) Revisions() []string {
	var revisions []string
	for _, claim := range slices.Concat(t.Webhooks, t.Services) {
		if !slices.Contains(revisions, claim.Revision) {
			revisions = append(revisions, claim.Revision)
		}
	}
	return revisions
}

// Revision returns the revision that pods are injected by which follow the tag; where it is a Service alone, the one whose
// control plane manages Gateways. It is empty where there is neither.
func (t Tag) Revision() string {
	if revisions := t.Revisions(); len(revisions) > 0 {
		return revisions[0]
	}
	return ""
}

// Conflict says in words that claimants differ, so that control planes fight over the Gateways that follow the tag; empty
// where they agree.
func (t Tag) Conflict() string {
	if len(t.Revisions()) < 2 {
		return ""
	}
	var words []string
	for _, claim := range t.Webhooks {
		words = append(words, "webhook configuration "+claim.Object+" says "+claim.Revision)
	}
	for _, claim := range t.Services {
		words = append(words, "Service "+claim.Object+" says "+claim.Revision)
	}
	return strings.Join(words, ", ")
}

// Half says in words which half of the tag is missing, empty where both are there. A tag without a Service is what releases
// before 1.28 made, and is no fault by itself.
func (t Tag) Half() string {
	switch {
	case len(t.Webhooks) == 0 && len(t.Services) == 0:
		return "only its validator is there"
	case len(t.Webhooks) == 0:
		return "no webhook configuration: it injects nothing"
	case len(t.Services) == 0:
		return "no Service"
	default:
		return ""
	}
}

// String names the tag, with Istio's namespace where that is not the usual one.
func (t Tag) String() string { return title(t.Namespace, t.Name) }

func title(namespace, name string) string {
	if namespace == "" || namespace == usualNamespace {
		return "tag " + name
	}
	return fmt.Sprintf("tag %s of the mesh in %s", name, namespace)
}
