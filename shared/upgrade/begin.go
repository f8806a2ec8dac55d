package upgrade

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// Request is what an upgrade is asked to be.
type Request struct {
	// From and To are revisions; From is empty where it is to be found out.
	From, To       string
	IstioNamespace string
	// StableTag and CanaryTag are tags, empty for none or, the former, where it is to be found out.
	StableTag, CanaryTag string
	// UseTag consents to a canary tag that exists already, or that namespaces name.
	UseTag bool
}

// Begin returns the record of an upgrade that has not done anything yet, or why there cannot be one. installed says whether a
// revision has an injector of its own.
func Begin(q Request, seen Seen, installed func(revision string) bool) (*v1alpha1.CanaryUpgrade, error) {
	u := &v1alpha1.CanaryUpgrade{
		Phase: v1alpha1.PhaseStarted, From: q.From, To: q.To, IstioNamespace: q.IstioNamespace, CanaryTag: q.CanaryTag,
		StartedAt: metav1.NewTime(time.Now().UTC().Truncate(time.Second)),
	}
	u.Kind, u.APIVersion = v1alpha1.CanaryUpgradeKind, v1alpha1.APIVersion
	m := mesh{seen, installed}
	if !installed(q.To) {
		return nil, fmt.Errorf("revision %s is not installed: see `kubectl mesh-canary revisions`, or have it installed with --install", q.To)
	}
	var err error
	if u.From == "" {
		if u.From, err = m.from(q.To); err != nil {
			return nil, err
		}
	}
	if u.From == u.To {
		return nil, fmt.Errorf("revision %s is the one in use", u.To)
	}
	if u.StableTag, err = m.stable(q.StableTag, u.From); err != nil {
		return nil, err
	}
	if err := m.canary(q, u); err != nil {
		return nil, err
	}
	for _, tag := range []string{u.StableTag, u.CanaryTag} {
		m.record(u, tag)
	}
	// What an installation without a revision injects by labels of pods alone is injected by way of the default tag afterwards.
	if m.Tags[defaultTag].Revision == u.From || u.From == revision.Default {
		m.record(u, defaultTag)
	}
	return u, nil
}

// mesh answers what follows what.
type mesh struct {
	Seen
	installed func(string) bool
}

func (m mesh) follows(name string) (Follows, bool) {
	tags := map[string]string{}
	for tag, t := range m.Tags {
		tags[tag] = t.Revision
	}
	return FollowedBy(m.Namespaces[name].Labels, tags, m.installed)
}

// names are the namespaces' names, in order.
func (m mesh) names() []string { return slices.Sorted(maps.Keys(m.Namespaces)) }

// from finds the revision that namespaces follow, if it is one.
func (m mesh) from(to string) (string, error) {
	var found []string
	for _, name := range m.names() {
		if f, ok := m.follows(name); ok && f.Revision != to && !slices.Contains(found, f.Revision) {
			found = append(found, f.Revision)
		}
	}
	slices.Sort(found)
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no namespace follows another revision than %s: name it with --from", to)
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("namespaces follow several revisions (%s): name the one to leave with --from", strings.Join(found, ", "))
	}
}

// stable finds the tag by which namespaces follow the old revision, if it is one; what follows the default is none of them.
func (m mesh) stable(named, from string) (string, error) {
	if named != "" {
		if err := m.validTag("--stable-tag", named); err != nil {
			return "", err
		}
		t, exists := m.Tags[named]
		if exists && t.Revision != from {
			return "", fmt.Errorf("--stable-tag %s points at revision %s, not %s: see `kubectl mesh-canary tag list`", named, t.Revision, from)
		}
		if followers := m.naming(named); !exists && len(followers) > 0 {
			return "", fmt.Errorf("--stable-tag %s does not exist, and namespaces that name it (%s) would be injected: use another, or `kubectl mesh-canary tag set %s --revision %s` first",
				named, strings.Join(followers, ", "), named, from)
		}
		// What follows another tag would be left behind, so that the name is mistyped more likely than new.
		if others := m.tagsTo(from); !exists && len(others) > 0 {
			return "", fmt.Errorf("--stable-tag %s does not exist; namespaces follow revision %s by %s: name that, or leave the flag out", named, from, strings.Join(others, ", "))
		}
		return named, nil
	}
	found := m.tagsTo(from)
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return found[0], nil
	default:
		return "", fmt.Errorf("namespaces follow revision %s by several tags (%s): name one with --stable-tag", from, strings.Join(found, ", "))
	}
}

// tagsTo are the tags by which namespaces follow a revision, in order.
func (m mesh) tagsTo(revision string) (found []string) {
	for _, name := range m.names() {
		if f, ok := m.follows(name); ok && f.Form == v1alpha1.ByTag && f.Revision == revision && !slices.Contains(found, f.Tag) {
			found = append(found, f.Tag)
		}
	}
	slices.Sort(found)
	return found
}

// validTag says why a tag cannot have a name.
func (m mesh) validTag(flag, name string) error {
	if err := tag.CheckName(name); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	if m.installed(name) && name != defaultTag {
		return fmt.Errorf("%s %s: a revision has that name", flag, name)
	}
	return nil
}

// canary says why the canary tag cannot be what was asked for.
func (m mesh) canary(q Request, u *v1alpha1.CanaryUpgrade) error {
	if q.CanaryTag == "" {
		return nil
	}
	if err := m.validTag("--canary-tag", q.CanaryTag); err != nil {
		return err
	}
	t, exists := m.Tags[q.CanaryTag]
	followers := m.naming(q.CanaryTag)
	switch {
	case q.CanaryTag == u.StableTag:
		return fmt.Errorf("--canary-tag %s is the stable tag", q.CanaryTag)
	case q.CanaryTag == defaultTag:
		return errors.New("--canary-tag default: every namespace with istio-injection=enabled follows that")
	case q.UseTag && exists && !m.installed(t.Revision):
		return fmt.Errorf("--canary-tag %s points at revision %s, which is not installed, so that it could not be put back: `kubectl mesh-canary tag remove %s` first", q.CanaryTag, t.Revision, q.CanaryTag)
	case q.UseTag:
		return nil
	case exists:
		return fmt.Errorf("--canary-tag %s exists already, and points at revision %s: use another, or --use-tag to point it at %s until it is rolled back", q.CanaryTag, t.Revision, u.To)
	case len(followers) > 0:
		return fmt.Errorf("--canary-tag %s is named by namespaces (%s), which would follow it: use another, or --use-tag", q.CanaryTag, strings.Join(followers, ", "))
	default:
		return nil
	}
}

func (m mesh) naming(tag string) (names []string) {
	for _, name := range m.names() {
		if m.Namespaces[name].Labels[Rev] == tag {
			names = append(names, name)
		}
	}
	return names
}

// record notes what a tag was, once.
func (m mesh) record(u *v1alpha1.CanaryUpgrade, tag string) {
	if tag == "" || slices.ContainsFunc(u.Tags, func(t v1alpha1.UpgradeTag) bool { return t.Name == tag }) {
		return
	}
	u.Tags = append(u.Tags, v1alpha1.UpgradeTag{Name: tag, Before: m.Tags[tag].Revision})
}

// Concerned returns the namespaces that an upgrade is about and that are not recorded yet: those that follow the revision that it
// leaves, by its stable tag, by name, or by the default.
func Concerned(u *v1alpha1.CanaryUpgrade, seen Seen, installed func(revision string) bool) []string {
	m := mesh{seen, installed}
	return slices.DeleteFunc(m.names(), func(name string) bool { return m.recorded(u, name) || m.refuse(u, name) != nil })
}

// recorded says whether the upgrade knows a namespace, and not only another one of that name that is gone.
func (m mesh) recorded(u *v1alpha1.CanaryUpgrade, name string) bool {
	return slices.ContainsFunc(u.Namespaces, func(n v1alpha1.UpgradeNamespace) bool {
		live, exists := m.Namespaces[name]
		return n.Name == name && (!exists || live.UID == n.UID)
	})
}

// refuse says why a namespace is none of an upgrade's.
func (m mesh) refuse(u *v1alpha1.CanaryUpgrade, name string) error {
	n, exists := m.Namespaces[name]
	f, follows := m.follows(name)
	switch {
	case !exists:
		return fmt.Errorf("namespace %s does not exist", name)
	case n.Deleting:
		return fmt.Errorf("namespace %s is being deleted", name)
	case !follows && len(n.Labels) == 0:
		return fmt.Errorf("namespace %s follows no revision: it has no label of Istio", name)
	case !follows:
		return fmt.Errorf("namespace %s follows no revision: its labels are %s", name, LabelText(n.Labels))
	case f.Revision == u.To:
		return fmt.Errorf("namespace %s follows revision %s already", name, u.To)
	case f.Revision != u.From:
		return fmt.Errorf("namespace %s follows revision %s, and this upgrade leaves %s", name, f.Revision, u.From)
	case f.Form == v1alpha1.ByTag && f.Tag != u.StableTag:
		return fmt.Errorf("namespace %s follows tag %s, and this upgrade moves tag %s", name, f.Tag, u.StableTag)
	default:
		return nil
	}
}

// Add records namespaces that are to be moved too, or says why one of them cannot be; nothing is recorded then. Of those that are
// recorded already, one counts as not moved if it has its former labels again, as a GitOps controller would put them back.
func Add(u *v1alpha1.CanaryUpgrade, seen Seen, installed func(revision string) bool, names []string) error {
	m := mesh{seen, installed}
	var wrong []error
	for _, name := range names {
		if !m.recorded(u, name) {
			if err := m.refuse(u, name); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	for _, name := range names {
		if m.recorded(u, name) {
			again(u, seen, name)
			continue
		}
		f, _ := m.follows(name)
		n := seen.Namespaces[name]
		u.Namespaces = slices.DeleteFunc(u.Namespaces, func(gone v1alpha1.UpgradeNamespace) bool { return gone.Name == name })
		u.Namespaces = append(u.Namespaces, v1alpha1.UpgradeNamespace{Name: name, UID: n.UID, Form: f.Form, Before: maps.Clone(n.Labels)})
		if f.Form == v1alpha1.ByDefaultTag || f.Form == v1alpha1.ByDefaultInstall {
			m.record(u, defaultTag)
		}
	}
	return nil
}

// again has a namespace moved once more if somebody has put it back.
func again(u *v1alpha1.CanaryUpgrade, seen Seen, name string) {
	for i := range u.Namespaces {
		if n := &u.Namespaces[i]; n.Name == name && IsPutBack(u, n, seen.Namespaces[name].Labels) {
			n.Moved = false
		}
	}
}

// Undone returns the namespaces that were moved and have their former labels again.
func Undone(u *v1alpha1.CanaryUpgrade, seen Seen) []string {
	var names []string
	for i := range u.Namespaces {
		n := &u.Namespaces[i]
		if live, exists := seen.Namespaces[n.Name]; exists && live.UID == n.UID && IsPutBack(u, n, live.Labels) {
			names = append(names, n.Name)
		}
	}
	return names
}
