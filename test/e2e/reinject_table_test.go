package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/argo"
)

// fate is what is done with a workload, or why nothing is.
type fate struct {
	action, method, outcome string
	reason, command         string // of what is skipped
	warning, message        string
}

var (
	byRestart = fate{action: "restart", method: "restart", outcome: "restarted"}
	byEvict   = fate{action: "restart", method: "evict", outcome: "restarted"}
)

func (v fate) warns(text string) fate { v.warning = text; return v }
func (v fate) adds(text string) fate  { v.message = text; return v }

func skipped(reason, command string) fate {
	return fate{action: "skip", outcome: "skipped", reason: reason, command: command}
}

// skippedUnless is skipped until a flag is given.
func skippedUnless(flag, workload, reason string) fate {
	return skipped(reason, "kubectl mesh-reinject "+workload+" -n "+tableName+" "+flag)
}

const (
	tableName = "reinject-table"
	// allowing are the flags that allow what is not done without being asked for.
	allowing = "--allow-downtime --include-partitioned --include-unknown --bare-pods=recreate"
	nextRun  = "it runs to completion and is never restarted; its next run gets proxy 1.23.0 of revision 1-23"
)

// tableRow is a workload with stale pods, what becomes of it without flags, and then with all that allow more.
type tableRow struct {
	workload    string
	pods        int
	plain, more fate
	// leaves is how many pods are stale in between.
	leaves int
}

// nothing: it is current by then.
var nothing fate

var (
	isPaused   = skipped("its rollout is paused", "kubectl rollout resume deployment/paused -n "+tableName)
	byHand     = skipped("the proxy was injected into its template by hand, and a restart does not change that", "kubectl get deployment/by-hand -n "+tableName+" -o yaml, then apply its original manifest, or that by `istioctl kube-inject`")
	byIstiod   = skipped("istiod keeps it for Gateway gw, and replaces its pods by itself", "kubectl label gateways.gateway.networking.k8s.io gw -n "+tableName+" istio.io/rev="+tableName+" --overwrite")
	recreation = fate{action: "restart", method: "recreate", outcome: "restarted", warning: "what is in its emptyDir volumes is lost: scratch"}
)

// reinjectTable has the rows of the table that users know from the documentation.
var reinjectTable = []tableRow{
	{workload: "deployment/web", pods: 2, plain: byRestart},
	{workload: "deployment/single", pods: 1, plain: byRestart},
	{workload: "deployment/all-down", pods: 2, plain: byRestart.warns("its maxUnavailable allows all of its pods to be down at once")},
	{workload: "deployment/paused", pods: 1, plain: isPaused, more: isPaused, leaves: 1},
	{workload: "deployment/recreate", pods: 2, leaves: 2, more: byRestart.warns("all of its pods are down at once"),
		plain: skippedUnless("--allow-downtime", "deployment/recreate", "its strategy is Recreate, which takes all of its pods down before new ones are made")},
	{workload: "deployment/by-hand", pods: 1, plain: byHand, more: byHand, leaves: 1},
	{workload: "deployment/gateway", pods: 1, plain: byRestart},
	{workload: "deployment/gw-istio", pods: 1, plain: byIstiod, more: byIstiod, leaves: 1},
	{workload: "daemonset/rolling", pods: 1, plain: byRestart},
	{workload: "daemonset/on-delete", pods: 1, plain: byEvict},
	{workload: "statefulset/rolling-set", pods: 2, plain: byRestart},
	{workload: "statefulset/on-delete-set", pods: 2, plain: byEvict},
	{workload: "statefulset/partitioned", pods: 2, leaves: 1, more: byEvict,
		plain: byRestart.warns("its partition 1 holds back 1 of its pods: see --include-partitioned").adds("its partition still holds back pods: 1 (see --include-partitioned)")},
	{workload: "statefulset/held", pods: 2, leaves: 2, more: byEvict,
		plain: skippedUnless("--include-partitioned", "statefulset/held", "its partition 5 holds back 2 of its pods")},
	{workload: "replicaset/lone", pods: 2, plain: byEvict},
	{workload: "replicationcontroller/old", pods: 1, plain: byEvict},
	{workload: "rollout/argo", pods: 2, plain: fate{action: "restart", method: "restart-at", outcome: "restarted"}},
	{workload: "job/once", pods: 1, plain: skipped(nextRun, ""), more: skipped(nextRun, ""), leaves: 1},
	{workload: "pod/bare", pods: 1, leaves: 1, more: recreation,
		plain: skippedUnless("--bare-pods=recreate", "pod/bare", "nothing would create it again")},
	{workload: "operator/custom", pods: 2, leaves: 2, more: byEvict,
		plain: skippedUnless("--include-unknown", "operator/custom", "what a Operator does when its pods are evicted is not known")},
}

// fresh are workloads that are current from the beginning.
var fresh = []string{"deployment/fresh", "statefulset/fresh-set", "daemonset/fresh-agent", "replicaset/fresh-lone", "pod/fresh-pod"}

// TestReinjectDoesWithEveryKindOfWorkloadWhatTheTableSays plans and runs twice on one namespace that has something of
// everything: as it is, and with all flags that allow more.
func TestReinjectDoesWithEveryKindOfWorkloadWhatTheTableSays(t *testing.T) {
	m := createTable(t)
	before := m.state()
	m.wantPlanned(m.plan().exits(0), func(r tableRow) fate { return r.plain })
	m.rehearses()
	m.untouched(before, slices.Collect(maps.Keys(before))...)

	m.wantDone(m.reinject().exits(0), func(r tableRow) fate { return r.plain })
	m.wantReplaced(before, func(r tableRow) (fate, int) { return r.plain, r.leaves })

	before = m.state()
	m.wantPlanned(m.plan(strings.Fields(allowing)...).exits(0), func(r tableRow) fate { return r.more })
	m.rehearses(strings.Fields(allowing)...)
	m.untouched(before, slices.Collect(maps.Keys(before))...)
	m.wantDone(m.reinject(strings.Fields(allowing)...).exits(0), func(r tableRow) fate { return r.more })
	m.wantReplaced(before, func(r tableRow) (fate, int) {
		if r.more.action == "skip" {
			return r.more, r.leaves
		}
		return r.more, 0
	})

	before = m.state()
	again := m.reinject(strings.Fields(allowing)...).exits(0).says("Nothing to restart in namespace " + tableName + ": what is stale was skipped (workloads: 4).")
	again.only("deployment/paused", "deployment/by-hand", "deployment/gw-istio", "job/once")
	m.untouched(before, slices.Collect(maps.Keys(before))...)
	m.namesCronJobs()
}

// table is the namespace in which there is something of everything.
type table struct{ mover }

// createTable makes what is stale, moves the tag, and then makes what is current.
func createTable(t *testing.T) table {
	t.Helper()
	m := newMover(t, tableName)
	if err := setTag(t.Context(), m.lab, tableName, oldRevision); err != nil {
		t.Fatal(err)
	}
	relabel(t, m.lab, tableName, "istio.io/rev="+tableName)
	m.workloadsOfTheTable()
	pods := 0
	for _, r := range reinjectTable {
		pods += r.pods
	}
	m.settles(pods)
	// istiod would replace the pods of its gateway at once.
	m.kubectl("patch", "deployment", "paused", "gw-istio", "-n", tableName, "--type=merge", "-p", `{"spec":{"paused":true}}`)
	if err := setTag(t.Context(), m.lab, tableName, newRevision); err != nil {
		t.Fatal(err)
	}
	m.create(m.deployment("fresh", 1), m.statefulSet("fresh-set", 1, 0), m.replicaSet("fresh-lone", 1),
		m.daemonSet("fresh-agent", appsv1.RollingUpdateDaemonSetStrategyType), newPod(tableName, "fresh-pod", scheduled))
	m.settles(pods + len(fresh))
	return table{m}
}

const tableManifest = `apiVersion: v1
kind: ReplicationController
metadata: {namespace: %[1]s, name: old}
spec:
  replicas: 1
  selector: {app: old}
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: app, image: "registry.example.com/old:1"}]}
---
apiVersion: batch/v1
kind: Job
metadata: {namespace: %[1]s, name: once}
spec:
  template:
    metadata: {annotations: {lab.mesh.kubectl.dev/run: forever}}
    spec: {restartPolicy: Never, containers: [{name: app, image: "registry.example.com/once:1"}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {namespace: %[1]s, name: nightly}
spec:
  suspend: true
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: app, image: "registry.example.com/nightly:1"}]}
---
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {namespace: %[1]s, name: argo}
spec:
  replicas: 2
  strategy: {canary: {}}
  selector: {matchLabels: {app: argo}}
  template:
    metadata: {labels: {app: argo}}
    spec: {containers: [{name: app, image: "registry.example.com/argo:1"}]}
`

// workloadsOfTheTable makes one of every kind.
func (m mover) workloadsOfTheTable() {
	m.t.Helper()
	if err := m.lab.InstallArgoRollouts(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	if err := argo.Play(m.t.Context(), m.lab.RESTConfig(), os.Stderr); err != nil {
		m.t.Fatal(err)
	}
	apply(m.t, m.lab, fmt.Sprintf(tableManifest, tableName))
	gatewayCase{}.create(m.t, m.lab, tableName)
	m.create(
		m.deployment("web", 2), m.deployment("single", 1), changed(m.deployment("all-down", 2), withoutSpare("100%")),
		changed(m.deployment("recreate", 2), recreated), m.deployment("gateway", 1, withAnnotation("inject.istio.io/templates", "gateway"), asGateway),
		m.daemonSet("rolling", appsv1.RollingUpdateDaemonSetStrategyType), m.daemonSet("on-delete", appsv1.OnDeleteDaemonSetStrategyType),
		m.statefulSet("rolling-set", 2, 0), m.statefulSet("on-delete-set", 2, -1), m.statefulSet("partitioned", 2, 1), m.statefulSet("held", 2, 5),
		m.replicaSet("lone", 2), newPod(tableName, "bare", scheduled, withScratch), m.deployment("paused", 1),
	)
	m.injectByHand(m.deployment("by-hand", 1))
	m.playOperator("custom", 2)
}

func withScratch(p *corev1.Pod) {
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
}

// injectByHand makes a Deployment of what istioctl injects into it.
func (m mover) injectByHand(d *appsv1.Deployment) {
	m.t.Helper()
	d.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	manifest, err := json.Marshal(d)
	if err != nil {
		m.t.Fatal(err)
	}
	files := map[string]string{"filename": string(manifest)}
	for flag, from := range map[string][2]string{
		"meshConfigFile": {"istio", "mesh"}, "injectConfigFile": {"istio-sidecar-injector", "config"}, "valuesFile": {"istio-sidecar-injector", "values"},
	} {
		c, err := m.lab.Client().CoreV1().ConfigMaps("istio-system").Get(m.t.Context(), from[0]+"-"+oldRevision, metav1.GetOptions{})
		if err != nil {
			m.t.Fatal(err)
		}
		files[flag] = c.Data[from[1]]
	}
	args, dir := []string{"kube-inject", "--revision", oldRevision}, m.t.TempDir()
	for flag, text := range files {
		writeFile(m.t, filepath.Join(dir, flag), text)
		args = append(args, "--"+flag, filepath.Join(dir, flag))
	}
	injected, err := m.lab.Istioctl(m.t.Context(), args...)
	if err != nil {
		m.t.Fatal(err)
	}
	apply(m.t, m.lab, injected)
}

// playOperator makes pods of a controller that nobody knows, and makes another for each that goes.
func (m mover) playOperator(name string, replicas int) {
	m.t.Helper()
	owned := controlledBy(m.t, m.lab, m.namespace, name)
	pods, o := m.lab.Client().CoreV1().Pods(m.namespace), metav1.ListOptions{LabelSelector: "app=" + name}
	go func() {
		for n := 0; m.t.Context().Err() == nil; time.Sleep(300 * time.Millisecond) {
			list, err := pods.List(m.t.Context(), o)
			if err != nil || len(list.Items) >= replicas {
				continue
			}
			n++
			p := newPod(m.namespace, fmt.Sprintf("%s-%d", name, n), scheduled, withLabel("app", name), owned)
			// Whatever keeps it from being created will do so again the next time.
			_, _ = pods.Create(m.t.Context(), p, metav1.CreateOptions{})
		}
	}()
}

func (m mover) kubectl(args ...string) string {
	m.t.Helper()
	out, err := m.lab.Kubectl(m.t.Context(), args...)
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// wantPlanned compares a plan with what the table says; what the table has nothing to say about must not be in it.
func (m table) wantPlanned(got reinjection, of func(tableRow) fate) {
	m.t.Helper()
	m.compare(got, of, func(i restartItem, want fate) bool {
		return i.Action == want.action && i.Method == want.method && strings.Join(i.Warnings, "; ") == want.warning &&
			(want.action != "skip" || i.Reason == want.reason && i.Command == want.command)
	})
}

// wantDone compares what was done with what the table says.
func (m table) wantDone(got reinjection, of func(tableRow) fate) {
	m.t.Helper()
	m.compare(got, of, func(i restartItem, want fate) bool {
		return i.Outcome == want.outcome && i.Message == want.message+want.reason
	})
}

// rehearses wants the server to say that it would take every change.
func (m table) rehearses(args ...string) {
	m.t.Helper()
	args = append([]string{"mesh-reinject", "-n", tableName, "--dry-run=server", "-o", "json"}, args...)
	restarted(m.t, "restartplan", kubectl(m.t, m.lab, args...)).exits(0).says("Nothing was changed.")
}

func (m table) compare(got reinjection, of func(tableRow) fate, equal func(restartItem, fate) bool) {
	m.t.Helper()
	var rows []string
	for _, r := range reinjectTable {
		want := of(r)
		if want == nothing {
			continue
		}
		rows = append(rows, r.workload)
		if i := got.has(r.workload); !equal(i, want) {
			m.t.Errorf("%s:\n got  %+v\n want %+v", r.workload, i, want)
		}
	}
	got.only(rows...)
}

// wantReplaced wants what was restarted to have new pods that are current, and everything else to be as it was.
func (m table) wantReplaced(before map[string]string, of func(tableRow) (done fate, left int)) {
	m.t.Helper()
	m.untouched(before, fresh...)
	statuses := m.statuses()
	for _, r := range reinjectTable {
		done, left := of(r)
		if got := statuses[r.workload]; got["outdated"] != left || got["current"] != r.pods-left {
			m.t.Errorf("mesh-proxyver says of %s: %v, want %d current, %d outdated", r.workload, got, r.pods-left, left)
		}
		if done.action != "restart" {
			m.untouched(before, r.workload)
		}
	}
}

// namesCronJobs: a CronJob has no pods of its own, and is told about when it is named.
func (m table) namesCronJobs() {
	m.t.Helper()
	i := m.plan("cronjob/nightly").exits(0).only("cronjob/nightly").has("cronjob/nightly")
	if want := "it is never restarted; its next run gets proxy 1.23.0 of revision 1-23"; i.Action != "skip" || i.Reason != want {
		m.t.Errorf("cronjob/nightly: %+v, want %s", i, want)
	}
}

// TestReinjectAlsoReplacesWhatAPartitionHoldsBackIfThatIsAskedFor in one run: the template is changed, and then the pods that
// it does not reach are evicted.
func TestReinjectAlsoReplacesWhatAPartitionHoldsBackIfThatIsAskedFor(t *testing.T) {
	m := newMover(t, "reinject-partition")
	m.create(m.statefulSet("db", 3, 2))
	m.settles(3)
	m.follow(newRevision)
	before := m.uids()["statefulset/db"]
	i := m.reinject("--include-partitioned").exits(0).ends("statefulset/db", "restarted", "").has("statefulset/db")
	if i.Method != "restart" || i.Stale != 3 || i.Replaced != 3 || i.Message != "" {
		t.Errorf("%+v", i)
	}
	m.current("statefulset/db", 3)
	for _, uid := range m.uids()["statefulset/db"] {
		if slices.Contains(before, uid) {
			t.Errorf("pod %s is from before", uid)
		}
	}
}
