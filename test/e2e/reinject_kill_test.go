package e2e

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/audit"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

var (
	killMoments   = flag.Int("kill-moments", 3, "at how many moments mesh-reinject is killed")
	killWorkloads = flag.Int("kill-workloads", 12, "how many workloads it then restarts")
	killSeed      = flag.Uint64("kill-seed", 1, "what the moments are drawn from")
)

// TestReinjectKilledAtAnyMomentGoesOn kills mesh-reinject with SIGKILL at random moments of a run over every kind of workload,
// and runs it again: everything is current, each workload was rolled exactly once, and nothing is left over.
func TestReinjectKilledAtAnyMomentGoesOn(t *testing.T) {
	c := newCampaign(t, ownLab(t, cluster.Options{}))
	whole := c.round(t, newRevision, 0)
	random := rand.New(rand.NewPCG(*killSeed, 0))
	for i := range *killMoments {
		revision := []string{oldRevision, newRevision}[i%2]
		// A process takes a while until it does anything, and that is no interesting moment.
		after := time.Duration((0.1 + 0.9*random.Float64()) * float64(whole))
		t.Logf("moment %d: killed after %s of %s", i+1, after.Round(time.Millisecond), whole.Round(time.Millisecond))
		c.round(t, revision, after)
		if t.Failed() {
			return
		}
	}
}

// campaign is a mesh that is restarted again and again, to and fro between two revisions.
type campaign struct {
	*staleMesh
	pods int
	// versions counts those of the templates, offset is how far the audit log has been read.
	versions map[string]int
	offset   int64
}

const campaignNamespace = "killed"

func newCampaign(t *testing.T, lab *cluster.Cluster) *campaign {
	t.Helper()
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	kinds := []func(name string) making{
		func(name string) making { return aDeployment(name, 1) },
		func(name string) making { return aDeployment(name, 3) },
		func(name string) making { return aStatefulSet(name, 2) },
		func(name string) making { return aDaemonSet(name) },
		func(name string) making { return anOnDelete(name, 2) },
	}
	var workloads []making
	pods := 0
	for i := range *killWorkloads {
		w := kinds[i%len(kinds)](fmt.Sprintf("%s-%02d", []string{"single", "many", "set", "agent", "manual"}[i%len(kinds)], i))
		_, n := w("")
		pods += n
		workloads = append(workloads, w)
	}
	return &campaign{staleMesh: newStale(t, lab, campaignNamespace, workloads...), pods: pods}
}

// round moves the namespace to a revision, kills a run after that time, 0 for none at all, looks at what a second one makes of
// what the first has left, and returns how long that took.
func (c *campaign) round(t *testing.T, revision string, killedAfter time.Duration) time.Duration {
	t.Helper()
	c.follow(t, revision)
	before := c.uids(t)
	c.versions = c.templates(t)
	c.evictions(t)
	args := []string{"--surge-singletons", "--max-parallel=8"}
	var caches []string
	if killedAfter > 0 {
		caches = append(caches, c.killed(t, killedAfter, args))
	}
	start := time.Now()
	run := c.begin(t, args...)
	r := run.ends()
	took := time.Since(start)
	if r.code != 0 {
		t.Errorf("run again: exit %d\n%s", r.code, r.stderr)
	}
	c.wantCurrent(t, revision, before)
	c.wantRolledOnce(t)
	c.wantNothingLeft(t, append(caches, run.cache))
	if again := c.reinject(t, args...); again.code != 0 || !strings.Contains(again.stderr, "Nothing is stale in namespace "+c.namespace) {
		t.Errorf("once more: exit %d\n%s", again.code, again.stderr)
	}
	return took
}

// killed kills a run, and returns the directory of its cache.
func (c *campaign) killed(t *testing.T, after time.Duration, args []string) (cache string) {
	t.Helper()
	run := c.begin(t, args...)
	select {
	case <-run.ended:
	case <-time.After(after):
		// It may end this very moment.
		_ = run.cmd.Process.Kill()
		<-run.ended
	}
	outcomes := 0
	for line := range strings.Lines(run.stderr.String()) {
		if strings.Contains(line, ": restarted in ") {
			outcomes++
		}
	}
	t.Logf("it had finished %d of %d workloads", outcomes, *killWorkloads)
	return run.cache
}

// wantCurrent: as many pods as there should be, all of them ready, of the revision, and come since.
func (c *campaign) wantCurrent(t *testing.T, revision string, before map[types.UID]bool) {
	t.Helper()
	// What made two of a singleton was put back, and its second pod goes in its own time.
	c.awaitReady(t, c.pods)
	for _, p := range c.staleMesh.pods(t) {
		if p.Annotations["istio.io/rev"] != revision || before[p.UID] {
			t.Errorf("pod %s is of %s, and was there before: %v", p.Name, p.Annotations["istio.io/rev"], before[p.UID])
		}
	}
}

// wantRolledOnce: each template has had one more version, and each pod that nobody replaces by himself was evicted once.
func (c *campaign) wantRolledOnce(t *testing.T) {
	t.Helper()
	now, evicted := c.templates(t), c.evictions(t)
	for name, was := range c.versions {
		want := was + 1
		if strings.HasPrefix(name, "manual-") {
			want = was
			for _, pod := range []string{name + "-0", name + "-1"} {
				if evicted[pod] != 1 {
					t.Errorf("pod %s was evicted %d times", pod, evicted[pod])
				}
			}
		}
		if now[name] != want {
			t.Errorf("%s was rolled %d times", name, now[name]-was)
		}
	}
}

// evictions counts, by the pods' names, those that there have been since it was last asked.
func (c *campaign) evictions(t *testing.T) map[string]int {
	t.Helper()
	events, next, err := audit.Read(c.lab.AuditLog(), c.offset)
	if err != nil {
		t.Fatal(err)
	}
	c.offset = next
	counts := map[string]int{}
	for _, e := range events {
		if e.ObjectRef != nil && e.ObjectRef.Subresource == "eviction" && e.ResponseStatus != nil && e.ResponseStatus.Code < 300 {
			counts[e.ObjectRef.Name]++
		}
	}
	return counts
}

// wantNothingLeft: no replica too many, no annotation and no label of ours, and no file.
func (c *campaign) wantNothingLeft(t *testing.T, caches []string) {
	t.Helper()
	deployments, err := c.lab.Client().AppsV1().Deployments(c.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range deployments.Items {
		if strings.HasPrefix(d.Name, "single-") && *d.Spec.Replicas != 1 {
			t.Errorf("%s is left at %d replicas", d.Name, *d.Spec.Replicas)
		}
	}
	all, err := c.lab.Kubectl(t.Context(), "get", "deployments,statefulsets,daemonsets,pods", "-n", c.namespace, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(all, "mesh.kubectl.dev/") {
		t.Error("annotations or labels are left")
	}
	for _, cache := range caches {
		err := filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				t.Errorf("left is %s", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func (c *campaign) uids(t *testing.T) map[types.UID]bool {
	t.Helper()
	uids := map[types.UID]bool{}
	for _, p := range c.staleMesh.pods(t) {
		uids[p.UID] = true
	}
	return uids
}
