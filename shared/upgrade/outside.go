package upgrade

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Used returns the revisions that namespaces follow, each once, in order.
func Used(seen Seen, installed func(revision string) bool) []string {
	m := mesh{seen, installed}
	var used []string
	for _, name := range m.names() {
		if f, ok := m.follows(name); ok && !slices.Contains(used, f.Revision) {
			used = append(used, f.Revision)
		}
	}
	slices.Sort(used)
	return used
}

// Following returns the namespaces that follow a revision that is one of those asked for, in order, but those that are being deleted.
func Following(seen Seen, installed, asked func(revision string) bool) []string {
	m := mesh{seen, installed}
	return slices.DeleteFunc(m.names(), func(name string) bool {
		f, ok := m.follows(name)
		return !ok || seen.Namespaces[name].Deleting || !asked(f.Revision)
	})
}

// Outside returns an error where namespaces follow the revision that an upgrade leaves by a tag that it does not move: once it is
// complete, nothing may be left there.
func Outside(u *v1alpha1.CanaryUpgrade, seen Seen, installed func(revision string) bool) error {
	m := mesh{seen, installed}
	var outside []string
	for _, name := range m.names() {
		f, ok := m.follows(name)
		if ok && !seen.Namespaces[name].Deleting && f.Revision == u.From && f.Form == v1alpha1.ByTag && f.Tag != u.StableTag && !m.recorded(u, name) {
			outside = append(outside, fmt.Sprintf("%s (by tag %s)", name, f.Tag))
		}
	}
	if len(outside) == 0 {
		return nil
	}
	return fmt.Errorf("namespaces follow revision %s by tags that this upgrade does not move: %s; label them otherwise, or move their tag with `kubectl mesh-canary tag set`",
		u.From, strings.Join(outside, ", "))
}
