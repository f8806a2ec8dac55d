package restartplan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// step is one that acts, of so many pods.
func step(id string, pods int) Step {
	namespace, name, _ := strings.Cut(id, "/")
	s := Step{Ref: ref("apps/Deployment/" + name), batch: 1, Startup: time.Second}
	s.Namespace, s.Action, s.Method, s.Pods, s.Stale = namespace, v1alpha1.Restart, v1alpha1.ByRestart, pods, pods
	return s
}

// waves are the steps in order, each with its wave.
func waves(steps []Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, fmt.Sprintf("%s/%s:%d", s.Namespace, s.Ref.Name, s.Wave))
	}
	return strings.Join(out, " ")
}

func TestTheOrderOfAPlan(t *testing.T) {
	some := func() []Step {
		left := step("a/left", 9)
		left.Action = v1alpha1.Skip
		return []Step{step("b/x", 1), left, step("a/z", 3), step("b/a", 2), step("c/y", 4)}
	}
	for _, c := range []struct {
		rule string
		o    Options
		want string
	}{
		{"namespace by namespace", Options{}, "a/z:1 b/a:1 b/x:1 c/y:1 a/left:0"},
		{"the smallest first", Options{Order: BySize}, "b/x:1 b/a:1 a/z:1 c/y:1 a/left:0"},
		{"by name", Options{Order: ByName}, "b/a:1 b/x:1 c/y:1 a/z:1 a/left:0"},
		{"canaries first", Options{Canary: 2}, "a/z:1 b/a:1 b/x:2 c/y:2 a/left:0"},
		{"a pause between namespaces", Options{Pause: time.Minute}, "a/z:1 b/a:2 b/x:2 c/y:3 a/left:0"},
		{"canaries have no pause among them", Options{Canary: 2, Pause: time.Minute}, "a/z:1 b/a:1 b/x:2 c/y:3 a/left:0"},
		{"more canaries than there are", Options{Canary: 9}, "a/z:1 b/a:1 b/x:1 c/y:1 a/left:0"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := waves(inOrder(some(), c.o)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestHowLongAPlanMayTake(t *testing.T) {
	two := []Step{step("a/x", 3), step("b/y", 2)}
	slow := step("a/x", 1)
	slow.Startup = 0
	for _, c := range []struct {
		rule  string
		steps []Step
		o     Options
		want  time.Duration
	}{
		{"nothing", nil, Options{}, 0},
		{"one after the other", two, Options{MaxParallel: 1}, 5 * time.Second},
		{"beside each other", two, Options{MaxParallel: 2}, 3 * time.Second},
		{"wave by wave", two, Options{MaxParallel: 2, Canary: 1}, 5 * time.Second},
		{"with a pause", two, Options{MaxParallel: 2, Pause: time.Minute}, 65 * time.Second},
		{"throttled", two, Options{MaxParallel: 2, PodsPerMinute: 6}, 32 * time.Second},
		{"a pod that does not tell takes the usual time", []Step{slow}, Options{MaxParallel: 1}, usualStartup},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := estimate(inOrder(append([]Step{}, c.steps...), c.o), c.o); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestWhatAPlanCounts(t *testing.T) {
	evicted, awaited, back, left := step("a/e", 4), step("b/w", 4), step("b/p", 4), step("c/s", 4)
	evicted.Method, evicted.Stale = v1alpha1.ByEviction, 2
	awaited.Action, awaited.Stale = v1alpha1.Await, 1
	back.Action, left.Action = v1alpha1.PutBack, v1alpha1.Skip
	plan := Plan{Steps: inOrder([]Step{evicted, awaited, back, left, step("a/r", 3)}, Options{Canary: 1}), Estimate: 1600 * time.Millisecond}
	want := v1alpha1.RestartPlanSummary{Workloads: 4, Pods: 6, Namespaces: 2, Waves: 2, Skipped: 1, EstimatedSeconds: 2}
	if got := plan.Report().Summary; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestAPrintedPlanLacksNothingThatTheSchemaRequires looks at plans with and without pods.
func TestAPrintedPlanLacksNothingThatTheSchemaRequires(t *testing.T) {
	var in Input
	singleton(&in)
	in.Named = append(in.Named, shop("apps/Deployment/none"))
	full, err := Make(in, auto())
	if err != nil {
		t.Fatal(err)
	}
	for _, plan := range []*Plan{full, {}} {
		text, err := json.Marshal(plan.Report())
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("null")) {
			t.Errorf("something is null in %s", text)
		}
		var printed map[string]any
		if err := json.Unmarshal(text, &printed); err != nil {
			t.Fatal(err)
		}
		requires(t, "plan", printed, schema(t, "restartplan.json"))
	}
}

func schema(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile("../../docs/schema/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// requires says which fields an object lacks that a schema requires; it does not follow references.
func requires(t *testing.T, where string, value any, s map[string]any) {
	t.Helper()
	if list, ok := value.([]any); ok {
		items, _ := s["items"].(map[string]any)
		for _, v := range list {
			requires(t, where+"[]", v, items)
		}
	}
	fields, _ := value.(map[string]any)
	required, _ := s["required"].([]any)
	for _, name := range required {
		if _, ok := fields[name.(string)]; !ok {
			t.Errorf("%s lacks %s", where, name)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	for name, v := range fields {
		if sub, ok := properties[name].(map[string]any); ok {
			requires(t, where+"."+name, v, sub)
		}
	}
}
