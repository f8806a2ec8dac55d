package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestCanaryRolesAreTheLeast gives users the roles of docs/rbac, and no more: mesh-canary checks, starts, shows, and rolls back, and moves
// tags. With a permission taken away it says which, and exits with 1.
func TestCanaryRolesAreTheLeast(t *testing.T) {
	lab := sharedLab(t)
	b := applyRoles(t, lab)
	t.Cleanup(func() {
		forget(t, lab)
		removeTag(t, lab, "roles-canary")
	})
	defer keepsDefault(t, lab)()
	for _, u := range canaryUsages(lab) {
		u.try(t, b)
	}
	b.wantNothingElse(t)
}

// forget deletes the record of an upgrade, and its Lease.
func forget(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	mustKubectl(t, lab, "delete", "configmaps,leases", "-n", "istio-system", "--ignore-not-found", "kubectl-mesh-canary")
}

// goesBack rolls back what a user has left half done, and has the next one begin anew.
func goesBack(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	defer forget(t, lab)
	record, err := lab.Kubectl(context.Background(), "get", "configmap", "-n", "istio-system", "kubectl-mesh-canary", "--ignore-not-found", "-o", "name")
	if err != nil {
		t.Error(err)
	}
	if record == "" {
		return
	}
	if r := kubectl(t, lab, "mesh-canary", "rollback", "--yes"); r.code != 0 {
		t.Errorf("rolling back: exit %d: %s", r.code, r.stderr)
	}
}

// keepsDefault returns what has the default tag stand for the revision again that it stands for now, or for none.
func keepsDefault(t *testing.T, lab *cluster.Cluster) func() {
	t.Helper()
	was, err := lab.Kubectl(t.Context(), "get", "mutatingwebhookconfigurations", "-l", "istio.io/tag=default", "-o", `jsonpath={.items[*].metadata.labels.istio\.io/rev}`)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if was == "" {
			removeTag(t, lab, "default")
			return
		}
		if r := kubectl(t, lab, "mesh-canary", "tag", "set", "default", "--revision", was, "--yes"); r.code != 0 {
			t.Errorf("setting the tag default to %s again: exit %d: %s", was, r.code, r.stderr)
		}
	}
}

// removeTag removes what there is of a tag.
func removeTag(t *testing.T, lab *cluster.Cluster, tag string) {
	t.Helper()
	const kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations,services"
	mustKubectl(t, lab, "delete", kinds, "-n", "istio-system", "--ignore-not-found", "-l", "istio.io/tag="+tag)
}

// upgraders are the roles of mesh-canary itself.
var upgraders = grants{"kubectl-mesh-canary": nil, "kubectl-mesh-canary-istio": {"istio-system"}}

// upgradersToo are those that it takes besides.
var upgradersToo = readers.and(grants{"kubectl-mesh-reinject": {here, there}, "kubectl-mesh-verify": {here, there, "istio-system"}})

// ofTags are the permissions that only the default tag, and a tag that moves, ask for.
var ofTags = []string{
	"update mutatingwebhookconfigurations.admissionregistration.k8s.io", "create validatingwebhookconfigurations.admissionregistration.k8s.io",
	"update validatingwebhookconfigurations.admissionregistration.k8s.io", "delete validatingwebhookconfigurations.admissionregistration.k8s.io",
}

// canaryUsages are the ways to use mesh-canary.
func canaryUsages(lab *cluster.Cluster) []usage {
	// There is one record, and one default tag: who changes anything does so alone.
	var alone sync.Mutex
	run := func(t *testing.T, user string, args ...string) result {
		return kubectl(t, lab, append([]string{"mesh-canary", "--as", user}, args...)...)
	}
	upgrade := usage{
		name: "canary", code: 1, base: upgradersToo, roles: upgraders, idle: ofTags,
		place: func(t *testing.T, name string) string {
			for _, namespace := range []string{name, beyond(name)} {
				createNamespace(t, lab, namespace, labels{"istio.io/rev": stableTag})
				m := &staleMesh{lab, namespace}
				for _, make := range []making{aDeployment("web", 1), aDaemonSet("agent")} {
					o, _ := make(namespace)
					m.create(t, o)
				}
				m.awaitReady(t, 1+labNodes)
			}
			return name
		},
		works: func(t *testing.T, user, namespace string) {
			defer goesBack(t, lab)
			check := []string{"check", "--from", oldRevision, "--to", newRevision}
			if r := run(t, user, check...); r.code != 0 || strings.Contains(r.stdout, "forbidden") {
				t.Fatalf("exit %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
			}
			for _, args := range [][]string{upgradeOf(namespace), {"status"}, {"rollback", "--yes"}} {
				if r := run(t, user, args...); r.code != 0 || strings.Contains(r.stderr, "forbidden") {
					t.Fatalf("%v: exit %d\nstdout: %s\nstderr: %s", args, r.code, r.stdout, r.stderr)
				}
			}
			for _, namespace := range []string{namespace, beyond(namespace)} {
				(&staleMesh{lab, namespace}).awaitRuns(t, map[string]string{"web": "1-22", "agent": "1-22 1-22 1-22"})
			}
		},
		lacks: func(t *testing.T, user, namespace string, missing permission) result {
			if missing.resource == "replicationcontrollers" {
				// Those that own pods are looked at.
				m := &staleMesh{lab, namespace}
				o, _ := aReplicationController("ancient", 1)(namespace)
				m.create(t, o)
				m.awaitReady(t, 2+labNodes)
			}
			if missing.verb == "list" && missing.resource != "controllerrevisions" {
				return run(t, user, "check", "--from", oldRevision, "--to", newRevision)
			}
			alone.Lock()
			defer alone.Unlock()
			defer goesBack(t, lab)
			for _, args := range [][]string{upgradeOf(namespace), {"status"}, {"rollback", "--yes"}} {
				if r := run(t, user, args...); r.code != 0 {
					return r
				}
			}
			return result{}
		},
		sample: []string{"list cronjobs.batch", "patch namespaces"},
	}
	return []usage{upgrade, tagsUsage(lab, run, &alone), retireUsage(lab, run, &alone), minReplicasUsage(lab, run, &alone)}
}

func upgradeOf(namespace string) []string {
	return []string{"start", "--from", oldRevision, "--to", newRevision, "--stable-tag", stableTag, "--canary-tag", "roles-canary", namespace, beyond(namespace), "--yes"}
}

// tagsUsage makes, moves and removes the default tag.
func tagsUsage(lab *cluster.Cluster, run func(t *testing.T, user string, args ...string) result, alone *sync.Mutex) usage {
	steps := [][]string{
		{"tag", "set", "default", "--revision", oldRevision, "--yes"}, {"tag", "set", "default", "--revision", newRevision, "--yes"},
		{"tag", "remove", "default", "--yes"},
	}
	return usage{
		name: "canary-tags", code: 1, base: readers.and(grants{"kubectl-mesh-verify": {"istio-system"}}), roles: upgraders,
		place: func(*testing.T, string) string { return "" },
		works: func(t *testing.T, user, _ string) {
			for _, args := range steps {
				if r := run(t, user, args...); r.code != 0 || strings.Contains(r.stderr, "forbidden") {
					t.Fatalf("%v: exit %d\nstdout: %s\nstderr: %s", args, r.code, r.stdout, r.stderr)
				}
			}
		},
		lacks: func(t *testing.T, user, _ string, missing permission) result {
			alone.Lock()
			defer alone.Unlock()
			defer removeTag(t, lab, "default")
			for _, args := range steps {
				if r := run(t, user, args...); r.code != 0 {
					return r
				}
			}
			return result{}
		},
		only: ofTags, sample: ofTags[:1],
	}
}

// remains is what a tool may leave of a revision that it has uninstalled: an injector, a validator and ConfigMaps. Its name is given.
const remains = `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: "istio-sidecar-injector-%[1]s", labels: {istio.io/rev: "%[1]s"}}
webhooks:
- name: rev.namespace.sidecar-injector.istio.io
  clientConfig: {service: {namespace: istio-system, name: "istiod-%[1]s", path: /inject}}
  namespaceSelector: {matchLabels: {istio.io/rev: "%[1]s"}}
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: "istio-validator-%[1]s-istio-system", labels: {istio.io/rev: "%[1]s"}}
webhooks:
- name: rev.validation.istio.io
  clientConfig: {service: {namespace: istio-system, name: "istiod-%[1]s", path: /validate}}
  objectSelector: {matchLabels: {istio.io/rev: "%[1]s"}}
  failurePolicy: Ignore
  sideEffects: None
  admissionReviewVersions: [v1]
---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: istio-system, name: "istio-%[1]s", labels: {istio.io/rev: "%[1]s"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: istio-system, name: "istio-sidecar-injector-%[1]s", labels: {istio.io/rev: "%[1]s"}}
`

// retireUsage says that nothing needs a revision, and deletes what is left of it. The tool that uninstalls is none of the plugin's.
func retireUsage(lab *cluster.Cluster, run func(t *testing.T, user string, args ...string) result, alone *sync.Mutex) usage {
	uninstall := func(t *testing.T, user, revision string) result {
		alone.Lock()
		defer alone.Unlock()
		env := []string{"KUBECONFIG=" + kubeconfigOf(t, lab, user), "PATH=" + pluginDir + ":/usr/bin:/bin"}
		return kubectlWith(t, lab.Tool("kubectl"), env, "mesh-canary", "retire", revision, "--run", "--uninstall", "true", "--yes")
	}
	return usage{
		name: "canary-retire", code: 1, base: readers.and(upgraders),
		roles: grants{"kubectl-mesh-canary-retire": nil, "kubectl-mesh-canary-retire-istio": {"istio-system"}},
		place: func(t *testing.T, name string) string {
			t.Cleanup(func() {
				const kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations,configmaps"
				mustKubectl(t, lab, "delete", kinds, "-n", "istio-system", "--ignore-not-found", "-l", "istio.io/rev="+name)
			})
			apply(t, lab, fmt.Sprintf(remains, name))
			return name
		},
		works: func(t *testing.T, user, revision string) {
			r := run(t, user, "retire", revision)
			if r.code != 0 || strings.Contains(r.stderr, "warning") || !strings.Contains(r.stderr, "Nothing needs revision "+revision) {
				t.Fatalf("exit %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
			}
			r = uninstall(t, user, revision)
			if r.code != 0 || strings.Count(r.stderr, "\ndeleted ") != 4 || !strings.Contains(r.stderr, "is uninstalled, and nothing is left of it.") {
				t.Fatalf("exit %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
			}
		},
		lacks: func(t *testing.T, user, revision string, missing permission) result {
			if missing.verb == "list" {
				return run(t, user, "retire", revision)
			}
			return uninstall(t, user, revision)
		},
		idle:   []string{"create pods/portforward"},
		sample: []string{"list validatingwebhookconfigurations.admissionregistration.k8s.io"},
	}
}

// kubeconfigOf writes a kubeconfig by which one is a user: the flags for that are refused where a tool is to run as the same.
func kubeconfigOf(t *testing.T, lab *cluster.Cluster, user string) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(lab.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range config.AuthInfos {
		a.Impersonate = user
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// minReplicasUsage raises the replicas of a gateway, which is in a namespace beside the one that is moved, and the minimums of the
// istiods' HPAs, and puts them back. It raises those of every gateway that there is, so that each is made only when its turn comes.
func minReplicasUsage(lab *cluster.Cluster, run func(t *testing.T, user string, args ...string) result, alone *sync.Mutex) usage {
	raise := func(t *testing.T, user, namespace string) result {
		alone.Lock()
		defer alone.Unlock()
		createDeployment(t, lab, newDeployment(beyond(namespace), "ingress", 1, withAnnotation("inject.istio.io/templates", "gateway")))
		defer mustKubectl(t, lab, "delete", "deployment", "-n", beyond(namespace), "ingress", "--cascade=foreground")
		defer goesBack(t, lab)
		start := []string{"start", "--from", oldRevision, "--to", newRevision, "--stable-tag", stableTag, "--canary-tag", "roles-canary", "--min-replicas", "2", namespace, "--yes"}
		for _, args := range [][]string{start, {"rollback", "--yes"}} {
			if r := run(t, user, args...); r.code != 0 {
				return r
			}
		}
		return result{}
	}
	return usage{
		name: "canary-min-replicas", rare: true, code: 1, base: upgradersToo.and(upgraders),
		roles: grants{"kubectl-mesh-canary-min-replicas": {"istio-system", there}},
		place: func(t *testing.T, name string) string {
			for _, namespace := range []string{name, beyond(name)} {
				createNamespace(t, lab, namespace, labels{"istio.io/rev": stableTag})
				awaitServiceAccount(t, lab, namespace)
			}
			createDeployment(t, lab, newDeployment(name, "web", 1))
			return name
		},
		works: func(t *testing.T, user, namespace string) {
			if r := raise(t, user, namespace); r.code != 0 {
				t.Fatalf("exit %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
			}
		},
		lacks: func(t *testing.T, user, namespace string, _ permission) result { return raise(t, user, namespace) },
	}
}
