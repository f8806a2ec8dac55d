package upgrade

import (
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// Next returns the arguments of `kubectl mesh-canary` that are to be typed next, and why; no arguments where nothing is left to do. u is
// nil where no upgrade is recorded; remaining are the namespaces that it is about and that are not recorded yet; installed says whether a
// revision has an injector of its own.
func Next(u *v1alpha1.CanaryUpgrade, remaining []string, installed func(revision string) bool) (arguments, why string) {
	if u == nil {
		return "revisions", "what is installed, and where one may go"
	}
	switch u.Phase {
	case v1alpha1.PhaseStarted:
		return nextStarted(u, remaining)
	case v1alpha1.PhaseCompleting:
		return "complete", "it was begun, and is not done"
	case v1alpha1.PhaseCompleted:
		if !installed(u.From) {
			return "", "nothing is left to do: revision " + u.From + " is not installed any more"
		}
		return "retire " + u.From, "it says what still needs the old revision; until that is uninstalled, `kubectl mesh-canary rollback` goes back"
	case v1alpha1.PhaseRollingBack:
		return "rollback", "it was begun, and is not done"
	}
	if !installed(u.To) {
		return "", "nothing is left to do: everything is as it was, and revision " + u.To + " is not installed any more"
	}
	return anew(u), "everything is as it was"
}

// anew is how an upgrade that was rolled back is begun once more, with the tags that it had.
func anew(u *v1alpha1.CanaryUpgrade) string {
	arguments := "start --from " + u.From + " --to " + u.To
	if u.StableTag != "" {
		arguments += " --stable-tag " + u.StableTag
	}
	if u.CanaryTag != "" {
		arguments += " --canary-tag " + u.CanaryTag
		// It was there before.
		if slices.ContainsFunc(u.Tags, func(t v1alpha1.UpgradeTag) bool { return t.Name == u.CanaryTag && t.Before != "" }) {
			arguments += " --use-tag"
		}
	}
	return arguments
}

// Present returns the record without the namespaces that are gone or on their way: these are not to be waited for.
func Present(u *v1alpha1.CanaryUpgrade, seen Seen) *v1alpha1.CanaryUpgrade {
	p := *u
	p.Namespaces = slices.DeleteFunc(slices.Clone(u.Namespaces), func(n v1alpha1.UpgradeNamespace) bool {
		live, exists := seen.Namespaces[n.Name]
		return !exists || live.UID != n.UID || live.Deleting
	})
	return &p
}

func nextStarted(u *v1alpha1.CanaryUpgrade, remaining []string) (arguments, why string) {
	var moving []string
	for _, n := range u.Namespaces {
		if !n.Moved {
			moving = append(moving, n.Name)
		}
	}
	switch {
	case len(moving) > 0:
		return "advance " + strings.Join(moving, " "), "not all of the pods there are on the new revision yet"
	case len(remaining) > 0:
		return "advance " + remaining[0], "it is still on the old revision"
	default:
		return "complete", "every namespace is on the new revision"
	}
}
