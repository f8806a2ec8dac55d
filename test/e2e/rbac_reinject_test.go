package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/argo"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// TestReinjectRolesAreTheLeast gives users the roles of docs/rbac in the namespace that they restart, and no more: mesh-reinject plans,
// rehearses and restarts. With a permission taken away it says which, and exits with 1, or does what the docs say it does then.
func TestReinjectRolesAreTheLeast(t *testing.T) {
	lab := sharedLab(t)
	b := applyRoles(t, lab)
	for _, u := range reinjectUsages(lab) {
		u.try(t, b)
	}
	b.wantNothingElse(t)
}

// reinjectUsages are the ways to use mesh-reinject that take roles of their own.
func reinjectUsages(lab *cluster.Cluster) []usage {
	workloads := []making{
		aDeployment("web", 1), aStatefulSet("queue", 1), aDaemonSet("agent"), anOnDelete("db", 1), aReplicationController("ancient", 1),
	}
	of := func(workloads ...making) func(*testing.T, string) string {
		return func(t *testing.T, name string) string { return newStale(t, lab, name, workloads...).namespace }
	}
	// less is that everything is restarted all the same.
	less := without{says: ": 5 restarted."}
	all := usage{
		name: "reinject", code: 1, base: readersHere.and(grants{"kubectl-mesh-verify": {here}}), roles: grants{"kubectl-mesh-reinject": {here}},
		place: of(workloads...),
		works: func(t *testing.T, user, namespace string) {
			m := &staleMesh{lab, namespace}
			for _, dryRun := range []string{"--dry-run=client", "--dry-run=server"} {
				wantWorks(t, kubectl(t, lab, "mesh-reinject", "-n", namespace, "--as", user, dryRun), "deployment/web")
			}
			m.reinject(t, "--as", user).want(0, map[string]string{
				"web": "restarted", "queue": "restarted", "agent": "restarted", "db": "restarted", "ancient": "restarted",
			})
		},
		lacks: func(t *testing.T, user, namespace string, missing permission) result {
			m := &staleMesh{lab, namespace}
			if missing.verb == "get" {
				return m.edited(t, missing.resource, "--as", user)
			}
			return m.reinject(t, "--as", user, "--on-failure=continue").result
		},
		unless: map[string]without{
			"list events": less, "watch events": less, "list poddisruptionbudgets.policy": less, "watch poddisruptionbudgets.policy": less,
		},
		sample: []string{"patch daemonsets.apps", "list controllerrevisions.apps", "watch replicasets.apps"},
	}
	asks := usage{
		name: "reinject-verify", code: 1, base: readersHere.and(grants{"kubectl-mesh-reinject": {here}}), roles: grants{"kubectl-mesh-verify": {here}},
		place: of(aDeployment("web", 1)), lacks: all.lacks,
		unless: map[string]without{"create pods": {says: `cannot create resource "pods" in API group ""`}},
	}
	asks.works = func(t *testing.T, user, namespace string) {
		r := (&staleMesh{lab, namespace}).reinject(t, "--as", user)
		r.want(0, map[string]string{"web": "restarted"})
		if strings.Contains(r.stderr, "warning") {
			t.Errorf("it warns: %s", r.stderr)
		}
	}
	asks.idle = []string{"list deployments.apps", "list statefulsets.apps", "list daemonsets.apps", "list replicationcontrollers"}
	asks.rare = true
	// Once Rollouts are known, users without their role are asked about them too: that usage comes last.
	return []usage{all, asks, surgeUsage(lab), barePodsUsage(lab), argoUsage(lab)}
}

// restarters are the roles of who restarts what is in a namespace.
var restarters = readersHere.and(grants{"kubectl-mesh-reinject": {here}, "kubectl-mesh-verify": {here}})

// rareUsage is one of a flag or a kind that has a role of its own, with a namespace whose workloads are made while it follows the old
// revision, and are so many pods.
func rareUsage(lab *cluster.Cluster, name string, base, roles grants, make func(t *testing.T, m mover), pods int, restarted, other string, args ...string) usage {
	u := usage{name: name, rare: true, code: 1, base: base, roles: roles}
	u.place = func(t *testing.T, name string) string {
		m := mover{t, lab, name}
		createNamespace(t, lab, name, nil)
		awaitServiceAccount(t, lab, name)
		m.follow(oldRevision)
		make(t, m)
		eventuallyPods(t, lab, name, pods)
		m.follow(newRevision)
		return name
	}
	args = append(args, "--on-failure=continue")
	u.lacks = func(t *testing.T, user, namespace string, missing permission) result {
		m := &staleMesh{lab, namespace}
		if missing.verb == "get" && missing.resource == "rollouts" {
			return m.edited(t, missing.resource, "--as", user)
		}
		return m.reinject(t, append(args, "--as", user)...).result
	}
	u.works = func(t *testing.T, user, namespace string) {
		want := map[string]string{restarted: "restarted"}
		if other != "" {
			want[other] = "skipped"
		}
		r := (&staleMesh{lab, namespace}).reinject(t, append(args, "--as", user)...)
		r.want(0, want)
		if strings.Contains(r.stderr, "forbidden") {
			t.Errorf("it is refused something: %s", r.stderr)
		}
	}
	return u
}

// surgeUsage restarts one Deployment of which an HPA makes a second pod, and one whose volume keeps it from having two.
func surgeUsage(lab *cluster.Cluster) usage {
	make := func(t *testing.T, m mover) {
		m.create(m.singleton("web"))
		m.settles(1)
		m.autoscaler("web", 1, 5)
		apply(t, lab, fmt.Sprintf(claimManifest, m.namespace, "kept", "ReadWriteOnce"))
		m.create(m.singleton("kept", withClaim("kept")))
	}
	return rareUsage(lab, "reinject-surge", restarters, grants{"kubectl-mesh-reinject-surge": {here}}, make, 2, "web", "kept", surging)
}

// barePodsUsage has a role that creates pods, so that it needs none for dry runs.
func barePodsUsage(lab *cluster.Cluster) usage {
	make := func(_ *testing.T, m mover) {
		m.create(newPod(m.namespace, "bare", scheduled, withLabel("app", "bare")))
		m.settles(1)
	}
	base := readersHere.and(grants{"kubectl-mesh-reinject": {here}})
	return rareUsage(lab, "reinject-bare-pods", base, grants{"kubectl-mesh-reinject-bare-pods": {here}}, make, 1, "bare", "", "--bare-pods=recreate")
}

// argoUsage restarts an Argo Rollout.
func argoUsage(lab *cluster.Cluster) usage {
	var played sync.Once
	make := func(t *testing.T, m mover) {
		played.Do(func() {
			if err := lab.InstallArgoRollouts(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := argo.Play(t.Context(), lab.RESTConfig(), os.Stderr); err != nil {
				t.Fatal(err)
			}
		})
		apply(t, lab, fmt.Sprintf(rolloutManifest, m.namespace))
		m.settles(1)
	}
	return rareUsage(lab, "reinject-argo", restarters, grants{"kubectl-mesh-reinject-argo": {here}}, make, 1, "argo", "")
}

const rolloutManifest = `apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {namespace: %s, name: argo}
spec:
  replicas: 1
  strategy: {canary: {}}
  selector: {matchLabels: {app: argo}}
  template:
    metadata: {labels: {app: argo}}
    spec: {containers: [{name: app, image: "registry.example.com/argo:1"}]}
`

// edited has somebody edit a workload of a kind between the decision to patch it and the patch, so that it is read again.
func (m *staleMesh) edited(t *testing.T, resource string, args ...string) result {
	t.Helper()
	patch, fault := holding(intercept.Does("patch", resource))
	run := m.through(t, openGate(t, m.lab, fault), append(args, "--on-failure=continue")...)
	patch.awaits(run, 1)
	name := map[string]string{"deployments": "web", "statefulsets": "queue", "daemonsets": "agent", "rollouts": "argo"}[resource]
	m.change(t, "patch", resource, name, "--type=merge", "-p", `{"spec":{"template":{"metadata":{"annotations":{"owner":"edited"}}}}}`)
	patch.release()
	return run.ends().result
}
