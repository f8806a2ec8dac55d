package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

var (
	crashAll    = flag.Bool("crash-all", false, "kill mesh-canary before and after every request that changes something, and go both ways from there")
	crashSample = flag.Int("crash-sample", 2, "at how many requests for something else than tags and labels each mesh's is killed, where not at all")
	crashSeed   = flag.Uint64("crash-seed", 1, "what those are drawn from")
)

// TestCanaryKilledAtAnyRequest kills mesh-canary with SIGKILL right before and right after the requests by which it changes
// something. All the while, a pod created in any namespace is injected. Afterwards the same command ends where an undisturbed one
// does, and rollback where everything began.
func TestCanaryKilledAtAnyRequest(t *testing.T) {
	program := crashPlugin(t)
	for _, s := range crashScenes() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := newCrashes(t, program, s)
			c.undisturbed()
			c.draw(rand.New(rand.NewPCG(*crashSeed, 0)))
			c.crash()
		})
	}
}

// crashScene is a mesh that is upgraded again and again.
type crashScene struct {
	name     string
	from     string
	installs []cluster.Istio
	// prepare is what the installation lacks, nil for nothing.
	prepare func(*testing.T, *cluster.Cluster)
	// tags point at the old revision.
	tags []string
	// namespaces have one pod each. The first is moved by start, the second by advance, the others by complete.
	namespaces []crashNamespace
	start      []string
	// concerns says which requests are all of them tried by a short run too.
	concerns func(change) bool
}

type crashNamespace struct {
	name   string
	labels map[string]string
}

func crashScenes() []crashScene {
	injection := map[string]string{"istio-injection": "enabled"}
	isNew := cluster.Istio{Revision: newRevision, Tag: newVersion}
	return []crashScene{{
		name: "tags", from: oldRevision, installs: []cluster.Istio{{Revision: oldRevision, Tag: oldVersion}, isNew},
		tags: []string{stableTag, "default"},
		namespaces: []crashNamespace{
			{"tagged", istioRev(stableTag)}, {"plain", injection}, {"named", istioRev(oldRevision)},
		},
		start:    []string{"--stable-tag", stableTag, "--canary-tag", canaryTag},
		concerns: func(c change) bool { return c.ofTag() || c.ofLabel() },
	}, {
		name: "an install without revision", from: "default", installs: []cluster.Istio{{Tag: oldVersion}, isNew}, prepare: asHelmLeaves,
		namespaces: []crashNamespace{{"plain", injection}, {"named", istioRev("default")}, {"rest", injection}},
		concerns:   change.ofTag,
	}}
}

// course is one command of an upgrade, which leads from one stage to another.
type course struct {
	name     string
	args     []string
	from, to int
	// changes are the requests of an undisturbed run that change something.
	changes []change
	// crashes are still to be tried.
	crashes []crash
}

// crash is a moment at which a command is killed, and what is typed then: itself again, or rollback.
type crash struct {
	moment
	back bool
}

// String names it.
func (c crash) String() string {
	way := "typed again"
	if c.back {
		way = "rolled back"
	}
	return fmt.Sprintf("killed %s, then %s", c.moment, way)
}

// crashes is a campaign in one mesh. It is at one of four stages: before anything, started, advanced, completed.
type crashes struct {
	*upgraded
	// program is the plugin.
	program string
	scene   crashScene
	courses []*course
	stages  [4]map[string]any
	vigil   *vigil
}

func newCrashes(t *testing.T, program string, s crashScene) *crashes {
	t.Helper()
	lab := ownLab(t, cluster.Options{})
	for _, i := range s.installs {
		if err := lab.InstallIstio(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	if s.prepare != nil {
		s.prepare(t, lab)
	}
	for _, tag := range s.tags {
		if err := setTag(t.Context(), lab, tag, s.from); err != nil {
			t.Fatal(err)
		}
	}
	c := &crashes{upgraded: &upgraded{t: t, lab: lab, istio: "istio-system"}, program: program, scene: s}
	for _, n := range s.namespaces {
		c.namespaceOf(n.name, n.labels, 1)
	}
	c.runs(s.from, c.namespaces...)
	c.stages[0] = c.snapshot()
	start := append([]string{"start", "--from", s.from, "--to", newRevision, c.namespaces[0]}, s.start...)
	c.courses = []*course{
		{name: "start", args: start, from: 0, to: 1},
		{name: "advance", args: []string{"advance", c.namespaces[1]}, from: 1, to: 2},
		{name: "rollback of what was advanced", args: []string{"rollback"}, from: 2, to: 0},
		{name: "complete", args: []string{"complete"}, from: 2, to: 3},
		{name: "rollback of what was completed", args: []string{"rollback"}, from: 3, to: 0},
	}
	c.vigil = c.watch()
	return c
}

// undisturbed goes every course once, and notes what it changes and where it ends.
func (c *crashes) undisturbed() {
	c.t.Helper()
	for _, i := range []int{0, 1, 2, 0, 1, 3, 4} {
		course := c.courses[i]
		r := c.plugin(nil, course.args...)
		if r.code != 0 {
			c.t.Fatalf("%s: exit %d\n%s", course.name, r.code, r.stderr)
		}
		course.changes = r.changes
		c.arrives(course.to, course.name)
	}
	c.t.Logf("%d requests change something", c.total())
}

func (c *crashes) total() (n int) {
	for _, course := range c.courses {
		n += len(course.changes)
	}
	return n
}

// arrives wants everything to be as at a stage, or notes how it is where that has never been reached.
func (c *crashes) arrives(stage int, after string) {
	c.t.Helper()
	for _, name := range c.namespaces {
		c.settles(name)
	}
	if c.stages[stage] == nil {
		c.stages[stage] = c.snapshot()
	}
	c.wantSame(c.stages[stage], after)
	if stage == 0 {
		c.forget()
	}
}

// forget removes the record, so that an upgrade starts as the first one does.
func (c *crashes) forget() {
	c.t.Helper()
	err := c.lab.Client().CoreV1().ConfigMaps(c.istio).Delete(c.t.Context(), upgradeRecord, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		c.t.Fatal(err)
	}
}

// upgradeRecord is the name of the ConfigMap that holds an upgrade.
const upgradeRecord = "kubectl-mesh-canary"

func (c *crashes) isRecorded() bool {
	c.t.Helper()
	_, err := c.lab.Client().CoreV1().ConfigMaps(c.istio).Get(c.t.Context(), upgradeRecord, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		c.t.Fatal(err)
	}
	return err == nil
}

// draw chooses the crashes.
func (c *crashes) draw(random *rand.Rand) {
	type drawn struct {
		*course
		crash
	}
	var rest []drawn
	back := false
	for _, course := range c.courses {
		canGoBack := course.to != 0
		for i, ch := range course.changes {
			if *crashAll {
				course.crashes = append(course.crashes, everyCrash(ch, canGoBack)...)
				continue
			}
			if !c.scene.concerns(ch) {
				rest = append(rest, drawn{course, crash{moment{ch, random.IntN(2) == 1}, canGoBack && random.IntN(2) == 1}})
				continue
			}
			// Before this one is after the last one.
			if i == 0 || !c.scene.concerns(course.changes[i-1]) {
				course.crashes = append(course.crashes, crash{moment{ch, false}, canGoBack && back})
				back = !back
			}
			course.crashes = append(course.crashes, crash{moment{ch, true}, canGoBack && back})
			back = !back
		}
	}
	random.Shuffle(len(rest), func(i, k int) { rest[i], rest[k] = rest[k], rest[i] })
	for _, d := range rest[:min(len(rest), *crashSample)] {
		d.course.crashes = append(d.course.crashes, d.crash)
	}
	planned := 0
	for _, course := range c.courses {
		planned += len(course.crashes)
	}
	c.t.Logf("killed at %d moments, seed %d", planned, *crashSeed)
}

func everyCrash(ch change, canGoBack bool) (crashes []crash) {
	for _, after := range []bool{false, true} {
		crashes = append(crashes, crash{moment{ch, after}, false})
		if canGoBack {
			crashes = append(crashes, crash{moment{ch, after}, true})
		}
	}
	return crashes
}

// crash tries all crashes, from one stage to the next.
func (c *crashes) crash() {
	stage := 0
	for course := c.next(stage); course != nil && !c.t.Failed(); course = c.next(stage) {
		stage = c.goes(course)
	}
}

// next is the course to go from a stage: one that crashes are left for, or one that leads there; nil once there are none.
func (c *crashes) next(stage int) *course {
	var ways []*course
	left := false
	for _, course := range c.courses {
		left = left || len(course.crashes) > 0
		if course.from == stage {
			ways = append(ways, course)
		}
	}
	for _, course := range ways {
		if len(course.crashes) > 0 {
			return course
		}
	}
	switch last := c.courses[len(c.courses)-1]; {
	case !left:
		return nil
	case len(last.crashes) > 0:
		return ways[len(ways)-1]
	default:
		return ways[0]
	}
}

// goes goes a course, with the next of its crashes if there is one, and returns the stage that this leads to.
func (c *crashes) goes(course *course) int {
	c.t.Helper()
	if len(course.crashes) == 0 {
		if r := c.plugin(nil, course.args...); r.code != 0 {
			c.t.Fatalf("%s: exit %d\n%s", course.name, r.code, r.stderr)
		}
		c.arrives(course.to, course.name)
		return course.to
	}
	crash := course.crashes[0]
	course.crashes = course.crashes[1:]
	what := course.name + " " + crash.String()
	c.t.Log(what)
	c.vigil.during(what)
	defer c.vigil.during("nothing")
	killed := c.plugin(&crash.moment, course.args...)
	if !killed.came {
		c.t.Errorf("%s: it never came there, and ended with exit code %d\n%s", what, killed.code, killed.stderr)
		return course.to
	}
	c.vigil.look()
	args, to := course.args, course.to
	if crash.back {
		args, to = []string{"rollback"}, 0
	}
	refused := crash.back && !c.isRecorded()
	r := c.plugin(nil, args...)
	switch {
	case refused && (r.code != 1 || !strings.Contains(r.stderr, "no upgrade is started")):
		c.t.Errorf("%s: nothing was recorded, and rollback ends with exit code %d\n%s", what, r.code, r.stderr)
	case !refused && r.code != 0:
		c.t.Errorf("%s: exit %d\n%s", what, r.code, r.stderr)
	}
	c.arrives(to, what)
	if c.t.Failed() {
		c.t.Logf("%s\nthe first said:\n%s\nthe second said:\n%s", what, killed.stderr, r.stderr)
	}
	return to
}

// ofTag says whether a change is one of what tags are made of.
func (c change) ofTag() bool {
	return slices.Contains([]string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "services"}, c.resource)
}

// ofLabel says whether a change is one of a namespace.
func (c change) ofLabel() bool { return c.resource == "namespaces" }
