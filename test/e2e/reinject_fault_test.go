package e2e

import (
	"fmt"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// TestReinjectStopsAtTheCauseOfAFailure: what cannot become ready after its restart fails with the kubelet's own words, long
// before any timeout; no other workload is begun unless that was asked for, and the old pods go on serving.
func TestReinjectStopsAtTheCauseOfAFailure(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	for _, c := range []struct{ name, fail, message string }{
		{"crash", "crash-loop", "pod broken-*: container app: CrashLoopBackOff: exit code 1"},
		{"pull", "image-pull", `pod broken-*: container app: ImagePullBackOff: Back-off pulling image "registry.example.com/app:1"`},
	} {
		t.Run(c.fail, func(t *testing.T) {
			t.Parallel()
			m := newStale(t, lab, "fails-"+c.name, aDeployment("broken", 2, onlyWhenNew("fail", c.fail)), aDeployment("sound", 1))
			r := m.reinject(t, "--max-parallel=1")
			r.want(1, map[string]string{"broken": "failed", "sound": "not-started"},
				fmt.Sprintf("stopping: deployment/broken in namespace %s has failed", m.namespace),
				"error: not done: 2 of 2 workloads; the same command goes on with them\n")
			r.wantMessage("broken", c.message)
			m.wantRuns(t, map[string]string{"broken": "1-22 1-22 1-23?", "sound": "1-22"})

			r = m.reinject(t, "--max-parallel=1", "--on-failure=continue")
			r.want(1, map[string]string{"broken": "failed", "sound": "restarted"})
			m.wantRuns(t, map[string]string{"broken": "1-22 1-22 1-23?", "sound": "1-23"})
			m.wantTemplates(t, map[string]int{"broken": 2, "sound": 2})
		})
	}
}

// TestReinjectLeavesAloneWhatAQuotaWouldRefuse: a quota that is full is found by the dry run, so that nothing is changed.
func TestReinjectLeavesAloneWhatAQuotaWouldRefuse(t *testing.T) {
	t.Parallel()
	m := newStale(t, sharedLab(t), "quota-before", aDeployment("first", 1), aStatefulSet("second", 1))
	m.quota(t)
	r := m.reinject(t)
	r.want(1, map[string]string{"first": "refused", "second": "refused"},
		"error: not done: 2 of 2 workloads; the same command goes on with them\n")
	for _, name := range []string{"first", "second"} {
		r.wantMessage(name, "not restarted, because the API server would not create its pods: "+
			"exceeded quota: full, requested: pods=1, used: pods=2, limited: pods=2")
	}
	m.wantRuns(t, map[string]string{"first": "1-22", "second": "1-22"})
	m.wantTemplates(t, map[string]int{"first": 1, "second": 1})
}

// TestReinjectFailsAtAQuotaThatFillsUpMeanwhile: between the dry run and the patch somebody uses up the quota. The controller's
// own message is the cause, and the next workload is not begun.
func TestReinjectFailsAtAQuotaThatFillsUpMeanwhile(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	m := newStale(t, lab, "quota-meanwhile", aDeployment("first", 1), aDeployment("second", 1))
	patch, fault := holding(intercept.Does("patch", "deployments", "first"))
	run := m.through(t, openGate(t, lab, fault), "--max-parallel=1")
	patch.awaits(run, 1)
	m.quota(t)
	patch.release()
	r := run.ends()
	r.want(1, map[string]string{"first": "failed", "second": "not-started"},
		"waiting: pods cannot be created: pods \"first-")
	r.wantMessage("first", `its pods cannot be created: pods "first-*" is forbidden: exceeded quota: full, requested: pods=1, used: pods=2, limited: pods=2`)
	m.wantRuns(t, map[string]string{"first": "1-22", "second": "1-22"})
	m.wantTemplates(t, map[string]int{"first": 2, "second": 1})
}
