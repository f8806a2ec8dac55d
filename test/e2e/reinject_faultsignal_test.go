package e2e

import (
	"os"
	"syscall"
	"testing"
)

// TestReinjectInterruptedFinishesWhatIsUnderWay: Ctrl-C once, or a request to terminate: no more is begun, what was begun is
// awaited and proven, and the exit code says that it was interrupted.
func TestReinjectInterruptedFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	for name, signal := range map[string]os.Signal{"interrupt": os.Interrupt, "terminate": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newStale(t, lab, "once-"+name, aDeployment("first", 2), aDeployment("second", 1))
			patch, fault := holding(patches)
			run := m.through(t, openGate(t, lab, fault), "--max-parallel=1")
			patch.awaits(run, 1)
			run.signal(signal)
			run.says("stopping: interrupted")
			patch.release()
			run.ends().want(130, map[string]string{"first": "restarted", "second": "not-started"},
				"/deployment/first: restarted in ", "\nerror: interrupted\n")
			m.wantRuns(t, map[string]string{"first": "1-23 1-23", "second": "1-22"})

			m.reinject(t).want(0, map[string]string{"second": "restarted"})
			m.wantTemplates(t, map[string]int{"first": 2, "second": 2})
		})
	}
}

// TestReinjectInterruptedTwiceEndsAtOnce: it says what it was waiting for, and leaves it as it is.
func TestReinjectInterruptedTwiceEndsAtOnce(t *testing.T) {
	t.Parallel()
	m := newStale(t, sharedLab(t), "interrupted-twice", aDeployment("slow", 1, notReadyOn(newVersion)))
	run := m.begin(t)
	eventuallyPods(t, m.lab, m.namespace, 2)
	run.signal(os.Interrupt)
	run.says("stopping: interrupted; awaited: 1 workload (Ctrl-C once more ends at once)\n")
	run.signal(os.Interrupt)
	r := run.ends()
	r.want(130, map[string]string{"slow": "interrupted"}, "\nerror: interrupted\n")
	r.wantMessage("slow", "interrupted again: *")
	m.wantRuns(t, map[string]string{"slow": "1-22 1-23?"})
}

// TestReinjectEndsWithItsTimeout: --timeout ends a run whatever is under way, and names what that waits for.
func TestReinjectEndsWithItsTimeout(t *testing.T) {
	t.Parallel()
	m := newStale(t, sharedLab(t), "times-out", anOnDelete("guarded", 2), aDeployment("sound", 1))
	m.budget(t, "guarded")
	r := m.untilItWaits(t, "--timeout", "statefulset/guarded", "deployment/sound")
	r.want(124, map[string]string{"guarded": "interrupted", "sound": "restarted"}, "\nerror: not done within the ")
	r.wantMessage("guarded", "the time allowed by --timeout is over: "+refusedByBudget)
	m.wantRuns(t, map[string]string{"guarded": "1-22 1-22", "sound": "1-23"})
}

// TestReinjectTimesOutAWorkloadWithinARequest: a request that is never answered takes no longer than the workload may.
func TestReinjectTimesOutAWorkloadWithinARequest(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	m := newStale(t, lab, "never-answered", aDeployment("first", 1), aDeployment("second", 1))
	_, fault := holding(patches)
	r := m.through(t, openGate(t, lab, fault), "--workload-timeout=20s", "--max-parallel=1").ends()
	r.want(1, map[string]string{"first": "timed-out", "second": "not-started"})
	r.wantMessage("first", "not done within 20s: patching deployment/first in namespace never-answered: *context deadline exceeded")
	m.wantRuns(t, map[string]string{"first": "1-22", "second": "1-22"})
	m.wantTemplates(t, map[string]int{"first": 1, "second": 1})
}
