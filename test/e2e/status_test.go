package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// statusCase is one status and a real cause of it: what is done to the lab before and after the workload `app` is
// created in the case's own namespace.
type statusCase struct {
	status string
	labels labels
	before func(t *testing.T, lab *cluster.Cluster, namespace string)
	after  func(t *testing.T, lab *cluster.Cluster, namespace string)
	// row is the workload's line in the table, single-spaced, without the namespace.
	row    string
	reason string
	code   int
}

const movingTag = "moving"

var statusCases = []statusCase{
	{
		status: "current", labels: labels{"istio.io/rev": stableTag},
		row:    "deployment/app 2 1.22.0 1.22.0 1-22 current",
		reason: "namespace label istio.io/rev=prod-stable -> tag prod-stable -> revision 1-22",
	},
	{
		status: "outdated", labels: labels{"istio.io/rev": movingTag}, before: moveTag(oldRevision), after: moveTag(newRevision),
		row:    "deployment/app 2 1.22.0 1.23.0 1-22 -> 1-23 outdated",
		reason: "namespace label istio.io/rev=moving -> tag moving -> revision 1-23",
	},
	{
		status: "ahead", labels: labels{"istio.io/rev": movingTag}, before: moveTag(newRevision), after: moveTag(oldRevision),
		row:    "deployment/app 2 1.23.0 1.22.0 1-23 -> 1-22 ahead",
		reason: "namespace label istio.io/rev=moving -> tag moving -> revision 1-22",
	},
	{
		status: "mismatched", labels: labels{"istio.io/rev": oldRevision},
		after: func(t *testing.T, lab *cluster.Cluster, _ string) {
			configure(t, lab, oldRevision, setGlobal("variant", "distroless"))
		},
		row:    "deployment/app 2 1.22.0 1.22.0 1-22 mismatched",
		reason: "namespace label istio.io/rev=1-22 -> revision 1-22; variant default, not distroless",
	},
	{
		status: "missing",
		after: func(t *testing.T, lab *cluster.Cluster, namespace string) {
			relabel(t, lab, namespace, "istio.io/rev="+canaryTag)
		},
		row:    "deployment/app 2 - 1.23.0 1-23 missing",
		reason: "namespace label istio.io/rev=prod-canary -> tag prod-canary -> revision 1-23",
	},
	{
		status: "unexpected", labels: labels{"istio.io/rev": oldRevision},
		after: func(t *testing.T, lab *cluster.Cluster, namespace string) {
			relabel(t, lab, namespace, "istio.io/rev=mistyped")
		},
		row:    "deployment/app 2 1.22.0 - 1-22 unexpected",
		reason: "namespace label istio.io/rev=mistyped names no revision or tag",
	},
	{
		status: "orphaned", labels: labels{"istio.io/rev": "1-21"},
		before: func(t *testing.T, lab *cluster.Cluster, _ string) {
			install(t, lab, cluster.Istio{Revision: "1-21", Tag: "1.21.0"})
		},
		after: func(t *testing.T, lab *cluster.Cluster, namespace string) {
			relabel(t, lab, namespace, "istio.io/rev="+newRevision)
			if err := lab.UninstallIstio(t.Context(), "istio-system", "1-21"); err != nil {
				t.Fatal(err)
			}
		},
		row:    "deployment/app 2 1.21.0 1.23.0 1-21 -> 1-23 orphaned",
		reason: "namespace label istio.io/rev=1-23 -> revision 1-23; revision 1-21 has no injector any more",
	},
	{
		status: "unknown", labels: labels{"istio.io/rev": "managed"},
		before: func(t *testing.T, lab *cluster.Cluster, _ string) { addManagedControlPlane(t, lab) },
		row:    "deployment/app 2 - - - unknown", code: 1,
		reason: "namespace label istio.io/rev=managed -> revision managed: webhook configuration managed-injector calls a URL, " +
			"so its control plane's configuration is hidden; if it is in this cluster, name its namespace with --istio-namespace",
	},
	{status: "none", row: "deployment/app 2 - - - none", reason: "no injection label"},
}

// TestEveryStatusHasARealCause produces every status on the lab, and sees it in the table, the report and the exit code.
func TestEveryStatusHasARealCause(t *testing.T) {
	lab := sharedLab(t)
	for _, c := range statusCases {
		t.Run(c.status, func(t *testing.T) {
			namespace := "status-" + c.status
			createNamespace(t, lab, namespace, c.labels)
			if c.before != nil {
				c.before(t, lab, namespace)
			}
			createDeployment(t, lab, newDeployment(namespace, "app", 2))
			if c.after != nil {
				c.after(t, lab, namespace)
			}
			c.inTable(t, lab, namespace)
			c.inReport(t, lab, namespace)
			c.inExitCode(t, lab, namespace)
			c.inItsMesh(t, lab, namespace)
		})
	}
}

func (c statusCase) inTable(t *testing.T, lab *cluster.Cluster, namespace string) {
	r := kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--all")
	want := "NAMESPACE WORKLOAD PODS VERSION WANT REVISION STATUS\n" + namespace + " " + c.row + "\n"
	if got := squeeze(r.stdout); got != want || r.code != c.code {
		t.Errorf("exit %d, want %d\n%s\nwant %s\nstderr: %s", r.code, c.code, got, want, r.stderr)
	}
	wide := kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--all", "-o", "wide")
	if !strings.Contains(wide.stdout, "REASON") || !strings.Contains(wide.stdout, c.reason) {
		t.Errorf("wide lacks the reason %q:\n%s", c.reason, wide.stdout)
	}
}

func (c statusCase) inReport(t *testing.T, lab *cluster.Cluster, namespace string) {
	r := kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--all", "-o", "json")
	var rep report
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatal(err)
	}
	if rep.APIVersion != "mesh.kubectl.dev/v1alpha1" || rep.Kind != "ProxyReport" || r.code != c.code {
		t.Errorf("%s %s, exit %d", rep.APIVersion, rep.Kind, r.code)
	}
	if rep.Summary.Pods != 2 || rep.Summary.ByStatus[c.status] != 2 {
		t.Errorf("summary %+v", rep.Summary)
	}
	for _, i := range rep.Items {
		if i.Status != c.status || i.Reason != c.reason || i.Workload.Kind != "Deployment" || i.Workload.Name != "app" {
			t.Errorf("got %+v", i)
		}
	}
}

func (c statusCase) inExitCode(t *testing.T, lab *cluster.Cluster, namespace string) {
	want := 2
	switch c.status {
	case "current", "none":
		want = 0
	case "unknown":
		want = 1
	}
	if r := kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--exit-code"); r.code != want {
		t.Errorf("--exit-code gives %d, want %d; stderr: %s", r.code, want, r.stderr)
	}
	// A status that is not there is not alarming.
	other := "--exit-code=missing"
	if c.status == "missing" {
		other = "--exit-code=outdated,ahead"
	}
	if r := kubectl(t, lab, "mesh-proxyver", "-n", namespace, other); r.code != c.code {
		t.Errorf("%s gives %d, want %d", other, r.code, c.code)
	}
}

// inItsMesh: naming the mesh must not hide what has lost its control plane, or is waiting for one.
func (c statusCase) inItsMesh(t *testing.T, lab *cluster.Cluster, namespace string) {
	want := 2
	if c.status == "none" {
		want = 0
	}
	if items := proxyver(t, lab, "-n", namespace, "-i", "istio-system"); len(items) != want {
		t.Errorf("%d pods with -i, want %d", len(items), want)
	}
}

func moveTag(revision string) func(*testing.T, *cluster.Cluster, string) {
	return func(t *testing.T, lab *cluster.Cluster, _ string) {
		t.Helper()
		if err := setTag(t.Context(), lab, movingTag, revision); err != nil {
			t.Fatal(err)
		}
	}
}

// addManagedControlPlane makes what a managed control plane leaves in a cluster: an injector that calls a URL. It is
// nowhere, and may be: failurePolicy Ignore.
func addManagedControlPlane(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	apply(t, lab, `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: managed-injector
  labels: {istio.io/rev: managed}
webhooks:
- name: rev.namespace.sidecar-injector.istio.io
  clientConfig: {url: "https://127.0.0.1:1/inject"}
  sideEffects: None
  failurePolicy: Ignore
  timeoutSeconds: 1
  admissionReviewVersions: [v1]
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
  namespaceSelector: {matchLabels: {istio.io/rev: managed}}
`)
	t.Cleanup(func() { deleteManagedControlPlane(t, lab) })
}

// squeeze makes a table independent of its column widths.
func squeeze(table string) string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSuffix(table, "\n"), "\n") {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return fmt.Sprintln(strings.Join(lines, "\n"))
}
