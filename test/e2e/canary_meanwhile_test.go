package e2e

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// meanwhile: what people meet while an upgrade is under way is said where they meet it. A pod without a controller is replaced once the
// flag is typed that every message names, a namespace that somebody has relabelled is not forgotten, and who asks for tags or for the old
// revision hears of the upgrade.
func (u *upgraded) meanwhile() {
	createNamespace(u.t, u.lab, "lone", istioRev(stableTag))
	awaitServiceAccount(u.t, u.lab, "lone")
	createPods(u.t, u.lab, newPod("lone", "debug", func(p *corev1.Pod) { p.Spec.SchedulerName = "" }))
	u.namespace("by-hand", istioRev(stableTag))
	u.awaitRevision(oldRevision, "lone", "by-hand")

	u.does("start", "--from", oldRevision, "--to", newRevision)
	relabel(u.t, u.lab, "by-hand", "istio.io/rev="+newRevision)
	u.says("relabelled by hand", "by-hand pods left 0/", "Next: kubectl mesh-canary advance lone --bare-pods=recreate ")
	u.leavesBare("advance", "lone")
	u.says("a pod is left", "lone moving 0/1 1/1 1-23 - istio.io/rev=1-23", "Next: kubectl mesh-canary advance lone --bare-pods=recreate ")
	u.typesNext()
	u.runs(newRevision, "lone")

	r := u.canary("tag", "set", stableTag, "--revision", newRevision)
	if r.code != 1 || !strings.Contains(r.stderr, "warning: tag prod-stable belongs to the upgrade from revision 1-22 to 1-23, which is under way") {
		u.t.Errorf("tag set: exit %d, %s", r.code, r.stderr)
	}
	if r := u.does("retire", oldRevision); !strings.Contains(r.stderr, "An upgrade from revision 1-22 to 1-23 is under way (started).\n") ||
		!strings.Contains(r.stdout, " kubectl mesh-canary complete\n") || strings.Contains(r.stdout, "tag set") {
		u.t.Errorf("retire says\n%s%s", r.stdout, r.stderr)
	}

	u.does("complete", "--yes")
	u.awaitRevision(newRevision, "lone", "by-hand")
	u.leavesBare("rollback")
	u.says("going back", "Phase: rolling back", "Next: kubectl mesh-canary rollback --bare-pods=recreate ")
	u.refuses("the upgrade from 1-22 to 1-23 is being rolled back: `kubectl mesh-canary rollback` goes on with that", "start", "--to", newRevision)
	u.typesNext()
	u.runs(oldRevision, "lone")
	u.clear("lone", "by-hand")
}

// leavesBare types a command that meets a pod without a controller, twice: each time that is said, and what replaces it.
func (u *upgraded) leavesBare(command ...string) {
	u.t.Helper()
	for range 2 {
		r := u.canary(append(command, "--yes")...)
		if r.code != 1 || !strings.Contains(r.stderr, "skipped: lone/pod/debug: ") || !strings.Contains(r.stderr, "only with --bare-pods=recreate: run the same command again with it\n") {
			u.t.Fatalf("%s: exit %d, %s", command[0], r.code, r.stderr)
		}
	}
}
