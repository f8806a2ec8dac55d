package restart

import (
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// full is a workload that has annotations and labels everywhere.
func full(changes ...func(*rollout.Workload)) *rollout.Workload {
	w := &rollout.Workload{Generation: 4, ResourceVersion: "77", Replicas: 1, TemplateAnnotated: true,
		Annotations: map[string]string{"a": "b"}, Labels: map[string]string{"a": "b"}}
	for _, change := range changes {
		change(w)
	}
	return w
}

func bare(w *rollout.Workload) { w.Annotations, w.Labels, w.TemplateAnnotated = nil, nil, false }

func noted(own string, replicas int) func(*rollout.Workload) {
	return func(w *rollout.Workload) {
		w.Annotations = map[string]string{rollout.RestoreReplicas: own}
		w.Ref.Kind = "Deployment"
		w.Labels, w.Replicas = map[string]string{rollout.SurgedLabel: "true"}, replicas
	}
}

func TestThePatches(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	grace := v1alpha1.GracePeriod{Own: 30, Set: 31}
	const (
		generation = `{"op":"test","path":"/metadata/generation","value":4}`
		version    = `{"op":"test","path":"/metadata/resourceVersion","value":"77"}`
		restarted  = `{"op":"add","path":"/spec/template/metadata/annotations/kubectl.kubernetes.io~1restartedAt","value":"2026-03-01T12:00:00Z"}`
		note       = `"/metadata/annotations/mesh.kubectl.dev~1restore-replicas"`
		mark       = `"/metadata/labels/mesh.kubectl.dev~1surged"`
		marked     = `{"op":"test","path":` + mark + `,"value":"true"}`
		noAnnots   = `{"op":"add","path":"/metadata/annotations","value":{}}`
		remember   = `{"op":"add","path":` + note + `,"value":"1"}`
		two        = `{"op":"add","path":` + mark + `,"value":"true"},{"op":"replace","path":"/spec/replicas","value":2}`
		ownGrace   = `{"op":"add","path":"/metadata/annotations/mesh.kubectl.dev~1own-termination-grace-period-seconds","value":"30"},` +
			`{"op":"add","path":"/metadata/annotations/mesh.kubectl.dev~1set-termination-grace-period-seconds","value":"31"}`
		setGrace = `{"op":"add","path":"/spec/template/spec/terminationGracePeriodSeconds","value":31}`
		forget   = `{"op":"remove","path":` + note + `},{"op":"remove","path":` + mark + `}`
	)
	for _, c := range []struct {
		rule  string
		patch patch
		want  string
	}{
		{"a restart", byRestart(full(), now), generation + `,` + restarted},
		{"a restart of a template without annotations", byRestart(full(bare), now),
			generation + `,{"op":"add","path":"/spec/template/metadata/annotations","value":{}},` + restarted},
		{"a grace period", byGracePeriod(full(), grace), generation + `,` + setGrace + `,` + ownGrace},
		{"one of a workload without annotations holds the version", byGracePeriod(full(bare), grace),
			version + `,` + generation + `,` + setGrace + `,` + noAnnots + `,` + ownGrace},
		{"a Rollout's restart counts from the next second", byRestartAt(full(), now), generation + `,{"op":"add","path":"/spec/restartAt","value":"2026-03-01T12:00:01Z"}`},
		{"on the second it is that one", byRestartAt(full(), now.Truncate(time.Second)), generation + `,{"op":"add","path":"/spec/restartAt","value":"2026-03-01T12:00:00Z"}`},
		{"a surge is noted in the same patch", byRestart(full(), now).surged(full()), generation + `,` + restarted + `,` + remember + `,` + two},
		{"also of a workload without labels and annotations", unedited(full(bare)).surged(full(bare)),
			version + `,` + version + `,` + generation + `,` + noAnnots + `,` + remember + `,{"op":"add","path":"/metadata/labels","value":{}},` + two},
		{"what was raised is put back", putBack(full(noted("1", 2))),
			marked + `,{"op":"test","path":"/spec/replicas","value":2},{"op":"replace","path":"/spec/replicas","value":1},` + forget},
		{"what somebody else has set stays", putBack(full(noted("1", 3))), marked + `,` + forget},
		{"without a note that says how many, it was one", putBack(full(noted("x", 2))),
			marked + `,{"op":"test","path":"/spec/replicas","value":2},{"op":"replace","path":"/spec/replicas","value":1},` + forget},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := c.patch.bytes()
			if err != nil || string(got) != "["+c.want+"]" {
				t.Errorf("got  %s, %v\nwant [%s]", got, err, c.want)
			}
		})
	}
	if got := key("a/b~c"); got != "/a~1b~0c" {
		t.Errorf("got %s", got)
	}
}

func TestASecondReplicaIsGivenOnce(t *testing.T) {
	surge := &restartplan.Step{}
	surge.Surge = true
	through := &restartplan.Step{RestartItem: surge.RestartItem, Autoscaler: &restartplan.Autoscaler{}}
	for _, c := range []struct {
		rule string
		step *restartplan.Step
		w    *rollout.Workload
		want bool
	}{
		{"to one of one", surge, full(), true},
		{"not through an HPA", through, full(), false},
		{"not to one that has it already", surge, full(noted("1", 2)), false},
		{"not to one that somebody has scaled", surge, full(func(w *rollout.Workload) { w.Replicas = 3 }), false},
		{"not unasked", &restartplan.Step{}, full(), false},
	} {
		if got := surges(c.step, c.w); got != c.want {
			t.Errorf("%s: got %v", c.rule, got)
		}
	}
}
