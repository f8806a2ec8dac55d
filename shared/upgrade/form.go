// Package upgrade is a canary upgrade as a state machine: what was recorded and what is seen go in, the next steps come out. It
// reads nothing and changes nothing.
package upgrade

import (
	"maps"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

const (
	// Rev names a revision or a tag. Injection, if it is "enabled", stands for the default. Source:
	// https://istio.io/latest/docs/setup/upgrade/canary.
	Rev       = "istio.io/rev"
	Injection = "istio-injection"

	enabled = "enabled"
	// defaultTag is the tag that `istio-injection=enabled` follows.
	defaultTag = revision.Default
)

// Labels returns those of a namespace's labels that decide about injection, never nil.
func Labels(labels map[string]string) map[string]string {
	own := map[string]string{}
	for _, key := range []string{Rev, Injection} {
		if value, is := labels[key]; is {
			own[key] = value
		}
	}
	return own
}

// Follows is what a namespace's labels name.
type Follows struct {
	Form v1alpha1.Form
	// Tag is the tag that it follows, empty where it follows none, Revision where that leads.
	Tag, Revision string
}

// FollowedBy says what a namespace follows, by its labels and the revisions that the mesh's tags point at; false where no control
// plane injects all of its pods, be it that it has no label, that its label says never, or that it names nothing that exists.
// installed says whether a revision has an injector of its own.
func FollowedBy(labels map[string]string, tags map[string]string, installed func(revision string) bool) (Follows, bool) {
	name, named := labels[Rev]
	switch injection, is := labels[Injection]; {
	case is && injection != enabled:
		return Follows{}, false
	case is:
		if to, tagged := tags[defaultTag]; tagged {
			return Follows{v1alpha1.ByDefaultTag, defaultTag, to}, true
		}
		return Follows{v1alpha1.ByDefaultInstall, "", revision.Default}, installed(revision.Default)
	case !named:
		return Follows{}, false
	}
	if to, tagged := tags[name]; tagged {
		return Follows{v1alpha1.ByTag, name, to}, true
	}
	return Follows{v1alpha1.ByRevision, "", name}, installed(name)
}

// Moved returns the labels that move a namespace of any form to the new revision, by the canary tag where there is one. Injection
// goes: it would win.
func Moved(u *v1alpha1.CanaryUpgrade) map[string]string {
	if u.CanaryTag != "" {
		return map[string]string{Rev: u.CanaryTag}
	}
	return map[string]string{Rev: u.To}
}

// Finished returns the labels that a namespace has once the upgrade is complete: those from before, but that a revision named by
// itself is the new one, also where another label overrules it: the old one is to go.
func Finished(u *v1alpha1.CanaryUpgrade, n *v1alpha1.UpgradeNamespace) map[string]string {
	if n.Form == v1alpha1.ByRevision {
		return map[string]string{Rev: u.To}
	}
	labels := maps.Clone(n.Before)
	if labels[Rev] == u.From {
		labels[Rev] = u.To
	}
	return labels
}

// IsPutBack says whether somebody has given a namespace that was moved its former labels again.
func IsPutBack(u *v1alpha1.CanaryUpgrade, n *v1alpha1.UpgradeNamespace, live map[string]string) bool {
	return u.Phase == v1alpha1.PhaseStarted && n.Moved && maps.Equal(live, n.Before) && !maps.Equal(live, Moved(u))
}

// IsOurs says whether a namespace's labels are as they were before or as the upgrade has made them at some time, so that it may
// change them again. What is on its way may have been written or not.
func IsOurs(n *v1alpha1.UpgradeNamespace, live map[string]string) bool {
	if maps.Equal(live, n.Before) {
		return true
	}
	for _, wrote := range n.Wrote {
		if maps.Equal(live, wrote) {
			return true
		}
	}
	return false
}

// LabelText writes labels as kubectl does, in the order of their names.
func LabelText(labels map[string]string) string {
	text := ""
	for _, key := range []string{Injection, Rev} {
		if value, is := labels[key]; is {
			text += "," + revision.LabelText(key, value)
		}
	}
	if text == "" {
		return "no label"
	}
	return text[1:]
}
