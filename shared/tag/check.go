package tag

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// CheckName returns an error for a name that no tag can have: it is the value of a label, and part of the names of a Service
// and of a webhook configuration.
func CheckName(name string) error {
	problems := validation.IsValidLabelValue(name)
	if name == "" {
		problems = []string{"it is empty"}
	}
	if len(problems) == 0 && len(validation.IsDNS1035Label(ServiceName(name))) > 0 {
		problems = []string{fmt.Sprintf("its Service would be %s, and a Service's name has lower-case letters, digits and \"-\" only, 63 of them at most", ServiceName(name))}
	}
	if len(problems) > 0 {
		return fmt.Errorf("tag %q: %s; choose another name, such as prod-stable", name, strings.Join(problems, "; "))
	}
	return nil
}

// CheckSet returns an error where the tag cannot stand for the revision in that mesh: its name is none, or a revision's, or
// the revision is not installed.
func CheckSet(o *Objects, namespace, name, rev string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if name != Default && slices.Contains(o.Revisions(namespace), name) {
		return fmt.Errorf("tag %s: a revision of that name is installed in %s, and labels could not tell them apart: choose another name", name, namespace)
	}
	_, err := o.Own(namespace, rev)
	return err
}

// CheckNamed returns an error where there is nothing in the namespace that the user says Istio is in: no injector's control plane, and
// nothing that is left of a tag.
func CheckNamed(o *Objects) error {
	left := slices.ContainsFunc(o.Tags(), func(t Tag) bool { return t.Namespace == o.Named })
	if o.Named == "" || left || slices.Contains(o.Namespaces(), o.Named) {
		return nil
	}
	return revision.NotThere(o.Named, o.Namespaces())
}

// Locate returns the namespace of the mesh that is meant, where the user has not said: the one that has the revision or, for
// an empty revision, the tag. The error says that none has, or which have.
func Locate(o *Objects, name, rev string) (string, error) {
	if o.Named != "" {
		return o.Named, CheckNamed(o)
	}
	var found []string
	for _, namespace := range o.Namespaces() {
		has := slices.Contains(o.Revisions(namespace), rev)
		if rev == "" {
			has = o.Tag(namespace, name).Exists()
		}
		if has {
			found = append(found, namespace)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", notFound(o, name, rev)
	default:
		return "", fmt.Errorf("several meshes have it, in %s: choose one with --istio-namespace", strings.Join(found, ", "))
	}
}

func notFound(o *Objects, name, rev string) error {
	if len(o.Webhooks) == 0 {
		return revision.ErrNone
	}
	if rev == "" {
		return NoTag(o, o.Namespaces(), name)
	}
	var installed []string
	for _, namespace := range o.Namespaces() {
		installed = append(installed, o.Revisions(namespace)...)
	}
	return fmt.Errorf("revision %s is not installed: there are %s", rev, strings.Join(installed, ", "))
}

// NoTag is the error that meshes, by Istio's namespaces, have no tag of that name: it says which they have.
func NoTag(o *Objects, namespaces []string, name string) error {
	var tags []string
	for _, t := range o.Tags() {
		if slices.Contains(namespaces, t.Namespace) && !slices.Contains(tags, t.Name) {
			tags = append(tags, t.Name)
		}
	}
	if len(tags) == 0 {
		return fmt.Errorf("there is no tag %s, and no other either", name)
	}
	slices.Sort(tags)
	return fmt.Errorf("there is no tag %s: there are %s", name, strings.Join(tags, ", "))
}

// Rivals returns the webhook configurations of other meshes that select the same pods as the tag does: two control planes
// would inject these.
func Rivals(o *Objects, namespace, name string) []string {
	follower := map[string]string{label.IoIstioRev.Name: name}
	if name == Default {
		follower = map[string]string{injectionLabel: "enabled"}
	}
	var rivals []string
	for i := range o.Webhooks {
		c := &o.Webhooks[i]
		if owner, _ := o.ownerOf(c); owner.Namespace != namespace && selects(c, follower, nil) {
			rivals = append(rivals, c.Name)
		}
	}
	return rivals
}
