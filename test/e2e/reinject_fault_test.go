package e2e

import (
	"fmt"
	"testing"
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
				fmt.Sprintf("stopping: deployment/broken in namespace %s has failed\n", m.namespace),
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
