package upgrade

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// world is a mesh in memory: tags, labels, and the revision that each namespace's pods run.
type world struct {
	tags map[string]string
	// off is true while the injector of an install without a revision is switched off.
	off        bool
	namespaces map[string]map[string]string
	pods       map[string]string
}

func (w *world) clone() *world {
	c := &world{maps.Clone(w.tags), w.off, map[string]map[string]string{}, maps.Clone(w.pods)}
	for name, labels := range w.namespaces {
		c.namespaces[name] = maps.Clone(labels)
	}
	return c
}

func (w *world) String() string { return fmt.Sprint(w.tags, w.off, w.namespaces, w.pods) }

// injected is the revision that a namespace's pods would get now, empty for none.
func (w *world) injected(labels map[string]string) string {
	installed := func(r string) bool { return r == "1-22" || r == "1-23" || r == "default" && !w.off }
	f, ok := FollowedBy(labels, w.tags, installed)
	if !ok || !installed(f.Revision) {
		return ""
	}
	return f.Revision
}

func (w *world) seen() Seen {
	s := Seen{Tags: map[string]Tag{}, Namespaces: map[string]Namespace{}}
	for name, r := range w.tags {
		s.Tags[name] = Tag{Revision: r}
	}
	for name, labels := range w.namespaces {
		s.Namespaces[name] = Namespace{UID: name, Labels: maps.Clone(labels)}
	}
	return s
}

// carryOut does what a step says.
func (w *world) carryOut(s Step) {
	switch s.Kind {
	case SetTag:
		w.tags[s.Tag] = s.Revision
		w.off = w.off || s.Tag == "default"
	case RemoveTag:
		delete(w.tags, s.Tag)
		w.off = w.off && s.Tag != "default"
	case Label:
		for name, labels := range s.Labels {
			w.namespaces[name] = maps.Clone(labels)
		}
	case Restart:
		for name, labels := range w.namespaces {
			if (len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, name)) && (s.Away == "" || w.pods[name] == s.Away) {
				w.pods[name] = w.injected(labels)
			}
		}
	}
}

// mesh is one form of namespaces, with the upgrade as it is recorded when it starts.
type example struct {
	from, stable, canary string
	world                world
}

func examples() map[string]example {
	labelled := func(from string, tags map[string]string, labels ...map[string]string) world {
		w := world{tags: tags, namespaces: map[string]map[string]string{}, pods: map[string]string{}}
		for i, l := range labels {
			name := fmt.Sprint("ns", i)
			w.namespaces[name], w.pods[name] = l, from
		}
		_, w.off = tags["default"]
		return w
	}
	rev := func(r string) map[string]string { return map[string]string{Rev: r} }
	injection := map[string]string{Injection: "enabled"}
	return map[string]example{
		"tags":            {"1-22", "prod-stable", "prod-canary", labelled("1-22", map[string]string{"prod-stable": "1-22"}, rev("prod-stable"), rev("prod-stable"))},
		"tag, no canary":  {"1-22", "prod-stable", "", labelled("1-22", map[string]string{"prod-stable": "1-22"}, rev("prod-stable"), rev("prod-stable"))},
		"revision":        {"1-22", "", "", labelled("1-22", map[string]string{}, rev("1-22"), rev("1-22"))},
		"default tag":     {"1-22", "", "", labelled("1-22", map[string]string{"default": "1-22"}, injection, injection)},
		"default install": {"default", "", "", labelled("default", map[string]string{}, injection, injection)},
		"several at once": {"1-22", "prod-stable", "prod-canary", labelled("1-22", map[string]string{"prod-stable": "1-22", "default": "1-22"}, rev("prod-stable"), rev("1-22"), injection)},
		"downgrade, tag":  {"1-22", "prod-stable", "prod-canary", labelled("1-22", map[string]string{"prod-stable": "1-22", "prod-canary": "1-23"}, rev("prod-stable"))},
		"default, by rev": {"default", "", "", labelled("default", map[string]string{}, rev("default"), injection)},
	}
}

// begun is the record of an upgrade of the first namespaces.
func (e example) begun(n int) *v1alpha1.CanaryUpgrade {
	u := &v1alpha1.CanaryUpgrade{Phase: v1alpha1.PhaseStarted, From: e.from, To: "1-23", StableTag: e.stable, CanaryTag: e.canary}
	for _, tag := range []string{e.stable, e.canary, "default"} {
		if tag != "" {
			u.Tags = append(u.Tags, v1alpha1.UpgradeTag{Name: tag, Before: e.world.tags[tag]})
		}
	}
	for i := range n {
		e.add(u, i)
	}
	return u
}

func (e example) add(u *v1alpha1.CanaryUpgrade, i int) {
	name := fmt.Sprint("ns", i)
	f, _ := FollowedBy(e.world.namespaces[name], e.world.tags, func(string) bool { return true })
	u.Namespaces = append(u.Namespaces, v1alpha1.UpgradeNamespace{Name: name, UID: name, Form: f.Form, Before: maps.Clone(e.world.namespaces[name])})
}

// walker carries out steps one by one, and wants everybody to be injected all the while.
type walker struct {
	t *testing.T
	*world
	u *v1alpha1.CanaryUpgrade
}

// step carries out the next step towards a goal; false if there is none.
func (w walker) step(goal Goal) bool {
	steps, kept := Steps(w.u, w.seen(), goal)
	if len(kept) > 0 {
		w.t.Errorf("kept %v", kept)
	}
	if len(steps) == 0 {
		return false
	}
	Note(w.u, steps[0])
	w.carryOut(steps[0])
	if steps[0].Kind == Restart {
		Proved(w.u, steps[0])
	}
	for name, labels := range w.namespaces {
		if w.injected(labels) == "" {
			w.t.Errorf("after %+v, nobody injects %s, %v", steps[0], name, w.world)
		}
	}
	return true
}

// walk takes a number of steps towards a goal, and returns how many there were.
func (w walker) walk(goal Goal, most int) int {
	for n := range most {
		if !w.step(goal) {
			return n
		}
	}
	return most
}

const all = 50

func (e example) walker(t *testing.T, namespaces int) walker {
	return walker{t, e.world.clone(), e.begun(namespaces)}
}

func TestAnUpgradeGoesThrough(t *testing.T) {
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			w := e.walker(t, 1)
			w.walk(Advance, all)
			if got := w.pods["ns0"]; got != "1-23" {
				t.Fatalf("started, ns0 is on %s", got)
			}
			for i := 1; i < len(e.world.namespaces); i++ {
				if got := w.pods[fmt.Sprint("ns", i)]; got != e.from {
					t.Errorf("started with ns0, ns%d is on %s", i, got)
				}
				e.add(w.u, i)
			}
			w.walk(Complete, all)
			for name, r := range w.pods {
				want := e.world.namespaces[name]
				if want[Rev] == e.from {
					want = map[string]string{Rev: "1-23"}
				}
				if r != "1-23" || !maps.Equal(w.namespaces[name], want) {
					t.Errorf("completed, %s is on %s with %v, want %v", name, r, w.namespaces[name], want)
				}
			}
			if _, is := w.tags["prod-canary"]; is != (e.world.tags["prod-canary"] != "") || w.u.Phase != v1alpha1.PhaseCompleted {
				t.Errorf("completed, it is %s: %v", w.u.Phase, w.tags)
			}
			w.walk(Rollback, all)
			if w.String() != e.world.String() {
				t.Errorf("rolled back from the end:\n%v, want\n%v", w.world, &e.world)
			}
		})
	}
}

// TestWhatWasBegunIsFinishedFirst before anything of a completion touches the other namespaces, and only what was begun.
func TestWhatWasBegunIsFinishedFirst(t *testing.T) {
	for name, e := range examples() {
		w := e.walker(t, len(e.world.namespaces))
		w.walk(Advance, all)
		first := func() (Kind, []string) {
			steps, _ := Steps(w.u, w.seen(), Complete)
			return steps[0].Kind, steps[0].Namespaces
		}
		if kind, _ := first(); kind != Enter {
			t.Errorf("%s: all are moved, and the first step is of kind %d", name, kind)
		}
		w.u.Namespaces[0].Moved = false
		if kind, namespaces := first(); kind != Restart || !slices.Equal(namespaces, []string{"ns0"}) {
			t.Errorf("%s: ns0 is not, and the first step is of kind %d, of %v", name, kind, namespaces)
		}
		if e.canary != "" && e.world.tags[e.canary] == "" {
			delete(w.tags, e.canary)
			if kind, _ := first(); kind != SetTag {
				t.Errorf("%s: the canary tag is gone, and the first step is of kind %d", name, kind)
			}
			w.tags[e.canary] = "1-23"
		}
		w.namespaces["ns0"] = maps.Clone(e.world.namespaces["ns0"])
		if kind, _ := first(); kind != Enter {
			t.Errorf("%s: ns0 has its old label, and the first step is of kind %d", name, kind)
		}
	}
}

// TestEveryMomentCanBeGoneOnFromAndRolledBack stops before each step, also when only the record of it was written.
func TestEveryMomentCanBeGoneOnFromAndRolledBack(t *testing.T) {
	for name, e := range examples() {
		for k := range all {
			w := e.walker(t, len(e.world.namespaces))
			goal := Advance
			n := w.walk(Advance, k)
			if n < k {
				goal = Complete
				n += w.walk(Complete, k-n)
			}
			if n < k {
				break
			}
			for _, noted := range []bool{false, true} {
				w := walker{t, w.clone(), copyOf(w.u)}
				if steps, _ := Steps(w.u, w.seen(), goal); noted && len(steps) > 0 {
					Note(w.u, steps[0])
				}
				w.walk(Rollback, all)
				if w.String() != e.world.String() || w.u.Phase != v1alpha1.PhaseRolledBack {
					t.Errorf("%s: rolled back after %d steps (%t), %s:\n%v, want\n%v", name, k, noted, w.u.Phase, w.world, &e.world)
				}
			}
		}
	}
}

// TestARollbackThatIsStoppedIsFinished also stops rollbacks.
func TestARollbackThatIsStoppedIsFinished(t *testing.T) {
	for name, e := range examples() {
		for k := range 10 {
			w := e.walker(t, len(e.world.namespaces))
			w.walk(Advance, all)
			w.walk(Complete, 3)
			w.walk(Rollback, k)
			w = walker{t, w.clone(), copyOf(w.u)}
			w.walk(Rollback, all)
			if w.String() != e.world.String() {
				t.Errorf("%s: %d steps of it:\n%v, want\n%v", name, k, w.world, &e.world)
			}
		}
	}
}

// TestAGoalThatIsReachedIsNotGoneForAgain also when somebody has changed something since, which is said.
func TestAGoalThatIsReachedIsNotGoneForAgain(t *testing.T) {
	for name, e := range examples() {
		w := e.walker(t, len(e.world.namespaces))
		w.walk(Advance, all)
		for _, goal := range []Goal{Complete, Rollback} {
			w.walk(goal, all)
			if steps, kept := Steps(w.u, w.seen(), goal); len(steps) > 0 || len(kept) > 0 || !Reached(w.u, goal) {
				t.Errorf("%s: once more to %d: %v, kept %v", name, goal, steps, kept)
			}
			changed := walker{t, w.clone(), w.u}
			changed.namespaces["ns0"] = map[string]string{Rev: "1-21"}
			steps, kept := Steps(w.u, changed.seen(), goal)
			if len(steps) > 0 || len(kept) != 1 || kept[0].Object != "namespace ns0" || kept[0].Is != "istio.io/rev=1-21" {
				t.Errorf("%s: with a label of somebody's, once more to %d: %v, kept %v", name, goal, steps, kept)
			}
		}
	}
}

func copyOf(u *v1alpha1.CanaryUpgrade) *v1alpha1.CanaryUpgrade {
	c := *u
	c.Tags, c.Namespaces = slices.Clone(u.Tags), slices.Clone(u.Namespaces)
	return &c
}

// TestACanaryTagThatWasSomebodysGoesBackAfterTheLabels: until then namespaces follow it.
func TestACanaryTagThatWasSomebodysGoesBackAfterTheLabels(t *testing.T) {
	w := examples()["downgrade, tag"].walker(t, 1)
	w.tags["prod-canary"] = "1-21"
	w.u.Tags[1].Before, w.u.Tags[1].Wrote = "1-21", []string{"1-23"}
	w.tags["prod-canary"], w.u.Phase = "1-23", v1alpha1.PhaseRollingBack
	w.namespaces["ns0"] = map[string]string{Rev: "prod-canary"}
	w.u.Namespaces[0].Wrote = []map[string]string{{Rev: "prod-canary"}}
	steps, kept := Steps(w.u, w.seen(), Rollback)
	var kinds []Kind
	for _, s := range steps {
		kinds = append(kinds, s.Kind)
	}
	if len(kept) > 0 || !slices.Equal(kinds, []Kind{Label, SetTag, Restart, Enter}) || steps[1].Tag != "prod-canary" || steps[1].Revision != "1-21" {
		t.Errorf("%v, %+v", kept, steps)
	}
}
