package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestCanaryFaults plays what goes wrong around an upgrade, each on the same mesh, and each rolled back.
func TestCanaryFaults(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		name string
		play func(*upgraded)
	}{
		{"a second operator", (*upgraded).secondOperator},
		{"a holder that sleeps past its Lease", (*upgraded).sleeper},
		{"a record that is edited, truncated, newer or gone", (*upgraded).damagedRecord},
		{"a namespace that is deleted half way", (*upgraded).namespaceGone},
		{"a label that is put back each time", (*upgraded).gitOps},
		{"a control plane that fails after the start", (*upgraded).outage},
		{"a namespace that does not run on the new revision", (*upgraded).canaryDies},
	} {
		if !t.Run(p.name, func(t *testing.T) { p.play(&upgraded{t: t, lab: lab, istio: "istio-system"}) }) {
			t.Fatal("what follows needs what this would have left")
		}
	}
}

// slow makes a namespace whose one Deployment takes its time to become ready.
func (u *upgraded) slow(name string, delay time.Duration) {
	u.t.Helper()
	createNamespace(u.t, u.lab, name, istioRev(stableTag))
	awaitServiceAccount(u.t, u.lab, name)
	createDeployment(u.t, u.lab, newDeployment(name, "web", 1, withAnnotation("lab.mesh.kubectl.dev/ready-delay", delay.String())))
	u.awaitRevision(oldRevision, name)
	awaitRollout(u.t, u.lab, "deployment/web", name)
	u.namespaces = append(u.namespaces, name)
}

// process is `kubectl-mesh_canary`, running.
type runningCanary struct {
	*exec.Cmd
	said *logged
	done chan struct{}
}

// background runs the plugin itself, so that signals reach it.
func (u *upgraded) background(args ...string) *runningCanary {
	u.t.Helper()
	c := &runningCanary{exec.CommandContext(u.t.Context(), filepath.Join(pluginDir, "kubectl-mesh_canary"), args...), &logged{}, make(chan struct{})}
	c.Env = []string{"HOME=" + u.t.TempDir(), "KUBECONFIG=" + u.lab.Kubeconfig(), "PATH=/usr/bin:/bin", goAtOnce}
	c.Stdout, c.Stderr = c.said, c.said
	if err := c.Start(); err != nil {
		u.t.Fatal(err)
	}
	go func() { _ = c.Wait(); close(c.done) }()
	return c
}

// ends waits for the end and wants an exit code.
func (u *upgraded) ends(c *runningCanary, code int) string {
	u.t.Helper()
	select {
	case <-c.done:
	case <-time.After(patience):
		u.t.Fatal("it does not end")
	}
	if got := c.ProcessState.ExitCode(); got != code {
		u.t.Errorf("exit %d, want %d\n%s", got, code, *c.said)
	}
	return string(*c.said)
}

// labelled waits until a namespace has a label istio.io/rev.
func (u *upgraded) labelled(name, value string) {
	u.t.Helper()
	eventually(u.t, patience, func() error {
		n, err := u.lab.Client().CoreV1().Namespaces().Get(u.t.Context(), name, metav1.GetOptions{})
		if err != nil || n.Labels["istio.io/rev"] != value {
			return fmt.Errorf("%w, %v", err, n.Labels)
		}
		return nil
	})
}

// secondOperator is kept out while the first is at work, and told who that is.
func (u *upgraded) secondOperator() {
	u.slow("first", 25*time.Second)
	first := u.background("start", "--from", oldRevision, "--to", newRevision, "first")
	u.labelled("first", newRevision)
	for _, args := range [][]string{{"rollback", "--yes"}, {"complete", "--yes"}, {"advance", "--all", "--yes"}} {
		r := u.canary(args...)
		if r.code != 1 || !strings.Contains(r.stderr, fmt.Sprintf("(process %d, ", first.Process.Pid)) || !strings.Contains(r.stderr, "wait until that is done") {
			u.t.Errorf("%v: exit %d, %s", args, r.code, r.stderr)
		}
	}
	u.ends(first, 0)
	u.does("rollback", "--yes")
	u.clear("first")
}

// sleeper: whoever is stopped for longer than the Lease holds finds on waking that it may change nothing any more.
func (u *upgraded) sleeper() {
	u.slow("asleep", 5*time.Second)
	before := u.snapshot()
	first := u.background("start", "--from", oldRevision, "--to", newRevision, "--lease-duration", "2s", "asleep")
	u.labelled("asleep", newRevision)
	if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
		u.t.Fatal(err)
	}
	u.does("rollback", "--yes", "--lease-duration", "2s")
	u.wantSame(before, "the rollback")
	if err := first.Process.Signal(syscall.SIGCONT); err != nil {
		u.t.Fatal(err)
	}
	if said := u.ends(first, 1); !strings.Contains(said, "Lease kubectl-mesh-canary") {
		u.t.Errorf("it says\n%s", said)
	}
	u.wantSame(before, "the awakening")
	if out := u.status(); !strings.Contains(out, "rolled back") {
		u.t.Errorf("the record was overwritten: %s", out)
	}
	u.clear("asleep")
}

// record writes the record's text.
func (u *upgraded) record(change func(text string) string) {
	u.t.Helper()
	maps := u.lab.Client().CoreV1().ConfigMaps(u.istio)
	c, err := maps.Get(u.t.Context(), "kubectl-mesh-canary", metav1.GetOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	c.Data["upgrade.yaml"] = change(c.Data["upgrade.yaml"])
	if _, err := maps.Update(u.t.Context(), c, metav1.UpdateOptions{}); err != nil {
		u.t.Fatal(err)
	}
}

// damagedRecord: no command goes on from a record that cannot be right, and what `status -o yaml` printed gives it back.
func (u *upgraded) damagedRecord() {
	u.namespace("kept", istioRev(stableTag))
	u.namespace("other", istioRev(stableTag))
	before := u.snapshot()
	u.does("start", "--from", oldRevision, "--to", newRevision, "kept")
	file := filepath.Join(u.t.TempDir(), "upgrade.yaml")
	writeFile(u.t, file, u.does("status", "-o", "yaml").stdout)
	for want, change := range map[string]func(string) string{
		"the record cannot be read":                      func(text string) string { return text[:len(text)/2] + "\n  : {" },
		"the record was edited":                          func(text string) string { return strings.Replace(text, "phase: started", "phase: finished", 1) },
		"the record is empty":                            func(string) string { return "" },
		`the record is of version "mesh.kubectl.dev/v9"`: func(text string) string { return strings.Replace(text, "dev/v1alpha1", "dev/v9", 1) },
	} {
		u.record(change)
		for _, args := range []string{"start --to 1-23 other", "advance other", "complete --yes", "rollback --yes"} {
			u.refuses(want, strings.Fields(args)...)
		}
		u.does("status", "--restore", file)
	}
	if err := u.lab.Client().CoreV1().ConfigMaps(u.istio).Delete(u.t.Context(), "kubectl-mesh-canary", metav1.DeleteOptions{}); err != nil {
		u.t.Fatal(err)
	}
	u.refuses("no upgrade is started", "rollback", "--yes")
	u.does("status", "--restore", file)
	u.does("complete", "--yes")
	u.runs(newRevision, "kept", "other")
	u.does("rollback", "--yes")
	u.wantSame(before, "the rollback")
	u.clear("kept", "other")
}

// namespaceGone: what is deleted is nobody's any more, and one that comes in its place is none of the upgrade's.
func (u *upgraded) namespaceGone() {
	u.namespace("stays", istioRev(stableTag))
	before := u.snapshot()
	u.namespace("goes", istioRev(stableTag))
	u.does("start", "--from", oldRevision, "--to", newRevision, "--yes", "stays", "goes")
	u.clear("goes")
	u.does("advance", "--all", "--yes")
	u.does("complete", "--yes")
	u.runs(newRevision, "stays")
	createNamespace(u.t, u.lab, "goes", labels{"istio-injection": "disabled"})
	u.does("rollback", "--yes")
	if n, err := u.lab.Client().CoreV1().Namespaces().Get(u.t.Context(), "goes", metav1.GetOptions{}); err != nil || n.Labels["istio-injection"] != "disabled" || n.Labels["istio.io/rev"] != "" {
		u.t.Errorf("%v, %v", err, n.Labels)
	}
	u.clear("goes")
	u.namespaces = []string{"stays"}
	u.wantSame(before, "the rollback")
	u.clear("stays")
}

// gitOps plays a controller that puts a label back whenever it differs from its repository.
func (u *upgraded) gitOps() {
	u.namespace("managed", istioRev(stableTag))
	u.namespace("free", istioRev(stableTag))
	before := u.snapshot()
	ctx, stop := context.WithCancel(u.t.Context())
	stopped := make(chan struct{})
	go func() { defer close(stopped); u.putsBack(ctx, "managed") }()
	defer func() { stop(); <-stopped }()
	r := u.canary("start", "--from", oldRevision, "--to", newRevision, "managed")
	if r.code != 1 || !strings.Contains(r.stderr, "managed") || !strings.Contains(r.stderr, "put back") {
		u.t.Errorf("exit %d, %s", r.code, r.stderr)
	}
	u.does("rollback", "--yes")
	stop()
	<-stopped
	u.settles("managed")
	u.wantSame(before, "the rollback")
	u.clear("managed", "free")
}

// putsBack puts the label of a namespace back until it is told to stop.
func (u *upgraded) putsBack(ctx context.Context, name string) {
	namespaces := u.lab.Client().CoreV1().Namespaces()
	w, err := namespaces.Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		u.t.Error(err)
		return
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		n, is := e.Object.(*corev1.Namespace)
		if !is || n.Labels["istio.io/rev"] == stableTag {
			continue
		}
		patch := []byte(`{"metadata":{"labels":{"istio.io/rev":"` + stableTag + `"}}}`)
		if _, err := namespaces.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil && ctx.Err() == nil {
			u.t.Error(err)
		}
	}
}

// outage: nothing more is moved to a control plane that does not answer, and going back does not need it.
func (u *upgraded) outage() {
	u.namespace("moved", istioRev(stableTag))
	u.namespace("waits", istioRev(stableTag))
	before := u.snapshot()
	u.does("start", "--from", oldRevision, "--to", newRevision, "moved")
	if err := u.lab.Outage(u.istio, newRevision); err != nil {
		u.t.Fatal(err)
	}
	u.refuses("its webhook does not serve", "advance", "waits")
	u.refuses("its webhook does not serve", "complete", "--yes")
	u.does("rollback", "--yes")
	u.settles("moved")
	u.wantSame(before, "the rollback")
	u.refuses("its webhook does not serve", "start", "--from", oldRevision, "--to", newRevision, "moved")
	if err := u.lab.Restore(u.t.Context(), u.istio, newRevision); err != nil {
		u.t.Fatal(err)
	}
	u.does("start", "--from", oldRevision, "--to", newRevision, "moved")
	u.does("rollback", "--yes")
	u.clear("moved", "waits")
}

// canaryDies: while what was begun with does not run on the new revision, nothing takes the others there. Once that is mended, the same
// command goes on.
func (u *upgraded) canaryDies() {
	createNamespace(u.t, u.lab, "canary", istioRev(stableTag))
	awaitServiceAccount(u.t, u.lab, "canary")
	createDeployment(u.t, u.lab, newDeployment("canary", "web", 1, onlyWhenNew("fail", "image-pull")))
	u.namespaces = append(u.namespaces, "canary")
	u.settles("canary")
	u.namespace("flock", istioRev(stableTag))
	before := u.snapshot()
	if r := u.canary("start", "--from", oldRevision, "--to", newRevision, "canary"); r.code != 1 || !strings.Contains(r.stderr, "canary") {
		u.t.Errorf("exit %d, %s", r.code, r.stderr)
	}
	begun := u.snapshot()
	r := u.canary("complete", "--yes")
	if r.code != 1 || !strings.Contains(r.stderr, "restart what still runs revision 1-22 in canary") || !strings.Contains(r.stderr, "or `kubectl mesh-canary rollback`") {
		u.t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	u.wantSame(begun, "the completion")
	u.runs(oldRevision, "flock")
	const first = "restart what still runs revision 1-22 in canary\n"
	if plan := u.does("complete", "--dry-run=client").stdout; !strings.Contains(plan, first) || strings.Index(plan, first) > strings.Index(plan, "tag "+stableTag) {
		u.t.Errorf("what is begun does not come first:\n%s", plan)
	}
	mended := []byte(`{"spec":{"template":{"metadata":{"annotations":{"lab.mesh.kubectl.dev/fail":null}}}}}`)
	if _, err := u.lab.Client().AppsV1().Deployments("canary").Patch(u.t.Context(), "web", types.MergePatchType, mended, metav1.PatchOptions{}); err != nil {
		u.t.Fatal(err)
	}
	u.does("complete", "--yes")
	u.runs(newRevision, "canary", "flock")
	u.does("rollback", "--yes")
	u.settles("canary")
	u.settles("flock")
	u.wantSame(before, "the rollback")
	u.clear("canary", "flock")
}
