package e2e

import (
	"strings"
	"testing"

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
	b.wantNoSecrets(t)
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
	if !*everyRule {
		return []usage{all}
	}
	return []usage{all, asks}
}

// edited has somebody edit a workload of a kind between the decision to patch it and the patch, so that it is read again.
func (m *staleMesh) edited(t *testing.T, resource string, args ...string) result {
	t.Helper()
	patch, fault := holding(intercept.Does("patch", resource))
	run := m.through(t, openGate(t, m.lab, fault), append(args, "--on-failure=continue")...)
	patch.awaits(run, 1)
	name := map[string]string{"deployments": "web", "statefulsets": "queue", "daemonsets": "agent"}[resource]
	m.change(t, "patch", resource, name, "--type=merge", "-p", `{"spec":{"template":{"metadata":{"annotations":{"owner":"edited"}}}}}`)
	patch.release()
	return run.ends().result
}
