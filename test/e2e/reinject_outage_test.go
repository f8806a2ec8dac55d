package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestReinjectThroughOutages breaks what all workloads depend on, in a lab of its own.
func TestReinjectThroughOutages(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	t.Run("nothing is restarted while the injector is down", func(t *testing.T) { injectorIsDown(t, lab) })
	t.Run("no more is restarted once the injector is down", func(t *testing.T) { injectorGoesDown(t, lab) })
	t.Run("a run outlasts a restart of the API server", func(t *testing.T) { serverRestarts(t, lab) })
}

const injectorIsSilent = "the injector does not answer, so that no pod that it would inject can be created"

func injectorIsDown(t *testing.T, lab *cluster.Cluster) {
	m := newStale(t, lab, "down-before", aDeployment("first", 1), anOnDelete("second", 1))
	stopInjector(t, lab)
	const would = "warning: the server would refuse down-before/deployment/first: not restarted, because the API server would not create its pods: webhook "
	if r := kubectl(t, lab, "mesh-reinject", "-n", m.namespace, "--dry-run=server"); r.code != 1 || !strings.Contains(r.stderr, would) {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	r := m.reinject(t, "--max-parallel=1")
	r.want(1, map[string]string{"first": "refused", "second": "not-started"}, "stopping: "+injectorIsSilent)
	r.wantMessage("first", "not restarted, because the API server would not create its pods: "+
		"webhook rev.namespace.sidecar-injector.istio.io fails: *")
	m.wantRuns(t, map[string]string{"first": "1-22", "second": "1-22"})
	m.wantTemplates(t, map[string]int{"first": 1, "second": 1})
}

// injectorGoesDown: between the dry run and the patch of the first workload. Its old pod goes on serving.
func injectorGoesDown(t *testing.T, lab *cluster.Cluster) {
	m := newStale(t, lab, "down-meanwhile", aDeployment("first", 1), aDeployment("second", 1))
	patch, fault := holding(patches)
	run := m.through(t, openGate(t, lab, fault), "--max-parallel=1")
	patch.awaits(run, 1)
	stopInjector(t, lab)
	patch.release()
	r := run.ends()
	r.want(1, map[string]string{"first": "failed", "second": "not-started"})
	r.wantMessage("first", `its pods cannot be created: Internal error occurred: failed calling webhook "rev.namespace.sidecar-injector.istio.io": *`)
	m.wantRuns(t, map[string]string{"first": "1-22", "second": "1-22"})
	m.wantTemplates(t, map[string]int{"first": 2, "second": 1})
}

// stopInjector stops the new revision's istiod until the test ends.
func stopInjector(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	if err := lab.Outage("istio-system", newRevision); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Restore(context.Background(), "istio-system", newRevision); err != nil {
			t.Error(err)
		}
	})
}

// serverRestarts: what was begun is found again, and the rest is done, each once.
func serverRestarts(t *testing.T, lab *cluster.Cluster) {
	m := newStale(t, lab, "restarted", aDeployment("first", 2), aStatefulSet("second", 2), anOnDelete("third", 2))
	patch, fault := holding(patches)
	run := m.through(t, openGate(t, lab, fault), "--max-parallel=1")
	patch.awaits(run, 1)
	if err := lab.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	patch.release()
	run.says("warning: the cluster cannot be followed at the moment: watching ")
	if err := lab.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	run.ends().want(0, map[string]string{"first": "restarted", "second": "restarted", "third": "restarted"},
		"warning: the cluster can be followed again\n")
	m.wantRuns(t, map[string]string{"first": "1-23 1-23", "second": "1-23 1-23", "third": "1-23 1-23"})
	m.wantTemplates(t, map[string]int{"first": 2, "second": 2, "third": 1})
}
