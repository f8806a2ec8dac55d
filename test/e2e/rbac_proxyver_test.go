package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// rolesNamespace has a workload of every kind that can be named.
const rolesNamespace = "roles"

const rolesWorkloads = `apiVersion: apps/v1
kind: StatefulSet
metadata: {namespace: roles, name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: app, image: registry.example.com/app:1}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {namespace: roles, name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: app, image: registry.example.com/app:1}]}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {namespace: roles, name: hand-made}
spec:
  selector: {matchLabels: {app: hand-made}}
  template: {metadata: {labels: {app: hand-made}}, spec: {containers: [{name: app, image: registry.example.com/app:1}]}}
---
apiVersion: v1
kind: ReplicationController
metadata: {namespace: roles, name: ancient}
spec:
  selector: {app: ancient}
  template: {metadata: {labels: {app: ancient}}, spec: {containers: [{name: app, image: registry.example.com/app:1}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {namespace: roles, name: import}
spec:
  template:
    metadata: {labels: {app: import}, annotations: {lab.mesh.kubectl.dev/run: forever}}
    spec: {restartPolicy: Never, containers: [{name: app, image: registry.example.com/app:1}]}
`

// named are workloads of that namespace, by what has to be read to name them.
var named = map[string]string{
	"deployments": "deployment/web", "statefulsets": "statefulset/db", "daemonsets": "daemonset/agent", "replicasets": "replicaset/hand-made",
	"replicationcontrollers": "replicationcontroller/ancient", "jobs": "job/import", "pods": "pod/bare",
}

// TestRolesAreTheLeast gives users the roles of docs/rbac, and no more: mesh-proxyver works. With a permission taken away it says
// which, and exits with 1.
func TestRolesAreTheLeast(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, rolesNamespace, labels{"istio.io/rev": oldRevision})
	awaitServiceAccount(t, lab, rolesNamespace)
	apply(t, lab, rolesWorkloads)
	createPods(t, lab, newPod(rolesNamespace, "bare"))
	createDeployment(t, lab, newDeployment(rolesNamespace, "web", 1))
	eventuallyPods(t, lab, rolesNamespace, 6+labNodes)
	b := applyRoles(t, lab)
	for _, u := range proxyverUsages(lab) {
		u.try(t, b)
	}
	b.wantNothingElse(t)
}

// proxyverUsages are the ways to use mesh-proxyver that take roles of their own.
func proxyverUsages(lab *cluster.Cluster) []usage {
	run := func(t *testing.T, user string, args ...string) result {
		return kubectl(t, lab, append([]string{"mesh-proxyver", "--as", user}, args...)...)
	}
	// by is a usage that is one command.
	by := func(name string, base, roles grants, args ...string) usage {
		return usage{
			name: name, base: base, roles: roles, code: 1,
			place: func(*testing.T, string) string { return rolesNamespace },
			works: func(t *testing.T, user, _ string) { wantWorks(t, run(t, user, args...), "deployment/web") },
			lacks: func(t *testing.T, user, _ string, _ permission) result { return run(t, user, args...) },
		}
	}
	everywhere, one := by("proxyver-everywhere", nil, readers, "-A"), by("proxyver-one-namespace", nil, readersHere, "-n", rolesNamespace)
	everywhere.idle, one.idle = []string{"get namespaces"}, []string{"list namespaces"}
	everywhere.sample, one.sample = []string{"list mutatingwebhookconfigurations.admissionregistration.k8s.io"}, []string{"get namespaces"}
	wide := by("proxyver-wide", readersHere, grants{"kubectl-mesh-proxyver-wide": {here}}, "-n", rolesNamespace, "-o", "wide")
	wide.lacks = func(t *testing.T, user, _ string, missing permission) result {
		if missing.verb == "get" {
			return run(t, user, "-n", rolesNamespace, named[missing.resource])
		}
		return run(t, user, "-n", rolesNamespace, "-o", "wide")
	}
	naming := by("proxyver-named", readersHere, grants{"kubectl-mesh-proxyver-wide": {here}}, append([]string{"-n", rolesNamespace}, slices.Collect(maps.Values(named))...)...)
	naming.only, wide.sample = []string{}, []string{"list statefulsets.apps", "get pods"}
	watch := by("proxyver-watch", readers, grants{"kubectl-mesh-webhooks-watch": nil, "kubectl-mesh-istio-watch": {"istio-system"}, "kubectl-mesh-proxyver-watch": nil})
	watch.sample = []string{"watch pods"}
	watch.code, watch.unless = 130, map[string]without{"watch pods": {1, `cannot watch resource "pods"`}}
	watch.works = func(t *testing.T, user, _ string) { watchAs(t, lab, user, "") }
	watch.lacks = func(t *testing.T, user, _ string, missing permission) result {
		return watchAs(t, lab, user, missing.forbidden(user))
	}
	verify := by("proxyver-verify", readersHere, grants{"kubectl-mesh-verify": {here}}, "-n", rolesNamespace, "--verify")
	// A pod of the workload does instead of a template that may not be read: that is said, and the answer is whole.
	verify.unless = map[string]without{}
	for kind, permission := range map[string]string{
		"deployments": "list deployments.apps", "statefulsets": "list statefulsets.apps", "daemonsets": "list daemonsets.apps",
		"replicationcontrollers": "list replicationcontrollers",
	} {
		verify.unless[permission] = without{0, fmt.Sprintf("cannot list resource %q", kind)}
	}
	verify.sample = []string{"create pods"}
	return []usage{everywhere, one, wide, naming, watch, verify, ambientUsage(lab, by)}
}

// ambientUsage looks at the agents of ambient mode: what counts is the template of their DaemonSet.
func ambientUsage(lab *cluster.Cluster, by func(name string, base, roles grants, args ...string) usage) usage {
	u := by("proxyver-ambient", readersHere, grants{"kubectl-mesh-proxyver-ambient": {here}})
	u.rare = true
	u.place = func(t *testing.T, name string) string {
		createNamespace(t, lab, name, nil)
		awaitServiceAccount(t, lab, name)
		apply(t, lab, fmt.Sprintf(daemonSetManifest, name, "ztunnel", "app", "istio-proxy", newVersion))
		eventuallyPods(t, lab, name, labNodes)
		return name
	}
	u.lacks = func(t *testing.T, user, namespace string, _ permission) result {
		return kubectl(t, lab, "mesh-proxyver", "--as", user, "-n", namespace)
	}
	u.works = func(t *testing.T, user, namespace string) {
		wantWorks(t, u.lacks(t, user, namespace, permission{}), "daemonset/ztunnel")
	}
	return u
}

// wantWorks wants a command to do all that it should, and warn of nothing.
func wantWorks(t *testing.T, r result, shows string) {
	t.Helper()
	if r.code != 0 || strings.Contains(r.stderr, "warning") || !strings.Contains(r.stdout, shows) {
		t.Fatalf("exit %d, want %s\nstdout: %s\nstderr: %s", r.code, shows, r.stdout, r.stderr)
	}
}

// watchAs watches until stderr has a text, and there is a row if it has not ended by itself.
func watchAs(t *testing.T, lab *cluster.Cluster, user, says string) result {
	t.Helper()
	w := startWatch(t, lab, "-A", "--as", user)
	w.awaitStderr(says)
	if strings.Contains(w.stderr.String(), "error: ") {
		w.wait(1)
	} else {
		w.awaitLine("^roles +deployment/web ")
		w.interrupt()
	}
	return result{w.stdout.String(), w.stderr.String(), w.cmd.ProcessState.ExitCode()}
}
