package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// form is one way in which namespaces follow a control plane, or several at the same time.
type form struct {
	name string
	// labels are those of each of its namespaces while they follow the revision.
	labels []func(revision string) map[string]string
	start  []string
	// tags are set before.
	tags []string
	// ways are from which revision to which it is played.
	ways [][2]string
}

func istioRev(value string) map[string]string { return map[string]string{"istio.io/rev": value} }

func forms() []form {
	tag := func(string) map[string]string { return istioRev(stableTag) }
	injection := func(string) map[string]string { return map[string]string{"istio-injection": "enabled"} }
	withTags := []string{"--stable-tag", stableTag, "--canary-tag", canaryTag}
	type labels = []func(string) map[string]string
	up, down := [2]string{oldRevision, newRevision}, [2]string{newRevision, oldRevision}
	return []form{
		{"tag", labels{tag, tag}, withTags, []string{stableTag}, [][2]string{up}},
		{"revision", labels{istioRev, istioRev}, nil, nil, [][2]string{up}},
		{"default-tag", labels{injection, injection}, nil, []string{"default"}, [][2]string{up}},
		{"together", labels{injection, istioRev, tag}, withTags, []string{"default", stableTag}, [][2]string{up, down}},
	}
}

// TestCanaryTakesEveryFormThereAndBack plays each form upwards, and all of them at the same time upwards and downwards, the latter in
// both of the namespaces that Istio is found in: start with one namespace, advance, complete, and roll back from the end.
func TestCanaryTakesEveryFormThereAndBack(t *testing.T) {
	all := forms()
	for istio, forms := range map[string][]form{"istio-system": all, "aks-istio-system": all[len(all)-1:]} {
		t.Run(istio, func(t *testing.T) {
			t.Parallel()
			lab := ownLab(t, cluster.Options{})
			for revision, version := range map[string]string{oldRevision: oldVersion, newRevision: newVersion} {
				if err := lab.InstallIstio(t.Context(), cluster.Istio{Namespace: istio, Revision: revision, Tag: version}); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range forms {
				for _, way := range f.ways {
					t.Run(f.name+" from "+way[0], func(t *testing.T) {
						u := &upgraded{t: t, lab: lab, istio: istio}
						u.play(f, way[0], way[1])
					})
				}
			}
		})
	}
}

// play takes the namespaces of a form there and back.
func (u *upgraded) play(f form, from, to string) {
	u.t.Helper()
	for _, tag := range f.tags {
		if _, err := u.lab.Istioctl(u.t.Context(), "-i", u.istio, "tag", "set", tag, "--revision", from, "--overwrite", "-y"); err != nil {
			u.t.Fatal(err)
		}
	}
	for i, labels := range f.labels {
		u.namespace(fmt.Sprintf("%s-%d-%s", f.name, i+1, from), labels(from))
	}
	first, others := u.namespaces[0], u.namespaces[1:]
	u.runs(from, u.namespaces...)
	before := u.snapshot()

	u.does(append([]string{"start", "--from", from, "--to", to}, f.start...)...)
	u.runs(from, u.namespaces...)
	r := u.does("advance", first)
	u.runs(to, first)
	u.runs(from, others...)
	u.sees(first, "moved", "3/3")
	for _, name := range others {
		u.sees(name, "to move", "0/3")
		if r = u.next(r); r.code != 0 {
			u.t.Fatalf("%s", r.stderr)
		}
		u.runs(to, name)
	}
	if r = u.next(r); r.code != 0 {
		u.t.Fatalf("%s", r.stderr)
	}
	u.isComplete(f, to)

	u.does("rollback", "--yes")
	for _, name := range u.namespaces {
		u.settles(name)
	}
	u.wantSame(before, "the rollback")
	u.does(append([]string{"start", "--from", from, "--to", to, first}, f.start...)...)
	u.does("complete", "--yes")
	u.isComplete(f, to)
	u.does("rollback", "--yes")
	for _, name := range u.namespaces {
		u.settles(name)
	}
	u.wantSame(before, "the second rollback")
}

// isComplete wants everything to be on the new revision, each namespace in its own form.
func (u *upgraded) isComplete(f form, to string) {
	u.t.Helper()
	u.runs(to, u.namespaces...)
	now := u.snapshot()
	for i, name := range u.namespaces {
		labels := now["namespace "+name].(map[string]string)
		for key, value := range f.labels[i](to) {
			if labels[key] != value {
				u.t.Errorf("completed, %s has %v, want %v", name, labels, f.labels[i](to))
			}
		}
	}
	for what := range now {
		if strings.Contains(what, canaryTag) {
			u.t.Errorf("completed, there is %s", what)
		}
	}
}

// sees wants a row of the status to have words.
func (u *upgraded) sees(namespace string, words ...string) {
	u.t.Helper()
	out := u.does("status").stdout
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, namespace+" ") {
			continue
		}
		for _, word := range words {
			if !strings.Contains(line, word) {
				u.t.Errorf("status says %q, which lacks %q", line, word)
			}
		}
		return
	}
	u.t.Errorf("status does not show %s:\n%s", namespace, out)
}

// TestCanaryTakesAnInstallWithoutRevision plays what follows a control plane that was installed without a revision, by istioctl and as
// Helm leaves it, together with namespaces that name it, beside another mesh that nothing happens to.
func TestCanaryTakesAnInstallWithoutRevision(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	for _, i := range []cluster.Istio{{Tag: oldVersion}, {Revision: newRevision, Tag: newVersion}, {Namespace: "other-istio", Revision: "other", Tag: oldVersion}} {
		if err := lab.InstallIstio(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	u := &upgraded{t: t, lab: lab, istio: "istio-system"}
	injection := map[string]string{"istio-injection": "enabled"}
	u.namespace("shop", injection)
	u.namespace("bank", injection)
	u.namespace("named", istioRev("default"))
	u.namespace("elsewhere", istioRev("other"))
	u.runs("default", "shop", "bank", "named")
	u.leavesTheDefault()
	asHelmLeaves(t, lab)
	u.leavesTheDefault()
}

// leavesTheDefault takes the mesh from revision default to another, and back.
func (u *upgraded) leavesTheDefault() {
	u.t.Helper()
	before := u.snapshot()
	u.does("start", "-i", "istio-system", "--to", newRevision, "--from", "default", "shop")
	u.runs(newRevision, "shop")
	u.runs("default", "bank", "named")
	u.does("complete", "--yes")
	u.runs(newRevision, "shop", "bank", "named")
	u.runs("other", "elsewhere")
	if tags, err := u.lab.Istioctl(u.t.Context(), "tag", "list"); err != nil || !strings.Contains(tags, "default "+newRevision) {
		u.t.Errorf("istioctl says %v:\n%s", err, tags)
	}
	u.does("rollback", "--yes")
	for _, name := range u.namespaces {
		u.settles(name)
	}
	u.wantSame(before, "the rollback")
}

// TestCanaryRefuses wants one clear line for each, exit code 1, and nothing changed.
func TestCanaryRefuses(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	u := &upgraded{t: t, lab: lab, istio: "istio-system"}
	u.namespace("shop", istioRev(stableTag))
	u.namespace("bank", istioRev(stableTag))
	for _, command := range []string{
		"revisions", "check --to 1-23", "start --to 1-23", "advance shop", "complete", "rollback", "status", "tag list", "tag set a --revision 1-23", "tag remove a",
		"tag generate a --revision 1-23",
	} {
		const want = "error: --istio-namespace nowhere: no injector's control plane is there; there are some in istio-system\n"
		u.refuses(want, append(strings.Fields(command), "-i", "nowhere")...)
	}
	u.refuses("no upgrade is started", "advance", "shop")
	u.refuses("no upgrade is started", "complete")
	u.refuses("no upgrade is started", "rollback")
	u.refuses("revision 1-99 is not installed", "start", "--to", "1-99", "shop")
	u.refuses("revision 1-22 is the one in use", "start", "--to", oldRevision, "--from", oldRevision, "shop")
	u.refuses("a revision has that name", "start", "--to", newRevision, "--canary-tag", oldRevision, "shop")
	u.refuses("--canary-tag prod-canary exists already", "start", "--to", newRevision, "--canary-tag", canaryTag, "shop")
	u.refuses("a valid label must be", "start", "--to", newRevision, "--canary-tag", "a b", "shop")
	u.refuses("--stable-tag prod-stabel does not exist; namespaces follow revision 1-22 by prod-stable", "start", "--to", newRevision, "--stable-tag", "prod-stabel", "shop")
	u.refuses("revision 1-22 is the one in use, and no namespace follows 1-23", "check", "--to", oldRevision)
	u.refuses("takes no arguments, and got \"shop\"", "complete", "shop")
	u.refuses("namespace nowhere does not exist", "start", "--to", newRevision, "nowhere")
	u.refuses("namespaces are arguments", "start", "--to", newRevision, "-n", "shop")
	u.refuses("use either", "advance", "--all", "shop")
	u.refuses("name the namespaces to move", "advance")
	u.refuses("add --yes", "start", "--to", newRevision, "shop", "bank")
	u.offers([]string{"bank", "shop"}, "start", "--to", newRevision, "")
	u.does("start", "--to", newRevision, "shop")
	u.offers([]string{"bank"}, "advance", "")
	u.offers(nil, "advance", "bank", "")
	u.refuses("an upgrade from 1-22 to 1-23 is under way", "start", "--to", oldRevision, "bank")
	u.refuses("namespace kube-system follows no revision", "advance", "kube-system")
	u.refuses("add --yes", "complete")
	// Somebody else moves the tag: that is noticed before anything is done.
	if err := setTag(t.Context(), lab, stableTag, newRevision); err != nil {
		t.Fatal(err)
	}
	const theirs = "tag prod-stable was changed by somebody else: it is revision 1-23 and would be revision 1-22; it is left as it is"
	u.refuses("tag prod-stable was changed by somebody else", "advance", "bank")
	if r := u.canary("rollback"); r.code != 1 || !strings.Contains(r.stderr, theirs) {
		t.Errorf("exit %d, want 1\n%s", r.code, r.stderr)
	}
}
