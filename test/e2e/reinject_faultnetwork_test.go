package e2e

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

var (
	asks      = intercept.Does("create", "pods")
	patches   = intercept.Does("patch", "deployments")
	conflict  = intercept.Refuse(apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "web", errors.New("try again")))
	tooBusy   = intercept.Refuse(apierrors.NewTooManyRequests("busy", 1))
	busyAsIs  = intercept.Refuse(apierrors.NewTooManyRequestsError("busy"))
	internal  = intercept.Refuse(apierrors.NewServiceUnavailable("not now"))
	lostWatch = intercept.Refuse(apierrors.NewResourceExpired("too old resource version"))
)

// passing are failures that pass, each by the workload whose requests they befall.
var passing = map[string]intercept.Answer{"conflict": conflict, "busy": tooBusy, "at-once": busyAsIs, "later": internal, "cut": intercept.CutBefore}

// TestReinjectEnduresFailuresThatPass: a request that fails for a reason that passes is made again, and nothing is done twice.
func TestReinjectEnduresFailuresThatPass(t *testing.T) {
	t.Parallel()
	var workloads []making
	outcomes, runs, templates := map[string]string{}, map[string]string{}, map[string]int{}
	// Whole answers to dry runs get lost as well.
	faults := []intercept.Fault{intercept.Times(2, asks, intercept.CutWithin), intercept.Times(2, asks, tooBusy)}
	for name, answer := range passing {
		web, db := "web-"+name, "db-"+name
		workloads = append(workloads, aDeployment(web, 1), anOnDelete(db, 1))
		faults = append(faults, intercept.Times(2, intercept.Does("patch", "deployments", web), answer),
			intercept.Times(2, intercept.Does("create", "pods/eviction", db+"-0"), answer))
		outcomes[web], outcomes[db], runs[web], runs[db], templates[web], templates[db] = "restarted", "restarted", "1-23", "1-23", 2, 1
	}
	lab := sharedLab(t)
	m := newStale(t, lab, "endures", workloads...)
	m.through(t, openGate(t, lab, intercept.Any(faults...))).ends().want(0, outcomes)
	m.wantRuns(t, runs)
	m.wantTemplates(t, templates)
}

// TestReinjectTakesALostAnswerForAnEdit: where the answer to a patch is lost, the generation says that there was one. The
// workload is waited for, and not patched again.
func TestReinjectTakesALostAnswerForAnEdit(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	m := newStale(t, lab, "lost-answer", aDeployment("web", 2), anOnDelete("db", 2))
	g := openGate(t, lab, intercept.Any(intercept.Once(patches, intercept.CutAfter), intercept.Once(evicts, intercept.CutAfter)))
	m.through(t, g).ends().want(0, map[string]string{"web": "awaited", "db": "restarted"})
	m.wantRuns(t, map[string]string{"web": "1-23 1-23", "db": "1-23 1-23"})
	m.wantTemplates(t, map[string]int{"web": 2, "db": 1})
}

// TestReinjectFollowsThroughCutWatches: watches that are cut go on, and one that has expired is begun anew with a list.
func TestReinjectFollowsThroughCutWatches(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	for name, fault := range map[string]intercept.Fault{
		"cut": nil, "expired": intercept.Times(2, isWatch, lostWatch), "refused": intercept.Times(6, isWatch, intercept.CutBefore),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newStale(t, lab, "watch-"+name, aDeployment("web", 2), anOnDelete("db", 2))
			patch, held := holding(patches)
			g := openGate(t, lab, held)
			run := m.through(t, g)
			patch.awaits(run, 1)
			g.SetFault(fault)
			if g.Cut(isWatch) == 0 {
				t.Error("nothing was watched")
			}
			patch.release()
			run.ends().want(0, map[string]string{"web": "restarted", "db": "restarted"})
			m.wantRuns(t, map[string]string{"web": "1-23 1-23", "db": "1-23 1-23"})
			m.wantTemplates(t, map[string]int{"web": 2, "db": 1})
		})
	}
}

func isWatch(r *intercept.Request) bool { return r.Asked.Verb == "watch" }
