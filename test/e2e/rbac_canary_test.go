package e2e

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestCanaryRolesAreTheLeast gives users the roles of docs/rbac, and no more: mesh-canary checks, starts, shows, and rolls back, and moves
// tags. With a permission taken away it says which, and exits with 1.
func TestCanaryRolesAreTheLeast(t *testing.T) {
	lab := sharedLab(t)
	b := applyRoles(t, lab)
	t.Cleanup(func() {
		mustKubectl(t, lab, "delete", "configmaps,leases", "-n", "istio-system", "--ignore-not-found", "kubectl-mesh-canary")
	})
	for _, u := range canaryUsages(lab) {
		u.try(t, b)
	}
	b.wantNoSecrets(t)
}

// upgraders are the roles of mesh-canary itself.
var upgraders = grants{"kubectl-mesh-canary": nil, "kubectl-mesh-canary-istio": {"istio-system"}}

// upgradersToo are those that it takes besides.
var upgradersToo = readers.and(grants{"kubectl-mesh-reinject": {here, there}, "kubectl-mesh-verify": {here, there, "istio-system"}})

// ofTags are the permissions that only the default tag, and a tag that moves, ask for.
var ofTags = []string{
	"update mutatingwebhookconfigurations.admissionregistration.k8s.io", "create validatingwebhookconfigurations.admissionregistration.k8s.io",
	"update validatingwebhookconfigurations.admissionregistration.k8s.io", "delete validatingwebhookconfigurations.admissionregistration.k8s.io",
	"update services",
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
			if missing.verb == "list" && missing.resource != "controllerrevisions" {
				return run(t, user, "check", "--from", oldRevision, "--to", newRevision)
			}
			alone.Lock()
			defer alone.Unlock()
			defer kubectl(t, lab, "mesh-canary", "rollback", "--yes")
			for _, args := range [][]string{upgradeOf(namespace), {"status"}, {"rollback", "--yes"}} {
				if r := run(t, user, args...); r.code != 0 {
					return r
				}
			}
			return result{}
		},
		sample: []string{"list cronjobs.batch", "patch namespaces"},
	}
	return []usage{upgrade, tagsUsage(run, &alone)}
}

func upgradeOf(namespace string) []string {
	return []string{"start", "--from", oldRevision, "--to", newRevision, "--stable-tag", stableTag, "--canary-tag", "roles-canary", namespace, beyond(namespace), "--yes"}
}

// tagsUsage makes, moves and removes the default tag.
func tagsUsage(run func(t *testing.T, user string, args ...string) result, alone *sync.Mutex) usage {
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
			defer run(t, "roles-admin", append(slices.Clone(steps[2]), "--as-group", "system:masters")...)
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
