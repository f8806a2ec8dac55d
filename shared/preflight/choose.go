package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Choice is between which revisions to move.
type Choice struct {
	// To is the name of the revision to move to, From that of the one to leave; empty to have it found.
	To, From string
	// Installed are the control planes that there are, Followers counts the namespaces that follow each.
	Installed []revision.ControlPlane
	Followers map[revision.ControlPlane]int
}

// Choose returns the two control planes. A target that is not installed is returned with its name alone: that is for Check to tell.
// Where no other revision is installed than the target, the upgrade is one in place, and both are the same. The error says that a
// name cannot be told from others, which revisions there are to choose from, or that nothing would be moved.
func (c Choice) Choose() (from, to revision.ControlPlane, err error) {
	if to, err = c.only(c.To); err != nil {
		return from, to, err
	}
	if c.From != "" {
		from, err = c.only(c.From)
		if err == nil && from.Namespace == "" && !slices.Contains(c.Installed, from) {
			err = fmt.Errorf("--from %s: that revision is not installed: see `kubectl mesh-canary revisions`", c.From)
		}
		return from, to, err
	}
	from, err = c.leave(to)
	if err == nil && from != to && c.Followers[from] == 0 && c.Followers[to] > 0 {
		err = fmt.Errorf("revision %s is the one in use, and no namespace follows %s: name the revision to leave with --from", to.Revision, from.Revision)
	}
	return from, to, err
}

// only returns the one control plane of that name.
func (c Choice) only(name string) (revision.ControlPlane, error) {
	var found []revision.ControlPlane
	var namespaces []string
	for _, owner := range c.Installed {
		if owner.Revision == name {
			found, namespaces = append(found, owner), append(namespaces, owner.Namespace)
		}
	}
	switch len(found) {
	case 0:
		return revision.ControlPlane{Revision: name}, nil
	case 1:
		return found[0], nil
	default:
		return revision.ControlPlane{}, fmt.Errorf("revision %s is installed in namespaces %s: name one of them with --istio-namespace",
			name, strings.Join(namespaces, " and "))
	}
}

// leave finds the control plane to leave: the only other one, or the only one of those that namespaces follow. Those of the target's
// own namespace come first.
func (c Choice) leave(to revision.ControlPlane) (revision.ControlPlane, error) {
	others := filter(c.Installed, func(owner revision.ControlPlane) bool { return owner != to })
	for _, narrower := range []func(revision.ControlPlane) bool{
		func(owner revision.ControlPlane) bool { return owner.Namespace == to.Namespace },
		func(owner revision.ControlPlane) bool { return c.Followers[owner] > 0 },
	} {
		if kept := filter(others, narrower); len(kept) > 0 {
			others = kept
		}
	}
	switch {
	case len(others) == 1:
		return others[0], nil
	case len(others) == 0 && slices.Contains(c.Installed, to):
		return to, nil
	case len(others) == 0:
		return revision.ControlPlane{}, fmt.Errorf("no revision is installed that could be left: see `kubectl mesh-canary revisions`")
	}
	var names []string
	for _, owner := range others {
		names = append(names, owner.Revision)
	}
	return revision.ControlPlane{}, fmt.Errorf("several revisions could be left (%s): name one with --from", strings.Join(names, ", "))
}

func filter(owners []revision.ControlPlane, keep func(revision.ControlPlane) bool) []revision.ControlPlane {
	var kept []revision.ControlPlane
	for _, owner := range owners {
		if keep(owner) {
			kept = append(kept, owner)
		}
	}
	return kept
}
