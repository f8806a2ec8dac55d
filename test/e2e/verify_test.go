package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/audit"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// summary is the line that --verify ends with.
func summary(workloads, agree, disagree, unverified int) string {
	return fmt.Sprintf("Workloads that the injector was asked about: %d (agree: %d, disagree: %d, could not be verified: %d).\n", workloads, agree, disagree, unverified)
}

// TestTheInjectorAgreesWithEveryPrediction asks it about a pod of every kind, and counts in the audit log what that took.
func TestTheInjectorAgreesWithEveryPrediction(t *testing.T) {
	lab := sharedLab(t)
	z := createZoo(t, lab, "verified")
	const user = "verifies"
	var r result
	var before int64
	eventually(t, time.Minute, func() error {
		// istiod takes up what was changed a moment later.
		_, offset, err := audit.Read(lab.AuditLog(), 0)
		before = offset
		if r = kubectl(t, lab, "mesh-proxyver", "-A", "--all", "--verify", "-o", "json", "--as", user, "--as-group", "system:masters"); r.code != 0 {
			return fmt.Errorf("exit %d: %s", r.code, r.stderr)
		}
		return err
	})
	items := itemsOf(t, r)
	z.isCompleteBut(items, "unknown")
	workloads := map[string]bool{}
	for id, i := range items {
		workloads[i.Namespace+"/"+i.Workload.Kind+"/"+i.Workload.Name] = true
		if v := i.Verified; v == nil || !v.Agrees || v.Refused != "" || v.Injected != i.Expected.Injected || v.Image != i.Expected.Image {
			t.Errorf("%s: expected %+v, verified %+v", id, i.Expected, v)
		}
	}
	if want := summary(len(workloads), len(workloads), 0, 0); r.stderr != want {
		t.Errorf("stderr %q, want %q", r.stderr, want)
	}
	createsNothing(t, lab, user, before, len(workloads))
	t.Run("in the table", func(t *testing.T) { z.verifiedInTable(items) })
}

// createsNothing finds in the audit log so many dry runs, and nothing else but reads.
func createsNothing(t *testing.T, lab *cluster.Cluster, user string, since int64, workloads int) {
	t.Helper()
	events, _, err := audit.Read(lab.AuditLog(), since)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, e := range events {
		switch {
		case e.ImpersonatedUser == nil || e.ImpersonatedUser.Username != user:
		case e.Verb == "create" && strings.Contains(e.RequestURI, "/pods?dryRun=All&"):
			asked++
		case e.Verb != "list" && e.Verb != "get":
			t.Errorf("sent %s %s", e.Verb, e.RequestURI)
		}
	}
	if asked != workloads {
		t.Errorf("%d dry runs for %d workloads", asked, workloads)
	}
}

func (z zoo) verifiedInTable(items map[string]item) {
	z.t.Helper()
	r := kubectl(z.t, z.lab, "mesh-proxyver", "-n", z.in("outdated"), "--verify")
	want := "NAMESPACE WORKLOAD PODS VERSION WANT REVISION STATUS VERIFIED\n" +
		z.in("outdated") + " deployment/app 2 1.22.0 1.23.0 1-22 -> 1-23 outdated yes\n"
	if squeeze(r.stdout) != want || r.code != 0 || r.stderr != summary(1, 1, 0, 0) {
		z.t.Errorf("exit %d, stdout %s\nstderr %s", r.code, r.stdout, r.stderr)
	}
	if r := kubectl(z.t, z.lab, "mesh-proxyver", "-n", z.in("outdated"), "--verify", "--exit-code"); r.code != 2 {
		z.t.Errorf("--exit-code gives %d, stderr %s", r.code, r.stderr)
	}
	// What has ended is not asked about unless it is shown.
	running := map[string]bool{}
	for _, i := range items {
		if i.Namespace == z.in("current") && i.Phase != "Succeeded" {
			running[i.Workload.Kind+"/"+i.Workload.Name] = true
		}
	}
	if r := kubectl(z.t, z.lab, "mesh-proxyver", "-n", z.in("current"), "--verify"); r.stderr != summary(len(running), len(running), 0, 0) {
		z.t.Errorf("stderr %q, want %q", r.stderr, summary(len(running), len(running), 0, 0))
	}
}

// The template's container is named by an action, which only rendering tells.
const mirrorTemplate = `spec:
  initContainers:
  - name: {{ "istio-proxy" }}
    image: mirror.example.com/proxyv2:7
`

// disagreeCase is a way to make the injector do what nothing foretells.
type disagreeCase struct {
	name   string
	labels labels
	plant  func(t *testing.T, lab *cluster.Cluster, namespace string)
	// row is the workload's line in the table, said what follows `predicted`.
	row, said string
	answer    verified
}

var disagreeCases = []disagreeCase{
	{
		name: "template", labels: labels{"istio.io/rev": oldRevision},
		plant: func(t *testing.T, lab *cluster.Cluster, _ string) {
			configure(t, lab, oldRevision, func(config, _ settings) {
				addTemplate(config, "mirror", mirrorTemplate)
				config["defaultTemplates"] = []any{"sidecar", "mirror"}
			})
		},
		row:    "deployment/app 1 1.22.0 1.22.0 1-22 current no",
		said:   oldImage + " of revision 1-22, the injector answers mirror.example.com/proxyv2:7 of revision 1-22",
		answer: verified{Injected: true, Image: "mirror.example.com/proxyv2:7", Version: "7", Revision: oldRevision},
	},
	{
		name: "after", labels: labels{"istio.io/rev": oldRevision},
		plant: func(t *testing.T, lab *cluster.Cluster, namespace string) {
			interpose(t, lab, namespace, changing(t, func(p *corev1.Pod) {
				for i := range p.Spec.InitContainers {
					if p.Spec.InitContainers[i].Name == "istio-proxy" {
						p.Spec.InitContainers[i].Image = "mirror.example.com/proxyv2:8"
					}
				}
			}))
		},
		row:    "deployment/app 1 1.22.0 1.22.0 1-22 current no",
		said:   oldImage + " of revision 1-22, the injector answers mirror.example.com/proxyv2:8 of revision 1-22",
		answer: verified{Injected: true, Image: "mirror.example.com/proxyv2:8", Version: "8", Revision: oldRevision},
	},
	{
		name: "before",
		plant: func(t *testing.T, lab *cluster.Cluster, namespace string) {
			interposeAs(t, lab, "aa-before-istio-", namespace, changing(t, func(p *corev1.Pod) {
				p.Labels = labels{"sidecar.istio.io/inject": "true", "istio.io/rev": oldRevision}
			}))
		},
		row:    "deployment/app 1 - - - none no",
		said:   "no proxy, the injector answers " + oldImage + " of revision 1-22",
		answer: verified{Injected: true, Image: oldImage, Version: oldVersion, Revision: oldRevision},
	},
}

// TestWhereTheInjectorDisagreesItIsSaid plants what no prediction foresees.
func TestWhereTheInjectorDisagreesItIsSaid(t *testing.T) {
	lab := sharedLab(t)
	for _, c := range disagreeCases {
		t.Run(c.name, func(t *testing.T) {
			namespace := "disagrees-" + c.name
			createNamespace(t, lab, namespace, c.labels)
			awaitServiceAccount(t, lab, namespace)
			createDeployment(t, lab, newDeployment(namespace, "app", 1))
			createPods(t, lab, newPod(namespace, "out", onHostNetwork))
			c.plant(t, lab, namespace)
			c.isSaid(t, lab, namespace)
		})
	}
}

func (c disagreeCase) isSaid(t *testing.T, lab *cluster.Cluster, namespace string) {
	t.Helper()
	r := kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--verify", "--no-headers")
	stderr := "warning: prediction and injector disagree: deployment/app in " + namespace + ": predicted " + c.said + "\n" + summary(2, 1, 1, 0) +
		"error: prediction and injector disagree: 1 of 2 workloads\n"
	if want := namespace + " " + c.row + "\n"; squeeze(r.stdout) != want || r.code != 1 || r.stderr != stderr {
		t.Errorf("exit %d, stdout %q, want %q\nstderr %s\nwant   %s", r.code, squeeze(r.stdout), want, r.stderr, stderr)
	}
	items := itemsOf(t, kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--verify", "-o", "json"))
	if len(items) != 1 {
		t.Errorf("%d items, want 1", len(items))
	}
	for id, i := range items {
		if i.Verified == nil || *i.Verified != c.answer {
			t.Errorf("%s: verified %+v", id, i.Verified)
		}
	}
	// Naming the mesh does not hide it either.
	if r := kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--verify", "--no-headers", "-i", "istio-system"); r.code != 1 || squeeze(r.stdout) != namespace+" "+c.row+"\n" {
		t.Errorf("with -i: exit %d, stdout %q", r.code, r.stdout)
	}
}

// TestWhatCannotBeVerifiedIsOneWorkloadsMatter has a workload that is refused beside one that is not.
func TestWhatCannotBeVerifiedIsOneWorkloadsMatter(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "verifies-well", labels{"istio.io/rev": oldRevision})
	awaitServiceAccount(t, lab, "verifies-well")
	createDeployment(t, lab, newDeployment("verifies-well", "app", 1, withLabel("verify", "each")))
	for _, c := range []struct {
		name    string
		labels  labels
		prepare func(*testing.T, *cluster.Cluster, string)
		said    string
	}{
		{"quota", labels{"istio.io/rev": oldRevision}, withQuota(corev1.ResourcePods), "exceeded quota: none, requested: pods=1, used: pods=1, limited: pods=0"},
		{"security", labels{"istio.io/rev": oldRevision}, func(t *testing.T, lab *cluster.Cluster, namespace string) {
			relabel(t, lab, namespace, "pod-security.kubernetes.io/enforce=restricted")
		}, `violates PodSecurity "restricted:latest": `},
		{"outage", labels{"istio.io/rev": newRevision}, withOutage, `Internal error occurred: failed calling webhook "rev.namespace.sidecar-injector.istio.io": `},
	} {
		t.Run(c.name, func(t *testing.T) {
			namespace := "verifies-" + c.name
			createNamespace(t, lab, namespace, c.labels)
			awaitServiceAccount(t, lab, namespace)
			createDeployment(t, lab, newDeployment(namespace, "app", 1, withLabel("verify", "each")))
			c.prepare(t, lab, namespace)
			var r result
			eventually(t, 20*time.Second, func() error {
				r = kubectl(t, lab, "mesh-proxyver", "-A", "-l", "verify=each", "--verify", "-o", "json")
				if !strings.HasPrefix(r.stderr, "warning: not verified: "+c.said) {
					return fmt.Errorf("stderr %s", r.stderr)
				}
				return nil
			})
			if end := " (workloads: 1)\n" + summary(2, 1, 0, 1) + "error: the answer is not fully verified: 1 of 2 workloads could not be verified\n"; r.code != 1 || !strings.HasSuffix(r.stderr, end) {
				t.Errorf("exit %d, stderr %s", r.code, r.stderr)
			}
			for id, i := range itemsOf(t, r) {
				if refused := i.Namespace == namespace; i.Status != "current" || i.Verified.Agrees == refused || (i.Verified.Refused != "") != refused {
					t.Errorf("%s: %s, %+v", id, i.Status, i.Verified)
				}
			}
		})
	}
	t.Run("no right to create pods", func(t *testing.T) { mayNotAsk(t, lab) })
}

// mayNotAsk: what the user may do nowhere is said once.
func mayNotAsk(t *testing.T, lab *cluster.Cluster) {
	createNamespace(t, lab, "verifies-other", labels{"istio.io/rev": oldRevision})
	createPods(t, lab, newPod("verifies-other", "a", withLabel("verify", "each")), newPod("verifies-other", "b", withLabel("verify", "each")))
	user := withoutRule(t, lab, "creating")
	r := kubectl(t, lab, "mesh-proxyver", "-A", "-l", "verify=each", "--verify", "--no-headers", "--as", user)
	deployments := rule{"apps", "deployments", "list"}.forbidden(user)
	want := `warning: cannot read the templates of deployments.apps: deployments.apps "app" is forbidden: ` +
		strings.Replace(deployments, "at the cluster scope", `in the namespace "verifies-well"`, 1) + "\n" +
		`warning: not verified: User "` + user + `" cannot create resource "pods" in API group "" in verifies-other, verifies-well, ` +
		"see `kubectl auth can-i create pods -n verifies-other` (workloads: 3)\n" +
		summary(3, 0, 0, 3) + "error: the answer is not fully verified: 3 of 3 workloads could not be verified\n"
	if r.code != 1 || r.stderr != want || strings.Count(r.stdout, "refused") != 3 {
		t.Errorf("exit %d\n%s\nstderr %s\nwant   %s", r.code, r.stdout, r.stderr, want)
	}
}

// TestARolloutUnderWayIsNoDisagreement: the injector is asked about the template as it is now, and pods may be of another.
func TestARolloutUnderWayIsNoDisagreement(t *testing.T) {
	lab := sharedLab(t)
	const namespace = "rolling"
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	awaitServiceAccount(t, lab, namespace)
	for _, name := range []string{"paused", "stuck"} {
		createDeployment(t, lab, newDeployment(namespace, name, 1))
	}
	patch := func(name, patch string) {
		t.Helper()
		if _, err := lab.Kubectl(t.Context(), "patch", "deployment", name, "-n", namespace, "-p", patch); err != nil {
			t.Fatal(err)
		}
	}
	const template = `"template":{"metadata":{"annotations":{"sidecar.istio.io/proxyImageType":"debug"}},"spec":{"nodeSelector":{"no":"such"}}}`
	patch("paused", `{"spec":{"paused":true,`+template+`}}`)
	patch("stuck", `{"spec":{`+template+`}}`)
	eventuallyPods(t, lab, namespace, 3)
	r := kubectl(t, lab, "mesh-proxyver", "-n", namespace, "--verify", "--no-headers")
	if r.code != 0 || r.stderr != summary(2, 2, 0, 0) {
		t.Errorf("exit %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
}
