package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// TestReinjectSelectsByTheLabelsOfWorkloads and not by those of their pods.
func TestReinjectSelectsByTheLabelsOfWorkloads(t *testing.T) {
	m := newMover(t, "reinject-selector")
	a, b := m.deployment("a", 1, withLabel("team", "b")), m.deployment("b", 1, withLabel("team", "a"))
	a.Labels, b.Labels = labels{"team": "a"}, labels{"team": "b"}
	m.create(a, b, newPod(m.namespace, "bare", scheduled, withLabel("team", "a")))
	m.settles(3)
	m.follow(newRevision)
	before := m.state()
	m.plan("-l", "team=a").exits(0).only("deployment/a", "pod/bare")
	m.reinject("-l", "team=a").exits(0).ends("deployment/a", "restarted", "").ends("pod/bare", "skipped", "")
	m.untouched(before, "deployment/b", "pod/bare")
	m.reinject("-l", "team=none").exits(0).only()
}

// TestReinjectLeavesAloneWhatIsCurrentUnlessAllIsAskedFor also where it is named.
func TestReinjectLeavesAloneWhatIsCurrentUnlessAllIsAskedFor(t *testing.T) {
	m := newMover(t, "reinject-all")
	m.create(m.deployment("web", 1), m.statefulSet("db", 1, 0))
	m.settles(2)
	before := m.state()
	m.reinject().exits(0).says("Nothing is stale in namespace " + m.namespace).only()
	m.reinject("deployment/web").exits(0).ends("deployment/web", "skipped", "none of its pods is stale")
	m.untouched(before, "deployment/web", "statefulset/db")
	uids := m.uids()
	m.reinject("--all").exits(0).ends("deployment/web", "restarted", "").ends("statefulset/db", "restarted", "")
	for w, now := range m.uids() {
		if now[0] == uids[w][0] {
			t.Errorf("%s was not restarted", w)
		}
	}
}

// TestReinjectGivesAProxyToWhatHasNoneOnlyIfMissingIsIncluded
func TestReinjectGivesAProxyToWhatHasNoneOnlyIfMissingIsIncluded(t *testing.T) {
	m := newMover(t, "reinject-missing")
	m.follows("")
	m.create(m.deployment("web", 1))
	m.settles(1)
	m.follow(newRevision)
	before := m.state()
	m.reinject().exits(0).says("Nothing is stale").only()
	m.reinject("--all").exits(0).only()
	i := m.reinject("deployment/web").exits(0).ends("deployment/web", "skipped", "its pods have no proxy: see --include missing").has("deployment/web")
	if want := "kubectl mesh-reinject deployment/web -n " + m.namespace + " --include missing"; i.Command != want {
		t.Errorf("to be typed: %q, want %q", i.Command, want)
	}
	m.untouched(before, "deployment/web")
	m.reinject("--include", "missing").exits(0).ends("deployment/web", "restarted", "")
	m.current("deployment/web", 1)
}

// TestReinjectTakesAProxyAwayOnlyIfUnexpectedIsIncluded
func TestReinjectTakesAProxyAwayOnlyIfUnexpectedIsIncluded(t *testing.T) {
	m := newMover(t, "reinject-unexpected")
	m.create(m.deployment("web", 1))
	m.settles(1)
	m.follows("")
	before := m.state()
	m.reinject().exits(0).only()
	m.reinject("--all").exits(0).only()
	m.reinject("deployment/web").exits(0).ends("deployment/web", "skipped", "its pods would lose their proxy: see --include unexpected")
	m.untouched(before, "deployment/web")
	m.reinject("--include", "unexpected").exits(0).ends("deployment/web", "restarted", "")
	if got := m.statuses()["deployment/web"]; got["none"] != 1 {
		t.Errorf("it is %v, want one pod without a proxy", got)
	}
}

// follows has the namespace name what no injector goes by, "" for nothing at all, and returns once that is so.
func (m mover) follows(label string) {
	m.t.Helper()
	if label == "" {
		relabel(m.t, m.lab, m.namespace, "istio.io/rev-")
	} else {
		relabel(m.t, m.lab, m.namespace, "istio.io/rev="+label)
	}
	eventually(m.t, patience, func() error {
		got, err := ask(m.t.Context(), m.lab, newPod(m.namespace, "follows"))
		if err == nil && got.injected {
			err = fmt.Errorf("pods of namespace %s are still injected", m.namespace)
		}
		return err
	})
}

// TestReinjectAlwaysRefusesWhereALabelNamesNothingThatExists: a restart would take the proxy away, whatever is asked for.
func TestReinjectAlwaysRefusesWhereALabelNamesNothingThatExists(t *testing.T) {
	m := newMover(t, "reinject-mistyped")
	m.create(m.deployment("web", 1), m.statefulSet("on-delete", 1, -1), newPod(m.namespace, "bare", scheduled))
	m.settles(3)
	m.follows("prod-stabel")
	before := m.state()
	const why = "its proxies would be lost: namespace label istio.io/rev=prod-stabel names no revision or tag"
	for _, flags := range []string{
		"", "--all", "--include=unexpected", "--include=missing,unexpected --all", "--all --include=unexpected --method=evict --bare-pods=recreate",
		"deployment/web statefulset/on-delete pod/bare --include=unexpected --all",
	} {
		run := m.reinject(strings.Fields(flags)...).exits(0).only("deployment/web", "statefulset/on-delete", "pod/bare")
		for w, i := range run.items {
			if i.Action != "skip" || i.Outcome != "skipped" || i.Reason != why || i.Command == "" {
				t.Errorf("with %q, %s: %+v", flags, w, i)
			}
		}
	}
	m.untouched(before, "deployment/web", "statefulset/on-delete", "pod/bare")
}

// TestReinjectAlwaysRefusesWhereThePodsOwnLabelNamesNothingThatExists: the template's label was mistyped, and the proxy comes
// from before.
func TestReinjectAlwaysRefusesWhereThePodsOwnLabelNamesNothingThatExists(t *testing.T) {
	m := newMover(t, "reinject-mistyped-pod")
	m.follows("")
	bare := newPod(m.namespace, "bare", scheduled, withLabel("istio.io/rev", oldRevision))
	m.create(bare)
	m.settles(1)
	m.kubectl("label", "pod", "bare", "-n", m.namespace, "--overwrite", "istio.io/rev=1-222")
	before := m.state()
	run := m.reinject("--all", "--include=unexpected", "--bare-pods=recreate").exits(0)
	run.ends("pod/bare", "skipped", "its proxies would be lost: pod label istio.io/rev=1-222 names no revision or tag")
	m.untouched(before, "pod/bare")
}

// TestReinjectOfOneMeshLeavesTheOtherAlone: two meshes, with something stale in each.
func TestReinjectOfOneMeshLeavesTheOtherAlone(t *testing.T) {
	m, second := newMover(t, "reinject-mesh-one"), mover{t, sharedLab(t), "reinject-mesh-two"}
	const other, home = "reinject-other", "reinject-istio"
	install(t, m.lab, cluster.Istio{Revision: other, Tag: oldVersion, Namespace: home})
	t.Cleanup(func() {
		if err := m.lab.UninstallIstio(context.Background(), home, other); err != nil {
			t.Error(err)
		}
	})
	createNamespace(t, m.lab, second.namespace, nil)
	awaitServiceAccount(t, m.lab, second.namespace)
	second.follow(other)
	for _, in := range []mover{m, second} {
		d := in.deployment("web", 1)
		d.Labels = labels{"reinject": "meshes"}
		in.create(d)
		in.settles(1)
	}
	m.follow(newRevision)
	apply(t, m.lab, proxyConfig(second.namespace, "variant", "debug", ""))
	before := m.state()
	all := []string{"mesh-reinject", "-A", "--yes", "-l", "reinject=meshes", "-o", "json"}
	restarted(t, "restartreport", kubectl(t, m.lab, append(all, "-i", home)...)).exits(0).only("deployment/web").ends("deployment/web", "restarted", "")
	m.untouched(before, "deployment/web")
	second.current("deployment/web", 1)
	restarted(t, "restartreport", kubectl(t, m.lab, append(all, "-i", "istio-system")...)).exits(0).only("deployment/web").ends("deployment/web", "restarted", "")
	m.current("deployment/web", 1)
	restarted(t, "restartreport", kubectl(t, m.lab, append(all, "-i", "nowhere")...)).exits(1).says("no injector's control plane is there")
}

// TestReinjectLeavesANamespaceAloneThatIsBeingDeleted while its pods still run: somebody does not let them go.
func TestReinjectLeavesANamespaceAloneThatIsBeingDeleted(t *testing.T) {
	m := newMover(t, "reinject-deleted")
	m.create(m.deployment("web", 1))
	m.settles(1)
	m.follow(newRevision)
	apply(t, m.lab, fmt.Sprintf(holdManifest, m.namespace))
	t.Cleanup(func() {
		if _, err := m.lab.Kubectl(context.Background(), "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", m.namespace); err != nil {
			t.Error(err)
		}
	})
	eventually(t, patience, func() error {
		if _, err := m.lab.Kubectl(t.Context(), "delete", "deployment", "web", "-n", m.namespace, "--dry-run=server"); err != nil {
			return nil
		}
		return fmt.Errorf("workloads can still be deleted")
	})
	m.kubectl("delete", "namespace", m.namespace, "--wait=false")
	before := m.state()
	for _, args := range [][]string{nil, {"--all"}, {"deployment/web"}} {
		m.reinject(args...).exits(0).only("deployment/web").ends("deployment/web", "skipped", "its namespace is being deleted")
	}
	m.untouched(before, "deployment/web")
}

// holdManifest keeps everything in a namespace from being deleted.
const holdManifest = `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[1]s}}
    resourceRules: [{apiGroups: ["", apps], apiVersions: [v1], resources: [pods, replicasets, deployments], operations: [DELETE]}]
  validations: [{expression: "false"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`

// TestReinjectKeepsTheManifestOfABarePodUntilItIsThereAgain looks at what is kept when the pod is deleted, and afterwards.
func TestReinjectKeepsTheManifestOfABarePodUntilItIsThereAgain(t *testing.T) {
	m := newMover(t, "reinject-bare")
	m.create(newPod(m.namespace, "bare", scheduled, withLabel("app", "bare")))
	m.settles(1)
	m.follow(newRevision)
	home, kept, uid := t.TempDir(), "", m.uids()["pod/bare"][0]
	g := openGate(t, m.lab, intercept.Once(intercept.Does("delete", "pods", "bare"), func(w http.ResponseWriter, r *intercept.Request) {
		kept = keptIn(t, home)
		r.Gate.Pass(w, r)
	}))
	env := []string{"KUBECONFIG=" + g.kubeconfig(), "HOME=" + home}
	run := restarted(t, "restartreport", kubectlWith(t, m.lab.Tool("kubectl"), env, m.command("--bare-pods=recreate")...))
	run.exits(0).ends("pod/bare", "restarted", "")
	if !strings.Contains(kept, "registry.example.com/app:1") || strings.Contains(kept, "istio-proxy") || strings.Contains(kept, "uid") {
		t.Errorf("kept while it was deleted:\n%s", kept)
	}
	if left := keptIn(t, home); left != "" {
		t.Errorf("left over:\n%s", left)
	}
	wantDeletedByUID(t, g, uid)
	m.current("pod/bare", 1)
}

// keptIn returns what is in the files below a directory, which must be for the user alone.
func keptIn(t *testing.T, dir string) string {
	t.Helper()
	kept := ""
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		// kubectl itself keeps what it has discovered.
		if !strings.Contains(path, ".kube") {
			kept += string(text)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return kept
}

// wantDeletedByUID wants the pod to have been tried out under another name first, and deleted only as the one that it was.
func wantDeletedByUID(t *testing.T, g *gate, uid string) {
	t.Helper()
	var asked []string
	for _, r := range g.Mutations() {
		what := r.Verb + " " + r.Resource + "/" + r.Name
		if strings.Contains(r.Query, "dryRun") {
			what += " (dry run)"
		}
		if r.Verb == "delete" && strings.Contains(string(r.Body), uid) {
			what += " of that UID"
		}
		asked = append(asked, what)
	}
	want := "create pods/ (dry run), delete pods/bare of that UID, create pods/"
	if got := strings.Join(asked, ", "); got != want {
		t.Errorf("asked: %s\nwant:  %s", got, want)
	}
}
