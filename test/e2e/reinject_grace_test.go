package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

const (
	ownSeconds = "mesh.kubectl.dev/own-termination-grace-period-seconds"
	setSeconds = "mesh.kubectl.dev/set-termination-grace-period-seconds"
	graceful   = "--method=grace-period"
	// large is about what istiod can still inject: it reads numbers as JavaScript does.
	large = 1<<53 - 12
)

// TestReinjectByGracePeriodRaisesTheOwnersValueByOne holds the method to the very patches that it sends, for each kind, and
// for values at which one might go wrong.
func TestReinjectByGracePeriodRaisesTheOwnersValueByOne(t *testing.T) {
	m := newMover(t, "reinject-grace-wire")
	const unset = 30 // seconds, by the API server
	want := map[string]string{}
	for name, seconds := range map[string]int64{"unset": unset, "zero": 0, "large": large} {
		set := seconds + 1
		m.createEach(name, seconds, seconds != unset)
		for _, kind := range []string{"deployment", "statefulset", "daemonset"} {
			want[kind+"/"+name+"-"+kind] = fmt.Sprintf("test generation 1, add %s=%d, add %s=%d, terminationGracePeriodSeconds=%d", ownSeconds, seconds, setSeconds, set, set)
		}
	}
	m.settles(len(want))
	m.follow(newRevision)
	g := openGate(t, m.lab, nil)
	run := m.through(g, graceful).exits(0)
	if got := patchesOf(t, g); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("patches:\n got  %v\n want %v", got, want)
	}
	for workload := range want {
		run.ends(workload, "restarted", "")
		m.current(workload, 1)
	}
}

// createEach makes a workload of every kind whose controller compares templates.
func (m mover) createEach(name string, seconds int64, set bool) {
	m.t.Helper()
	var options []podOption
	if set {
		options = append(options, withGracePeriod(seconds))
	}
	m.create(m.deployment(name+"-deployment", 1, options...), m.statefulSet(name+"-statefulset", 1, 0, options...),
		m.daemonSet(name+"-daemonset", appsv1.RollingUpdateDaemonSetStrategyType, options...))
}

// patchesOf says in words what was patched, by workload. A test of the resourceVersion goes without saying: it may stand
// before the rest, where there were no annotations to add one to.
func patchesOf(t *testing.T, g *gate) map[string]string {
	t.Helper()
	patches := map[string]string{}
	for _, r := range g.Mutations() {
		if strings.Contains(r.Query, "dryRun") {
			continue
		}
		workload := strings.TrimSuffix(r.Resource, "s") + "/" + r.Name
		if r.Verb != "patch" || r.ContentType != "application/json-patch+json" || patches[workload] != "" {
			t.Errorf("%s %s of %s, after %q", r.Verb, r.ContentType, workload, patches[workload])
		}
		patches[workload] = inWords(t, r.Body)
	}
	return patches
}

func inWords(t *testing.T, body []byte) string {
	t.Helper()
	var operations []struct {
		Op, Path string
		Value    any
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	if err := decoder.Decode(&operations); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var words []string
	for _, o := range operations {
		last := strings.ReplaceAll(o.Path[strings.LastIndex(o.Path, "/")+1:], "~1", "/")
		switch {
		case o.Path == "/metadata/resourceVersion" && o.Op == "test", o.Path == "/metadata/annotations" && fmt.Sprint(o.Value) == "map[]":
		case o.Path == "/metadata/generation":
			words = append(words, fmt.Sprint(o.Op, " generation ", o.Value))
		case o.Path == "/spec/template/spec/"+last:
			words = append(words, fmt.Sprint(last, "=", o.Value))
		default:
			words = append(words, fmt.Sprint(o.Op, " ", last, "=", o.Value))
		}
	}
	slices.SortFunc(words, func(a, b string) int { return strings.Compare(first(a)+a, first(b)+b) })
	return strings.Join(words, ", ")
}

// first sorts the tests of a patch before everything that it does.
func first(word string) string {
	if strings.HasPrefix(word, "test") {
		return "0"
	}
	return "1"
}

// TestReinjectByGracePeriodAlwaysRollsAndStaysCloseToTheOwnersValue runs ten times in a row, back and forth between two
// revisions.
func TestReinjectByGracePeriodAlwaysRollsAndStaysCloseToTheOwnersValue(t *testing.T) {
	m := newMover(t, "reinject-grace-ten")
	own := map[string]int64{"unset-deployment": 30, "unset-statefulset": 30, "unset-daemonset": 30, "zero": 0, "large": large}
	m.createEach("unset", 30, false)
	m.create(m.deployment("zero", 1, withGracePeriod(0)), m.deployment("large", 1, withGracePeriod(large)))
	m.settles(len(own))
	for turn := range 10 {
		before := m.uids()
		m.follow([]string{newRevision, oldRevision}[turn%2])
		run := m.reinject(graceful).exits(0)
		after := m.uids()
		for workload, i := range run.items {
			run.ends(workload, "restarted", "")
			value, of := i.GracePeriod["set"], own[i.Workload.Name]
			if i.GracePeriod["own"] != of || value < of-3 || value-3 > of {
				t.Errorf("turn %d: %s is at %v, and its owner wants %d", turn, workload, i.GracePeriod, of)
			}
			if len(after[workload]) != 1 || after[workload][0] == before[workload][0] {
				t.Errorf("turn %d: %s did not roll: %v, %v", turn, workload, before[workload], after[workload])
			}
		}
		if len(run.items) != len(own) {
			t.Fatalf("turn %d: %v", turn, run.items)
		}
	}
}

// TestReinjectLeavesAloneWhatTheInjectorDenies: istiod cannot inject the largest grace period that Kubernetes takes.
func TestReinjectLeavesAloneWhatTheInjectorDenies(t *testing.T) {
	m := newMover(t, "reinject-grace-largest")
	m.follows("")
	m.create(m.deployment("web", 1, withGracePeriod(math.MaxInt64)))
	m.settles(1)
	m.follow(newRevision)
	before := m.state()
	run := m.reinject(graceful, "--include=missing").exits(1).ends("deployment/web", "refused", "denies: failed to run injection template")
	if i := run.has("deployment/web"); i.GracePeriod["own"] != math.MaxInt64 || i.GracePeriod["set"] != math.MaxInt64-1 {
		t.Errorf("planned: %v", i.GracePeriod)
	}
	m.untouched(before, "deployment/web")
}

// TestReinjectByGracePeriodAlsoRollsWhatIsCurrent: with --all, nothing but the value tells the new template from the old.
func TestReinjectByGracePeriodAlsoRollsWhatIsCurrent(t *testing.T) {
	m := newMover(t, "reinject-grace-all")
	m.createEach("app", 30, false)
	m.settles(3)
	for range 3 {
		before := m.uids()
		m.reinject(graceful, "--all").exits(0)
		for workload, uids := range m.uids() {
			if len(uids) != 1 || uids[0] == before[workload][0] {
				t.Errorf("%s did not roll: %v, %v", workload, before[workload], uids)
			}
		}
	}
}

// begin starts a run by way of a gate, and leaves it running.
func (m mover) begin(g *gate, args ...string) *exec.Cmd {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), m.lab.Tool("kubectl"), m.command(args...)...)
	cmd.Env = []string{"PATH=" + pluginDir + ":" + filepath.Dir(m.lab.Tool("kubectl")), "HOME=" + m.t.TempDir(), "KUBECONFIG=" + g.kubeconfig()}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// dies kills a run once there is what it is to be killed at.
func (m mover) dies(cmd *exec.Cmd, at func() error) {
	m.t.Helper()
	eventually(m.t, patience, at)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// hasNewPods returns an error until a workload has a pod that was not there before.
func (m mover) hasNewPods(workload string, before []string) func() error {
	return func() error {
		for _, uid := range m.uids()[workload] {
			if !slices.Contains(before, uid) {
				return nil
			}
		}
		return fmt.Errorf("%s has no new pods", workload)
	}
}

// TestReinjectByGracePeriodNeverAdoptsOldPods: a run dies in mid-rollout, and the tag moves back. The values that have pods by
// then are of no use: a Deployment at one of them would take these pods for its own.
func TestReinjectByGracePeriodNeverAdoptsOldPods(t *testing.T) {
	m := newMover(t, "reinject-grace-adopt")
	m.create(m.deployment("web", 2, notReadyOn(newVersion)), m.statefulSet("db", 2, 0, notReadyOn(newVersion)))
	m.settles(4)
	before := m.uids()
	m.follow(newRevision)
	run := m.begin(openGate(t, m.lab, nil), graceful)
	m.dies(run, func() error {
		if err := m.hasNewPods("deployment/web", before["deployment/web"])(); err != nil {
			return err
		}
		return m.hasNewPods("statefulset/db", before["statefulset/db"])()
	})
	middle := m.uids()
	m.follow(oldRevision)
	again := m.reinject(graceful).exits(0).ends("deployment/web", "restarted", "").ends("statefulset/db", "restarted", "")
	for workload, uids := range m.uids() {
		if i := again.has(workload); i.GracePeriod["own"] != 30 || i.GracePeriod["set"] != 32 {
			t.Errorf("%s: %v, want 32: 30 and 31 have pods", workload, i.GracePeriod)
		}
		for _, uid := range uids {
			if slices.Contains(before[workload], uid) || slices.Contains(middle[workload], uid) {
				t.Errorf("%s has adopted an old pod", workload)
			}
		}
		m.current(workload, 2)
	}
}

// TestReinjectAwaitsARolloutThatIsUnderWay: a run dies in mid-rollout, and the next one waits and patches nothing.
func TestReinjectAwaitsARolloutThatIsUnderWay(t *testing.T) {
	m := newMover(t, "reinject-await")
	m.create(m.deployment("web", 2, notReadyOn(newVersion)))
	m.settles(2)
	before := m.uids()["deployment/web"]
	m.follow(newRevision)
	m.dies(m.begin(openGate(t, m.lab, nil), graceful), m.hasNewPods("deployment/web", before))
	if i := m.plan(graceful).exits(0).has("deployment/web"); i.Action != "await" || i.Method != "" {
		t.Errorf("planned: %+v", i)
	}
	m.release()
	g := openGate(t, m.lab, nil)
	m.through(g, graceful).exits(0).ends("deployment/web", "awaited", "")
	if patches := patchesOf(t, g); len(patches) != 0 {
		t.Errorf("it was patched: %v", patches)
	}
	if d := m.getDeployment("web"); d.Generation != 2 || *d.Spec.Template.Spec.TerminationGracePeriodSeconds != 31 {
		t.Errorf("generation %d, %d seconds", d.Generation, *d.Spec.Template.Spec.TerminationGracePeriodSeconds)
	}
	m.current("deployment/web", 2)
}

// editing has somebody edit an object just before the first patch of it.
func (m mover) editing(name, edit string) intercept.Fault {
	return intercept.Once(func(r *intercept.Request) bool {
		return intercept.Does("patch", "deployments", name)(r) && !strings.Contains(r.URL.RawQuery, "dryRun")
	}, func(w http.ResponseWriter, r *intercept.Request) {
		_, err := m.lab.Kubectl(m.t.Context(), "patch", "deployment", name, "-n", m.namespace, "--type=strategic", "-p", edit)
		if err != nil {
			m.t.Error(err)
		}
		r.Gate.Pass(w, r)
	})
}

// TestReinjectNeverOverwritesAConcurrentEdit: somebody edits a Deployment after it was read and before it is patched.
func TestReinjectNeverOverwritesAConcurrentEdit(t *testing.T) {
	m := newMover(t, "reinject-edited")
	m.create(m.deployment("scaled", 1), m.deployment("released", 1), m.deployment("regraced", 1))
	m.settles(3)
	m.follow(newRevision)
	g := openGate(t, m.lab, intercept.Any(
		m.editing("scaled", `{"spec":{"replicas":2}}`),
		m.editing("released", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.example.com/app:2"}]}}}}`),
		m.editing("regraced", `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":90}}}}`)))
	run := m.through(g, graceful).exits(0)
	run.ends("deployment/scaled", "restarted", "").ends("deployment/released", "awaited", "").ends("deployment/regraced", "awaited", "")
	if n := *m.getDeployment("scaled").Spec.Replicas; n != 2 {
		t.Errorf("somebody scaled it to 2, and it has %d replicas", n)
	}
	if image := m.getDeployment("released").Spec.Template.Spec.Containers[0].Image; image != "registry.example.com/app:2" {
		t.Errorf("somebody released app:2, and it runs %s", image)
	}
	if d := m.getDeployment("regraced"); *d.Spec.Template.Spec.TerminationGracePeriodSeconds != 90 || d.Annotations[ownSeconds] != "" {
		t.Errorf("somebody gave it 90 seconds, and it has %d (%v)", *d.Spec.Template.Spec.TerminationGracePeriodSeconds, d.Annotations)
	}
	m.current("deployment/scaled", 2)
	m.current("deployment/released", 1)
	m.current("deployment/regraced", 1)
}

// TestReinjectRefusesAMethodThatANamedWorkloadCannotTake: nothing at all is started then.
func TestReinjectRefusesAMethodThatANamedWorkloadCannotTake(t *testing.T) {
	m := newMover(t, "reinject-method")
	apply(t, m.lab, fmt.Sprintf(finishedManifest, m.namespace))
	m.create(m.deployment("web", 1), m.statefulSet("on-delete", 1, -1), m.replicaSet("lone", 1), newPod(m.namespace, "bare", scheduled))
	m.playOperator("custom", 1)
	m.awaitWorkloads("deployment/web", "statefulset/on-delete", "replicaset/lone", "pod/bare", "operator/custom")
	m.follow(newRevision)
	before := m.state()
	for workload, why := range map[string]string{
		"statefulset/on-delete": "its update strategy is OnDelete, so that --method grace-period does nothing to its pods: use --method evict",
		"replicaset/lone":       "its controller replaces pods only once they are gone, so that --method grace-period does nothing to its pods: use --method evict",
		"pod/bare":              "nothing would create it again, so that it takes no --method: leave it out, and use --bare-pods=recreate",
		"job/ended":             "it runs to completion and is never restarted, by no --method",
		"cronjob/nightly":       "it runs to completion and is never restarted, by no --method",
	} {
		g := openGate(t, m.lab, nil)
		run := m.through(g, graceful, "deployment/web", workload).exits(1)
		if want := "error: " + workload + " in namespace " + m.namespace + ": " + why + "\n"; run.stderr != want || run.stdout != "" {
			t.Errorf("stderr %q, want %q\nstdout: %s", run.stderr, want, run.stdout)
		}
		if asked := g.Mutations(); len(asked) > 0 {
			t.Errorf("%s: something was started: %+v", workload, asked)
		}
	}
	m.untouched(before, "deployment/web", "statefulset/on-delete", "replicaset/lone", "pod/bare")
	// Where none is named, the others have their turn.
	m.reinject(graceful).exits(0).ends("deployment/web", "restarted", "").ends("statefulset/on-delete", "skipped", "use --method evict").
		ends("operator/custom", "skipped", "a Operator cannot be restarted by --method grace-period: use --method evict").ends("pod/bare", "skipped", "")
}

// awaitWorkloads waits until each of them has pods.
func (m mover) awaitWorkloads(workloads ...string) {
	m.t.Helper()
	eventually(m.t, patience, func() error {
		uids := m.uids()
		for _, w := range workloads {
			if len(uids[w]) == 0 {
				return fmt.Errorf("%s has no pods", w)
			}
		}
		return nil
	})
}
