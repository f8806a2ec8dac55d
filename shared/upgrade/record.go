package upgrade

import (
	"maps"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Note records what a step is about to write, and says whether the record has changed: it has to be in the cluster before the step
// is carried out, so that whoever goes on knows what may be the upgrade's own.
func Note(u *v1alpha1.CanaryUpgrade, s Step) bool {
	changed := false
	switch s.Kind {
	case SetTag:
		for i := range u.Tags {
			if t := &u.Tags[i]; t.Name == s.Tag && t.Before != s.Revision && !slices.Contains(t.Wrote, s.Revision) {
				t.Wrote, changed = append(slices.Clone(t.Wrote), s.Revision), true
			}
		}
	case Label:
		for i := range u.Namespaces {
			n := &u.Namespaces[i]
			to, is := s.Labels[n.Name]
			if is && !IsOurs(n, to) {
				n.Wrote, changed = append(slices.Clone(n.Wrote), maps.Clone(to)), true
			}
		}
	case Enter:
		if changed = u.Phase != s.Phase; changed {
			u.Phase, u.Proven = s.Phase, ""
		}
	}
	return changed
}

// Proved records that the pods of a Restart were seen to run what they should, and says whether the record has changed.
func Proved(u *v1alpha1.CanaryUpgrade, s Step) bool {
	changed := false
	if len(s.Namespaces) == 0 && s.Away != "" {
		changed, u.Proven = u.Proven != u.Phase, u.Phase
	}
	for i := range u.Namespaces {
		n := &u.Namespaces[i]
		if len(s.Namespaces) > 0 && !slices.Contains(s.Namespaces, n.Name) {
			continue
		}
		moved := u.Phase != v1alpha1.PhaseRollingBack
		changed = changed || n.Moved != moved
		n.Moved = moved
	}
	return changed
}

// Grown returns the record as it is at most once everything is written that the upgrade may write, so that its size can be told before
// anything is begun.
func Grown(u *v1alpha1.CanaryUpgrade) *v1alpha1.CanaryUpgrade {
	g := *u
	g.Tags, g.Namespaces = slices.Clone(u.Tags), slices.Clone(u.Namespaces)
	for i := range g.Tags {
		g.Tags[i].Wrote = []string{u.From, u.To}
	}
	for i := range g.Namespaces {
		n := &g.Namespaces[i]
		n.Moved, n.Wrote = true, []map[string]string{Moved(u), Finished(u, n)}
	}
	return &g
}
