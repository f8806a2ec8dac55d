package e2e

import (
	"fmt"
	"maps"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// TestReinjectSeesWhatOthersDoHalfWay: a workload whose rollout is under way and does not get on is deleted, paused or scaled
// to nothing. That is taken for what it is, at once.
func TestReinjectSeesWhatOthersDoHalfWay(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	for _, c := range []struct {
		name             string
		do               []string
		code             int
		outcome, message string
		runs             map[string]string
	}{
		{"deleted", []string{"delete", "deployment/slow"}, 0, "gone", "it was deleted meanwhile", map[string]string{}},
		{"scaled", []string{"scale", "deployment/slow", "--replicas=0"}, 0, "restarted", "", map[string]string{}},
		{"paused", []string{"rollout", "pause", "deployment/slow"}, 1, "failed",
			"its rollout is paused: see `kubectl rollout resume deployment/slow -n edits-paused`", map[string]string{"slow": "1-22 1-23?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newStale(t, lab, "edits-"+c.name, aDeployment("slow", 1, onlyWhenNew("ready-never", "true")))
			run := m.begin(t)
			m.awaitNew(t, "slow", "1-22 1-23?")
			m.change(t, c.do...)
			r := run.ends()
			r.want(c.code, map[string]string{"slow": c.outcome})
			r.wantMessage("slow", c.message)
			m.awaitRuns(t, c.runs)
		})
	}
}

// TestReinjectNeverOverwritesAnEdit: somebody edits a workload between the decision and the patch. The patch is refused by its
// test, and made anew for the workload as it is by then, if it still needs one.
func TestReinjectNeverOverwritesAnEdit(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	for _, c := range []struct {
		name          string
		edit          []string
		code          int
		outcome, runs string
		templates     int
	}{
		{"scale", []string{"scale", "deployment/web", "--replicas=3"}, 0, "restarted", "1-23 1-23 1-23", 2},
		{"restart", []string{"rollout", "restart", "deployment/web"}, 0, "awaited", "1-23", 2},
		{"delete", []string{"delete", "deployment/web"}, 0, "gone", "", 0},
		{"pause", []string{"rollout", "pause", "deployment/web"}, 1, "failed", "1-22", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newStale(t, lab, "edited-"+c.name, aDeployment("web", 1))
			patch, fault := holding(patches)
			run := m.through(t, openGate(t, lab, fault))
			patch.awaits(run, 1)
			m.change(t, c.edit...)
			patch.release()
			run.ends().want(c.code, map[string]string{"web": c.outcome})
			m.awaitRuns(t, ofApps("web", c.runs))
			m.awaitTemplates(t, "web", c.templates)
		})
	}
}

// TestReinjectTwiceAtTheSameTimeRollsNothingTwice: of two runs that have both decided, one patches each workload, and the other
// waits for it.
func TestReinjectTwiceAtTheSameTimeRollsNothingTwice(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	m := newStale(t, lab, "twice", aDeployment("web", 2), aDeployment("single", 1), aStatefulSet("set", 2), aDaemonSet("agent"), anOnDelete("db", 2))
	changes := func(r *intercept.Request) bool { return r.Asked.Verb == "patch" || evicts(r) }
	held, fault := holding(changes)
	g := openGate(t, lab, fault)
	one, other := m.through(t, g, "--surge-singletons"), m.through(t, g, "--surge-singletons")
	// Both have come to all of the five.
	held.awaits(one, 10)
	held.release()
	results := []restarts{one.ends(), other.ends()}
	did := map[string]int{}
	for _, r := range results {
		if r.code != 0 {
			t.Errorf("exit %d: %s", r.code, r.stderr)
		}
		for _, i := range r.report.Items {
			if i.Outcome == "restarted" {
				did[i.Workload.Name]++
			} else if i.Outcome != "awaited" {
				t.Errorf("%s is %s: %s", i.Workload.Name, i.Outcome, i.Message)
			}
		}
	}
	for _, name := range []string{"web", "single", "set", "agent"} {
		if did[name] != 1 {
			t.Errorf("%d runs say that they restarted %s", did[name], name)
		}
	}
	m.wantTemplates(t, map[string]int{"web": 2, "single": 2, "set": 2, "agent": 2, "db": 1})
	m.awaitRuns(t, map[string]string{"web": "1-23 1-23", "single": "1-23", "set": "1-23 1-23", "agent": "1-23 1-23 1-23", "db": "1-23 1-23"})
}

// ofApps is what runs where there is one workload, which may have no pods.
func ofApps(name, runs string) map[string]string {
	if runs == "" {
		return map[string]string{}
	}
	return map[string]string{name: runs}
}

// awaitNew waits until a workload's pods are such.
func (m *staleMesh) awaitNew(t *testing.T, name, want string) {
	t.Helper()
	eventually(t, patience, func() error {
		if got := m.runs(t)[name]; got != want {
			return fmt.Errorf("of %s in %s runs %q, want %q", name, m.namespace, got, want)
		}
		return nil
	})
}

// awaitRuns waits for what runs, where a controller or the garbage collector takes its time.
func (m *staleMesh) awaitRuns(t *testing.T, want map[string]string) {
	t.Helper()
	eventually(t, patience, func() error {
		if got := m.runs(t); !maps.Equal(got, want) {
			return fmt.Errorf("in %s runs %v, want %v", m.namespace, got, want)
		}
		return nil
	})
}

func (m *staleMesh) awaitTemplates(t *testing.T, name string, want int) {
	t.Helper()
	eventually(t, patience, func() error {
		if got := m.templates(t)[name]; got != want {
			return fmt.Errorf("the template of %s in %s has had %d versions, want %d", name, m.namespace, got, want)
		}
		return nil
	})
}
