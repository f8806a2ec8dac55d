package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

const refusedByBudget = "pod guarded-1: a PodDisruptionBudget allows no eviction now: The disruption budget guarded needs 2 healthy pods and has 2 currently"

// TestReinjectShowsABudgetThatAllowsNothing: it is said which budget it is, and --workload-timeout fails what it holds up. No
// pod is deleted behind its back.
func TestReinjectShowsABudgetThatAllowsNothing(t *testing.T) {
	t.Parallel()
	m := newStale(t, sharedLab(t), "budget-never", anOnDelete("guarded", 2), aDeployment("sound", 1))
	m.budget(t, "guarded")
	r := m.untilItWaits(t, "--workload-timeout", "--max-parallel=1", "statefulset/guarded", "deployment/sound")
	r.want(1, map[string]string{"guarded": "timed-out", "sound": "restarted"}, "statefulset/guarded: waiting: "+refusedByBudget+"\n")
	r.wantMessage("guarded", "not done within *s: "+refusedByBudget)
	m.wantRuns(t, map[string]string{"guarded": "1-22 1-22", "sound": "1-23"})
}

// TestReinjectDoesNotAwaitABudgetOnceInterrupted: of what a budget has held up until now nothing was begun.
func TestReinjectDoesNotAwaitABudgetOnceInterrupted(t *testing.T) {
	t.Parallel()
	m := newStale(t, sharedLab(t), "budget-interrupted", anOnDelete("guarded", 2))
	m.budget(t, "guarded")
	if r := kubectl(t, m.lab, "mesh-reinject", "-n", m.namespace, "--dry-run=server"); r.code != 0 ||
		!strings.Contains(r.stderr, "would have the run wait for budget-interrupted/statefulset/guarded: a PodDisruptionBudget allows no eviction now") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	run := m.begin(t)
	run.says("waiting: " + refusedByBudget)
	run.signal(os.Interrupt)
	run.ends().want(130, map[string]string{"guarded": "not-started"}, "stopping: interrupted\n")
	m.wantRuns(t, map[string]string{"guarded": "1-22 1-22"})
}

// TestReinjectGoesOnOnceABudgetAllowsIt: what a budget has held up is evicted when it frees up, a pod at a time.
func TestReinjectGoesOnOnceABudgetAllowsIt(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	m := newStale(t, lab, "budget-later", anOnDelete("guarded", 2))
	m.budget(t, "guarded")
	g := openGate(t, lab, nil)
	run := m.through(t, g)
	run.says("waiting: " + refusedByBudget)
	m.change(t, "patch", "poddisruptionbudget", "guarded", "-p", `{"spec":{"maxUnavailable":1}}`)
	run.ends().want(0, map[string]string{"guarded": "restarted"})
	m.wantRuns(t, map[string]string{"guarded": "1-23 1-23"})
	if evicted := evictions(g); evicted != "guarded-1 guarded-0" {
		t.Errorf("evicted %s", evicted)
	}
}

// evictions names the pods that were evicted through a gate, in their order.
func evictions(g *gate) string {
	var names []string
	for _, r := range g.Records() {
		if r.Resource == "pods" && r.Subresource == "eviction" && r.Code < 300 {
			names = append(names, r.Name)
		}
	}
	return strings.Join(names, " ")
}

var evicts = intercept.Does("create", "pods/eviction")
