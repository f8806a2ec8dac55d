package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestCanaryOptions plays what upgrades are asked for beside moving namespaces, each on the same mesh, and each rolled back.
func TestCanaryOptions(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		name string
		play func(*upgraded)
	}{
		{"what names a revision or tag itself", (*upgraded).ownLabels},
		{"what people meet meanwhile", (*upgraded).meanwhile},
		{"previewed, and kept in files", (*upgraded).dryRun},
		{"with at least two replicas", (*upgraded).replicas},
		{"replicas that somebody else has made", (*upgraded).replicasOfOthers},
	} {
		if !t.Run(p.name, func(t *testing.T) { p.play(&upgraded{t: t, lab: lab, istio: "istio-system"}) }) {
			t.Fatal("what follows needs what this would have left")
		}
	}
}

// gateway makes a Gateway that istiod manages.
func (u *upgraded) gateway(namespace, label string) {
	u.t.Helper()
	apply(u.t, u.lab, fmt.Sprintf(gatewayManifest, namespace, "gw", "istio.io/rev: "+label, "", "istio", 80, "HTTP"))
	awaitGatewayPod(u.t, u.lab, namespace)
}

// awaitRevision waits until every pod of the namespaces runs a revision.
func (u *upgraded) awaitRevision(revision string, namespaces ...string) {
	u.t.Helper()
	for _, name := range namespaces {
		eventually(u.t, patience, func() error {
			if got := u.revisions(name); len(got) != 1 || !got[revision] {
				return fmt.Errorf("the pods of %s run %v, want %s", name, slices.Collect(maps.Keys(got)), revision)
			}
			return nil
		})
	}
}

// ownLabels: workloads and Gateways that name a tag themselves are moved with it. What names the revision itself blocks complete, and
// the patch that is printed then lets it through.
func (u *upgraded) ownLabels() {
	for name, value := range map[string]string{"own-tag": stableTag, "own-rev": oldRevision} {
		createNamespace(u.t, u.lab, name, nil)
		awaitServiceAccount(u.t, u.lab, name)
		createDeployment(u.t, u.lab, newDeployment(name, "web", 1, withLabel("istio.io/rev", value)))
		createNamespace(u.t, u.lab, name+"-gateway", nil)
		u.gateway(name+"-gateway", value)
	}
	u.namespace("own-none", istioRev(stableTag))
	everywhere := []string{"own-tag", "own-rev", "own-tag-gateway", "own-rev-gateway", "own-none"}
	u.awaitRevision(oldRevision, everywhere...)

	u.does("start", "--from", oldRevision, "--to", newRevision, "own-none")
	u.runs(newRevision, "own-none")
	u.runs(oldRevision, "own-tag", "own-rev", "own-tag-gateway", "own-rev-gateway")
	r := u.canary("complete", "--yes")
	if r.code != 1 || !strings.Contains(r.stderr, "error: 2 things stand in the way") {
		u.t.Fatalf("exit %d, %s", r.code, r.stderr)
	}
	u.runs(oldRevision, "own-tag", "own-rev", "own-tag-gateway", "own-rev-gateway")
	typed := 0
	for line := range strings.Lines(r.stderr) {
		if command, is := strings.CutPrefix(line, "  kubectl "); is {
			shell(u.t, u.lab, "kubectl "+command)
			typed++
		}
	}
	if typed != 2 {
		u.t.Fatalf("%d commands to type, want 2:\n%s", typed, r.stderr)
	}
	u.does("complete", "--yes")
	u.awaitRevision(newRevision, everywhere...)
	u.does("rollback", "--yes")
	u.awaitRevision(oldRevision, everywhere...)
	u.clear(everywhere...)
}

// clear deletes what a play has made, so that the next finds a mesh without it.
func (u *upgraded) clear(namespaces ...string) {
	u.t.Helper()
	if _, err := u.lab.Kubectl(u.t.Context(), append([]string{"delete", "namespace", "--wait"}, namespaces...)...); err != nil {
		u.t.Fatal(err)
	}
}

// dryRun: nothing is written, not even the record, and what is printed is what is there once the same command is typed without it.
func (u *upgraded) dryRun() {
	u.namespace("kept", istioRev(stableTag))
	u.namespace("kept-too", map[string]string{"istio.io/rev": oldRevision, "team": "a"})
	before := u.snapshot()
	for _, command := range []string{
		"start --from 1-22 --to 1-23 --stable-tag prod-stable --canary-tag kept-canary kept kept-too", "advance --all", "complete", "rollback",
	} {
		words := strings.Fields(command)
		text := u.does(append(words, "--dry-run=client")...).stdout
		if !strings.Contains(text, "namespace kept-too: istio.io/rev=") && command != "advance --all" {
			u.t.Errorf("%s says\n%s", command, text)
		}
		documents := u.does(append(words, "--dry-run=client", "-o", "yaml")...).stdout
		if command[0] == 's' {
			u.wantSame(before, "a dry run")
			if out := u.status(); strings.Contains(out, ": started") {
				u.t.Errorf("after a dry run of start: %s", out)
			}
		}
		u.does(append(words, "--yes")...)
		u.holds(command, documents)
	}
	u.wantSame(before, "the rollback")
	u.clear("kept", "kept-too")
}

// holds wants every object of a file to be there as it is in the file.
func (u *upgraded) holds(command, documents string) {
	u.t.Helper()
	found := 0
	for _, text := range strings.Split(documents, "---\n") {
		want := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &want); err != nil {
			u.t.Fatal(err)
		}
		if len(want) == 0 {
			continue
		}
		found++
		object := &unstructured.Unstructured{Object: want}
		args := []string{"get", object.GetKind(), object.GetName(), "-o", "yaml"}
		if object.GetNamespace() != "" {
			args = append(args, "-n", object.GetNamespace())
		}
		out, err := u.lab.Kubectl(u.t.Context(), args...)
		if err != nil {
			u.t.Errorf("%s: %v", command, err)
			continue
		}
		is := map[string]any{}
		if err := yaml.Unmarshal([]byte(out), &is); err != nil {
			u.t.Fatal(err)
		}
		if difference := lacks(is, want, object.GetName()); difference != "" {
			u.t.Errorf("%s: %s", command, difference)
		}
	}
	if found == 0 && command != "advance --all" {
		u.t.Errorf("%s prints no object", command)
	}
}

// lacks says where what is differs from what is wanted, as far as something is wanted.
func lacks(is, want any, path string) string {
	switch want := want.(type) {
	case map[string]any:
		live, _ := is.(map[string]any)
		for key, value := range want {
			if difference := lacks(live[key], value, path+"."+key); difference != "" {
				return difference
			}
		}
		return ""
	case []any:
		live, _ := is.([]any)
		if len(live) != len(want) {
			return fmt.Sprintf("%s has %d items, want %d", path, len(live), len(want))
		}
		for i := range want {
			if difference := lacks(live[i], want[i], fmt.Sprintf("%s[%d]", path, i)); difference != "" {
				return difference
			}
		}
		return ""
	default:
		if !reflect.DeepEqual(is, want) {
			return fmt.Sprintf("%s is %v, want %v", path, is, want)
		}
		return ""
	}
}

// injectedGateway makes a gateway that is a Deployment of its own.
func (u *upgraded) injectedGateway(namespace string) {
	u.t.Helper()
	createNamespace(u.t, u.lab, namespace, istioRev(stableTag))
	awaitServiceAccount(u.t, u.lab, namespace)
	d := newDeployment(namespace, "ingress", 1, withAnnotation("inject.istio.io/templates", "gateway"))
	createDeployment(u.t, u.lab, d)
	u.awaitRevision(oldRevision, namespace)
}

// least returns the replicas of a gateway, and the minimum of each istiod's HPA.
func (u *upgraded) least(namespace string) string {
	u.t.Helper()
	d, err := u.lab.Client().AppsV1().Deployments(namespace).Get(u.t.Context(), "ingress", metav1.GetOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	hpas, err := u.lab.Client().AutoscalingV2().HorizontalPodAutoscalers(u.istio).List(u.t.Context(), metav1.ListOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	text := fmt.Sprint("ingress ", *d.Spec.Replicas)
	for i := range hpas.Items {
		text += fmt.Sprint(" ", hpas.Items[i].Name, " ", *hpas.Items[i].Spec.MinReplicas)
	}
	return text
}

// replicas are raised before anything moves, and put back at either end.
func (u *upgraded) replicas() {
	u.injectedGateway("edge")
	u.namespace("behind", istioRev(stableTag))
	before := u.least("edge")
	for _, end := range []string{"rollback", "complete"} {
		u.does("start", "--from", oldRevision, "--to", newRevision, "--min-replicas", "2", "behind")
		if got, want := u.least("edge"), strings.ReplaceAll(before, " 1", " 2"); got != want {
			u.t.Errorf("started, there are %s, want %s", got, want)
		}
		u.does(end, "--yes")
		if got := u.least("edge"); got != before {
			u.t.Errorf("after %s there are %s, want %s", end, got, before)
		}
	}
	u.does("rollback", "--yes")
	u.clear("edge", "behind")
}

// replicasOfOthers are left, and keep nothing from being completed.
func (u *upgraded) replicasOfOthers() {
	u.injectedGateway("edge-busy")
	u.namespace("busy", istioRev(stableTag))
	u.does("start", "--from", oldRevision, "--to", newRevision, "--min-replicas", "2", "busy")
	mustKubectl(u.t, u.lab, "scale", "deployment", "ingress", "-n", "edge-busy", "--replicas=3")
	r := u.does("complete", "--yes")
	if !strings.Contains(r.stderr, "warning: Deployment ingress in namespace edge-busy was changed by somebody else: it is at 3 replicas and would be at 1; it is left as it is") {
		u.t.Errorf("it says\n%s", r.stderr)
	}
	if got := u.least("edge-busy"); !strings.HasPrefix(got, "ingress 3") || strings.Count(got, " 1") != 2 {
		u.t.Errorf("there are %s", got)
	}
	u.does("rollback", "--yes")
	u.clear("edge-busy", "busy")
}

// TestCanaryRunsTheUsersTool installs and uninstalls revisions by the real istioctl, by a stand-in for the Azure CLI that records how
// it was called, and by a command that fails.
func TestCanaryRunsTheUsersTool(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	if err := lab.InstallIstio(t.Context(), cluster.Istio{Revision: oldRevision, Tag: oldVersion}); err != nil {
		t.Fatal(err)
	}
	u := &upgraded{t: t, lab: lab, istio: "istio-system"}
	u.namespace("shop", istioRev(oldRevision))
	dir := t.TempDir()
	u.path = dir + ":" + filepath.Dir(lab.Tool("istioctl")) + ":" + pluginDir + ":/usr/bin:/bin"

	u.refuses("istioctl-of-nobody is not in PATH", "start", "--to", newRevision, "--install", "istioctl-of-nobody x", "shop")
	u.refuses("add --to", "start", "--install", "istioctl", "shop")
	u.refuses("needs the cluster's resource group and name", "start", "--to", newRevision, "--install", "aks", "shop")
	u.refuses("no quota left", "start", "--to", newRevision, "--install", "sh -c 'echo no quota left >&2; exit 3'", "shop")
	if out := u.status(); !strings.Contains(out, "No upgrade is recorded") {
		t.Errorf("after a tool that failed: %s", out)
	}

	u.installs(newRevision, newVersion, "start", "--to", newRevision, "--install", "istioctl --set profile=minimal --set hub=docker.io/istio --set tag="+newVersion, "shop")
	u.runs(newRevision, "shop")
	u.does("complete", "--yes", "--uninstall", "istioctl")
	u.gone(oldRevision)
	u.does("complete", "--yes", "--uninstall", "istioctl")

	u.standIn(dir, oldRevision, oldVersion)
	aks := []string{"--aks-resource-group", "group", "--aks-name", "cluster"}
	u.installs(oldRevision, oldVersion, append([]string{"start", "--to", oldRevision, "--install", "aks", "shop"}, aks...)...)
	u.runs(oldRevision, "shop")
	u.does(append([]string{"rollback", "--yes", "--uninstall", "aks"}, aks...)...)
	u.runs(newRevision, "shop")
	u.gone(oldRevision)
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	const want = `aks mesh get-upgrades --resource-group group --name cluster
aks mesh upgrade start --resource-group group --name cluster --revision 1-22
aks mesh upgrade rollback --resource-group group --name cluster --yes
`
	if err != nil || string(calls) != want {
		t.Errorf("%v, az was called\n%swant\n%s", err, calls, want)
	}
}

// installs runs a command that installs a revision, whose istiod is run beside.
func (u *upgraded) installs(revision, version string, args ...string) {
	u.t.Helper()
	runs := make(chan error, 1)
	go func() { runs <- u.lab.RunIstiod(u.t.Context(), cluster.Istio{Revision: revision, Tag: version}) }()
	u.does(args...)
	if err := <-runs; err != nil {
		u.t.Fatal(err)
	}
}

// standIn is an az that writes down how it is called, and installs and uninstalls as the real one would, by istioctl.
func (u *upgraded) standIn(dir, revision, version string) {
	u.t.Helper()
	i := cluster.Istio{Revision: revision, Tag: version}
	script := fmt.Sprintf(`#!/bin/sh
echo "$@" >> '%s/calls'
case "$*" in
*"upgrade start"*) exec istioctl '%s' ;;
*"upgrade rollback"*) exec istioctl '%s' ;;
esac
`, dir, strings.Join(i.Args(), "' '"), strings.Join(i.ID().UninstallArgs(), "' '"))
	if err := os.WriteFile(filepath.Join(dir, "az"), []byte(script), 0o755); err != nil {
		u.t.Fatal(err)
	}
}

// gone wants nothing of a revision to be left, but the account of the base, which the first installation labels as its own.
func (u *upgraded) gone(revision string) {
	u.t.Helper()
	for _, kind := range []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "services -A", "deployments -A", "configmaps -A", "hpa -A", "pdb -A"} {
		out, err := u.lab.Kubectl(u.t.Context(), append(append([]string{"get"}, strings.Fields(kind)...), "-l", "istio.io/rev="+revision, "-o", "name")...)
		if err != nil || strings.TrimSpace(out) != "" {
			u.t.Errorf("of revision %s there is %v\n%s", revision, err, out)
		}
	}
}
