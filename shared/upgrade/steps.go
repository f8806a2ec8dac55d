package upgrade

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Goal is where an upgrade is to go.
type Goal int

const (
	// Advance has every recorded namespace on the new revision.
	Advance Goal = iota
	// Complete has the whole mesh on it, and everything else as it was.
	Complete
	// Rollback has everything as it was.
	Rollback
)

// Seen is what an upgrade looks at in the cluster.
type Seen struct {
	// Tags are the mesh's tags.
	Tags map[string]Tag
	// Namespaces are those that there are, by name.
	Namespaces map[string]Namespace
}

// Tag is what a tag is at the moment.
type Tag struct {
	Revision string
	// Half is true where a part of it is missing or points elsewhere: what it should be has to be written again.
	Half bool
}

// Namespace is what a namespace is at the moment.
type Namespace struct {
	UID string
	// Labels are those that decide about injection.
	Labels map[string]string
	// Deleting is true once it has been asked to go.
	Deleting bool
}

// Kind is what a step does.
type Kind int

const (
	// SetTag points a tag at a revision, and creates it if need be.
	SetTag Kind = iota
	// RemoveTag removes a tag that the upgrade has created. Where that is the default tag, what it has switched off injects again first.
	RemoveTag
	// Label gives namespaces their labels.
	Label
	// Restart replaces pods that injection would now give another proxy, and proves that all have it.
	Restart
	// PutBack gives back the replicas that were raised for the upgrade.
	PutBack
	// Enter notes that the upgrade is in a phase.
	Enter
)

// Step is one step of an upgrade. Every step can be done again.
type Step struct {
	Kind Kind
	// Tag and Revision are those of SetTag and RemoveTag. The pods of Namespaces are to run Revision too.
	Tag, Revision string
	// Labels are those that each namespace gets.
	Labels map[string]map[string]string
	// Namespaces are those whose pods are restarted, or only the pods there that run the revision Away, where that is said too. None means
	// those of the whole mesh that run Away.
	Namespaces []string
	Away       string
	// Nothing is true where not even what is to run the revision Away by a label of its own may be left there.
	Nothing bool
	Phase   v1alpha1.Phase
}

// Kept is a change of somebody else's that the upgrade leaves as it is.
type Kept struct {
	// Object is a tag or a namespace, such as "namespace shop". Is and Would are what it is and what it would be.
	Object, Is, Would string
	// Text says it instead where it is another kind of change, such as of a part of a tag.
	Text string
	// Blocks is true where nothing may go forward before that is resolved, as where a tag has been moved: its followers go with it.
	Blocks bool
}

// Blocks says whether anything may not go forward.
func Blocks(kept []Kept) bool {
	return slices.ContainsFunc(kept, func(k Kept) bool { return k.Blocks })
}

// String says it in one line.
func (k Kept) String() string {
	if k.Text != "" {
		return k.Text
	}
	return fmt.Sprintf("%s was changed by somebody else: it is %s and would be %s; it is left as it is", k.Object, k.Is, k.Would)
}

// Steps returns what is left to do to reach the goal, in order, and what somebody else has changed on the way. It is empty once the
// goal is reached. The first steps of an upgrade that is under way are the same whether what has been written before was seen yet or
// not, so that whoever carries them out may do so one by one and ask anew after each.
func Steps(u *v1alpha1.CanaryUpgrade, seen Seen, goal Goal) ([]Step, []Kept) {
	p := &planner{u: u, seen: seen}
	switch goal {
	case Advance:
		p.advance()
	case Complete:
		p.complete()
	case Rollback:
		p.rollback()
	}
	if Reached(u, goal) {
		return nil, p.kept
	}
	return p.steps, p.kept
}

// Reached says whether the record says that a goal was reached. Nothing more is done for it then.
func Reached(u *v1alpha1.CanaryUpgrade, goal Goal) bool {
	return goal == Complete && u.Phase == v1alpha1.PhaseCompleted || goal == Rollback && u.Phase == v1alpha1.PhaseRolledBack
}

type planner struct {
	u     *v1alpha1.CanaryUpgrade
	seen  Seen
	steps []Step
	kept  []Kept
}

func (p *planner) keep(object, is, would string) {
	p.kept = append(p.kept, Kept{Object: object, Is: is, Would: would, Blocks: strings.HasPrefix(object, "tag ")})
}

func (p *planner) add(s Step) { p.steps = append(p.steps, s) }

// advance moves what is recorded. Tags come first: a label must not name one that does not exist.
func (p *planner) advance() {
	p.enter(v1alpha1.PhaseStarted)
	p.tag(p.u.StableTag, p.u.From)
	p.tag(p.u.CanaryTag, p.u.To)
	p.label(p.unmoved(), func(*v1alpha1.UpgradeNamespace) map[string]string { return Moved(p.u) })
	p.restart(p.unmoved(), "")
}

// complete moves the tags that namespaces follow and then the labels back to them. What follows a revision by name gets the new
// one's. The pods come last: by then whatever creates one gives it the new proxy. Only those of namespaces that were begun with come
// before anything that concerns others: as long as some are left on the old revision, they may be failing on the new one.
func (p *planner) complete() {
	if p.u.Proven != v1alpha1.PhaseCompleting {
		p.tag(p.u.CanaryTag, p.u.To)
	}
	if p.u.Phase == v1alpha1.PhaseStarted {
		p.restart(p.begun(), p.u.From)
	}
	p.enter(v1alpha1.PhaseCompleting)
	for _, tag := range p.followed() {
		p.tag(tag, p.u.To)
	}
	p.label(p.u.Namespaces, func(n *v1alpha1.UpgradeNamespace) map[string]string { return Finished(p.u, n) })
	p.leave(p.u.From, v1alpha1.PhaseCompleting)
	p.remove(p.u.CanaryTag)
	p.putBack()
	p.enter(v1alpha1.PhaseCompleted)
}

// rollback puts back the tags that were, then the labels that follow them, then the pods, and removes last what the upgrade has
// created: until then something may follow it.
func (p *planner) rollback() {
	p.enter(v1alpha1.PhaseRollingBack)
	for _, t := range p.u.Tags {
		if t.Before != "" && t.Name != p.u.CanaryTag {
			p.tag(t.Name, t.Before)
		}
	}
	// What the default tag has switched off is needed by the labels that come back.
	if p.created(revision.Default) {
		p.remove(revision.Default)
	}
	p.label(p.u.Namespaces, func(n *v1alpha1.UpgradeNamespace) map[string]string { return n.Before })
	// Namespaces follow the canary tag until their own labels are back; its other followers are restarted with them.
	if r := p.record(p.u.CanaryTag); r != nil && r.Before != "" {
		p.tag(r.Name, r.Before)
	}
	p.leave(p.u.To, v1alpha1.PhaseRollingBack)
	for _, t := range p.u.Tags {
		if t.Before == "" && t.Name != revision.Default {
			p.remove(t.Name)
		}
	}
	p.putBack()
	p.enter(v1alpha1.PhaseRolledBack)
}

func (p *planner) enter(phase v1alpha1.Phase) {
	if p.u.Phase != phase {
		p.add(Step{Kind: Enter, Phase: phase})
	}
}

// followed are the tags that move when the upgrade is completed: the stable one, and the default where it stood for the old revision,
// for Gateways without a label and the validation of what has none follow it, or where namespaces are to follow it.
func (p *planner) followed() (tags []string) {
	if p.u.StableTag != "" {
		tags = append(tags, p.u.StableTag)
	}
	follows := func(n v1alpha1.UpgradeNamespace) bool {
		return n.Form == v1alpha1.ByDefaultTag || n.Form == v1alpha1.ByDefaultInstall
	}
	stood := p.record(revision.Default)
	moves := stood != nil && (stood.Before == p.u.From || p.u.From == revision.Default) || slices.ContainsFunc(p.u.Namespaces, follows)
	if p.u.StableTag != revision.Default && moves {
		tags = append(tags, revision.Default)
	}
	return tags
}

// created says whether a tag exists only because of the upgrade.
func (p *planner) created(name string) bool {
	return slices.ContainsFunc(p.u.Tags, func(t v1alpha1.UpgradeTag) bool { return t.Name == name && t.Before == "" })
}

// record returns what is recorded of a tag, nil for nothing.
func (p *planner) record(name string) *v1alpha1.UpgradeTag {
	for i := range p.u.Tags {
		if p.u.Tags[i].Name == name {
			return &p.u.Tags[i]
		}
	}
	return nil
}

// tag points a tag at a revision unless it does so already, or somebody else has moved it.
func (p *planner) tag(name, to string) {
	if name == "" {
		return
	}
	is, exists := p.seen.Tags[name]
	switch {
	case exists && is.Revision == to && !is.Half:
	case exists && is.Revision != to && !p.ours(name, is.Revision):
		p.keep("tag "+name, "revision "+is.Revision, "revision "+to)
	case !exists && p.record(name) != nil && p.record(name).Before != "" && !is.Half:
		p.keep("tag "+name, "removed", "revision "+to)
	default:
		p.add(Step{Kind: SetTag, Tag: name, Revision: to})
	}
}

// ours says whether a tag points where it did before, or where the upgrade has pointed it.
func (p *planner) ours(name, at string) bool {
	r := p.record(name)
	return r == nil || at == r.Before || slices.Contains(r.Wrote, at)
}

// remove removes a tag that the upgrade has created, unless somebody else has moved it since. That nothing follows it is seen by
// whoever carries it out.
func (p *planner) remove(name string) {
	is, exists := p.seen.Tags[name]
	switch {
	case name == "" || !exists || !p.created(name):
	case !p.ours(name, is.Revision):
		p.keep("tag "+name, "revision "+is.Revision, "removed")
	default:
		p.add(Step{Kind: RemoveTag, Tag: name, Revision: is.Revision})
	}
}

// unmoved are the recorded namespaces whose pods were not seen on the new revision yet.
func (p *planner) unmoved() []v1alpha1.UpgradeNamespace {
	return slices.DeleteFunc(slices.Clone(p.u.Namespaces), func(n v1alpha1.UpgradeNamespace) bool { return n.Moved })
}

// begun are those of the unmoved that have the label that takes them to the new revision.
func (p *planner) begun() []v1alpha1.UpgradeNamespace {
	return slices.DeleteFunc(p.unmoved(), func(n v1alpha1.UpgradeNamespace) bool {
		return !maps.Equal(p.seen.Namespaces[n.Name].Labels, Moved(p.u))
	})
}

// label gives namespaces the labels that they are to have. One that is gone, or is another one of that name, is none of the upgrade's.
func (p *planner) label(namespaces []v1alpha1.UpgradeNamespace, want func(*v1alpha1.UpgradeNamespace) map[string]string) {
	labels := map[string]map[string]string{}
	for i := range namespaces {
		n := &namespaces[i]
		to := want(n)
		live, exists := p.seen.Namespaces[n.Name]
		switch {
		case !exists || live.Deleting || live.UID != n.UID || maps.Equal(live.Labels, to):
		case !IsOurs(n, live.Labels):
			p.keep("namespace "+n.Name, LabelText(live.Labels), LabelText(to))
		default:
			labels[n.Name] = to
		}
	}
	if len(labels) > 0 {
		p.add(Step{Kind: Label, Labels: labels})
	}
}

// leave restarts what runs a revision anywhere in the mesh, unless that was proven to be nothing in this phase.
func (p *planner) leave(away string, phase v1alpha1.Phase) {
	if p.u.Phase != phase || p.u.Proven != phase {
		p.add(Step{Kind: Restart, Away: away, Nothing: phase == v1alpha1.PhaseCompleting})
	}
}

// putBack comes once every pod is where it stays: restarts are what the replicas were raised for.
func (p *planner) putBack() {
	if len(p.u.Replicas) > 0 {
		p.add(Step{Kind: PutBack})
	}
}

// restart restarts the pods of namespaces, or only those that run the revision away.
func (p *planner) restart(namespaces []v1alpha1.UpgradeNamespace, away string) {
	var names []string
	for _, n := range namespaces {
		if live, exists := p.seen.Namespaces[n.Name]; exists && !live.Deleting && live.UID == n.UID && IsOurs(&n, live.Labels) {
			names = append(names, n.Name)
		}
	}
	if len(names) > 0 {
		p.add(Step{Kind: Restart, Namespaces: names, Revision: p.u.To, Away: away})
	}
}
