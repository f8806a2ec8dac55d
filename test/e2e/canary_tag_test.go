package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// tagged is what both tools say of a tag.
type tagged struct {
	Tag        string   `json:"tag"`
	Revision   string   `json:"revision"`
	Namespaces []string `json:"namespaces"`
}

// tagChange mirrors the contract's JSON.
type tagChange struct {
	Action     string   `json:"action"`
	From       string   `json:"from"`
	To         string   `json:"to"`
	Done       bool     `json:"done"`
	Namespaces []string `json:"namespaces"`
	Uninjected []string `json:"uninjected"`
	Pods       int      `json:"pods"`
	Lost       int      `json:"lost"`
	Gateways   []string `json:"gateways"`
}

// tagging is a lab in which tags are set and removed.
type tagging struct {
	t   *testing.T
	lab *cluster.Cluster
}

// TestCanaryTag has istioctl and the plugin do the same to tags, and each do it to those of the other.
func TestCanaryTag(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	for _, i := range []cluster.Istio{
		{Revision: oldRevision, Tag: oldVersion}, {Revision: newRevision, Tag: newVersion},
		{Revision: "asm-1-22", Tag: "1.22.0", Namespace: "aks-istio-system"},
	} {
		install(t, lab, i)
	}
	run := func(name string, do func(*tagging)) {
		t.Run(name, func(t *testing.T) { do(&tagging{t, lab}) })
	}
	run("the objects are those that istioctl makes", (*tagging).equalObjects)
	run("the lists agree after every change, whoever made it", (*tagging).agree)
	run("answering no changes nothing", (*tagging).no)
	run("what a change moves is said before", (*tagging).effects)
	run("two meshes are kept apart", (*tagging).twoMeshes)
	run("what is refused", (*tagging).refusals)
	run("a default tag over an installation without a revision", (*tagging).overUnrevisioned)
}

// ours runs `kubectl mesh-canary tag ARGS`, which has to end well.
func (g *tagging) ours(args ...string) string {
	g.t.Helper()
	r := kubectl(g.t, g.lab, append([]string{"mesh-canary", "tag"}, args...)...)
	if r.code != 0 {
		g.t.Fatalf("tag %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// theirs runs `istioctl tag ARGS`.
func (g *tagging) theirs(args ...string) string {
	g.t.Helper()
	out, err := g.lab.Istioctl(g.t.Context(), append([]string{"tag"}, args...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

// change runs `kubectl mesh-canary tag ARGS -o json`.
func (g *tagging) change(args ...string) tagChange {
	g.t.Helper()
	text := g.ours(append(args, "-o", "json")...)
	satisfies(g.t, "tagchange", text)
	var c tagChange
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		g.t.Fatal(err)
	}
	return c
}

// objects returns what a tag is made of, less what differs from one making to the next and what istiod owns.
func (g *tagging) objects(tag string) map[string]any {
	g.t.Helper()
	out, err := g.lab.Kubectl(g.t.Context(), "get", "mutatingwebhookconfigurations,validatingwebhookconfigurations,services", "-A",
		"-l", "istio.io/tag="+tag, "-o", "json")
	if err != nil {
		g.t.Fatal(err)
	}
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		g.t.Fatal(err)
	}
	objects := map[string]any{}
	for _, o := range list.Items {
		m := o["metadata"].(map[string]any)
		for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation"} {
			delete(m, field)
		}
		if a, ok := m["annotations"].(map[string]any); ok {
			if delete(a, "kubectl.kubernetes.io/last-applied-configuration"); len(a) == 0 {
				delete(m, "annotations")
			}
		}
		if spec, ok := o["spec"].(map[string]any); ok {
			delete(spec, "clusterIP")
			delete(spec, "clusterIPs")
		}
		webhooks, _ := o["webhooks"].([]any)
		for _, w := range webhooks {
			delete(w.(map[string]any), "failurePolicy")
			delete(w.(map[string]any)["clientConfig"].(map[string]any), "caBundle")
		}
		objects[o["kind"].(string)+" "+m["name"].(string)] = o
	}
	return objects
}

func (g *tagging) equalObjects() {
	manifest := func(args ...string) func() {
		return func() {
			file := filepath.Join(g.t.TempDir(), "tag.yaml")
			writeFile(g.t, file, g.ours(append([]string{"generate"}, args...)...))
			if _, err := g.lab.Kubectl(g.t.Context(), "apply", "-f", file); err != nil {
				g.t.Fatal(err)
			}
		}
	}
	set := func(args ...string) func() { return func() { g.ours(append([]string{"set", "-y"}, args...)...) } }
	for _, c := range []struct {
		rule, tag string
		theirs    func()
		ours      map[string]func()
	}{
		{"a tag", "equal", func() { g.theirs("set", "equal", "--revision", oldRevision) }, map[string]func(){
			"set": set("equal", "-r", oldRevision), "generated": manifest("equal", "-r", oldRevision),
		}},
		{"a tag that moved", "equal", func() {
			g.theirs("set", "equal", "--revision", oldRevision)
			g.theirs("set", "equal", "--revision", newRevision, "--overwrite")
		}, map[string]func(){
			"moved": func() { set("equal", "-r", oldRevision)(); set("equal", "-r", newRevision)() },
			"theirs moved": func() {
				g.theirs("set", "equal", "--revision", oldRevision)
				set("equal", "-r", newRevision)()
			},
			"moved by them": func() {
				set("equal", "-r", oldRevision)()
				g.theirs("set", "equal", "--revision", newRevision, "--overwrite")
			},
		}},
		{"the default tag", "default", func() { g.theirs("set", "default", "--revision", newRevision) }, map[string]func(){
			"set": set("default", "-r", newRevision), "generated": manifest("default", "-r", newRevision),
		}},
		{"with every namespace", "default", func() { g.theirs("set", "default", "--revision", newRevision, "--auto-inject-namespaces") }, map[string]func(){
			"set": set("default", "-r", newRevision, "--auto-inject-namespaces"),
		}},
		{"elsewhere", "equal", func() { g.theirs("set", "equal", "--revision", "asm-1-22", "-i", "aks-istio-system") }, map[string]func(){
			"set": set("equal", "-r", "asm-1-22"), "generated": manifest("equal", "-r", "asm-1-22", "--istioNamespace", "aks-istio-system"),
		}},
	} {
		g.t.Run(c.rule, func(t *testing.T) {
			sub := &tagging{t, g.lab}
			sub.clear(c.tag)
			c.theirs()
			want := sub.objects(c.tag)
			if len(want) < 2 {
				t.Fatalf("istioctl made %v", want)
			}
			for how, do := range c.ours {
				sub.clear(c.tag)
				do()
				if got := sub.objects(c.tag); !reflect.DeepEqual(got, want) {
					t.Errorf("%s:\n got  %s\n want %s", how, indentedJSON(t, got), indentedJSON(t, want))
				}
			}
			sub.clear(c.tag)
		})
	}
}

func indentedJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// clear removes all objects of a tag.
func (g *tagging) clear(tag string) {
	g.t.Helper()
	if _, err := g.lab.Kubectl(g.t.Context(), "delete", "mutatingwebhookconfigurations,validatingwebhookconfigurations,services", "-A", "-l", "istio.io/tag="+tag); err != nil {
		g.t.Fatal(err)
	}
}

// wantAgreement compares `istioctl tag list` with ours. istioctl lists revisions without a tag too, and knows one way only of
// following a tag.
func (g *tagging) wantAgreement(after string) {
	g.t.Helper()
	var theirs, ours []tagged
	if out := g.theirs("list", "-o", "json"); strings.HasPrefix(out, "[") {
		if err := json.Unmarshal([]byte(out), &theirs); err != nil {
			g.t.Fatal(err)
		}
	}
	theirs = slices.DeleteFunc(theirs, func(tag tagged) bool { return tag.Tag == "" })
	text := g.ours("list", "-o", "json")
	satisfies(g.t, "taglist", text)
	var list struct {
		Items []struct {
			tagged
			State     string `json:"state"`
			Followers struct {
				ByLabel []string `json:"byLabel"`
			} `json:"followers"`
		} `json:"items"`
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		g.t.Fatal(err)
	}
	for _, i := range list.Items {
		ours = append(ours, tagged{i.Tag, i.Revision, i.Followers.ByLabel})
		if i.State != "whole" {
			g.t.Errorf("after %s: tag %s is %s", after, i.Tag, i.State)
		}
	}
	order := func(a, b tagged) int { return strings.Compare(a.Tag+" "+a.Revision, b.Tag+" "+b.Revision) }
	slices.SortFunc(theirs, order)
	slices.SortFunc(ours, order)
	if fmt.Sprint(ours) != fmt.Sprint(theirs) {
		g.t.Errorf("after %s:\nours   %v\ntheirs %v", after, ours, theirs)
	}
}

func (g *tagging) agree() {
	createNamespace(g.t, g.lab, "tag-agree", labels{"istio.io/rev": "both"})
	createNamespace(g.t, g.lab, "tag-agree-2", labels{"istio.io/rev": "both"})
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"ours set", func() { g.ours("set", "both", "-r", oldRevision, "-y") }},
		{"theirs moved", func() { g.theirs("set", "both", "--revision", newRevision, "--overwrite") }},
		{"ours moved", func() { g.ours("set", "both", "--revision", oldRevision, "--overwrite", "-y") }},
		{"theirs removed", func() { g.theirs("remove", "both", "-y") }},
		{"theirs set", func() { g.theirs("set", "both", "--revision", newRevision) }},
		{"ours moved theirs", func() { g.ours("set", "both", "-r", oldRevision, "-y") }},
		{"ours removed theirs", func() { g.ours("remove", "both", "-y") }},
		{"theirs set default", func() { g.theirs("set", "default", "--revision", oldRevision, "--overwrite") }},
		{"ours moved default", func() { g.ours("set", "default", "-r", newRevision, "-y") }},
		{"theirs moved default", func() { g.theirs("set", "default", "--revision", oldRevision, "--overwrite") }},
		{"ours removed default", func() { g.ours("remove", "default", "-y") }},
		{"ours set default", func() { g.ours("set", "default", "-r", oldRevision, "-y") }},
	} {
		step.do()
		g.wantAgreement(step.name)
	}
}

// versions are the resource versions of all that tags are made of.
func (g *tagging) versions() string {
	g.t.Helper()
	out, err := g.lab.Kubectl(g.t.Context(), "get", "mutatingwebhookconfigurations,validatingwebhookconfigurations,services", "-A",
		"-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion}{"\n"}{end}`)
	if err != nil {
		g.t.Fatal(err)
	}
	return out
}

func (g *tagging) no() {
	g.ours("set", "asked", "-r", oldRevision)
	createNamespace(g.t, g.lab, "tag-asked", labels{"istio.io/rev": "asked"})
	before := g.versions()
	for _, args := range [][]string{{"set", "asked", "-r", newRevision}, {"remove", "asked"}, {"remove", "default"}} {
		r := g.onTerminal(args...)
		r.shows(`\? \[y/N\] `)
		r.types("n\r")
		r.wait(1)
		if !strings.Contains(r.stdout.String(), "error: nothing was changed") {
			g.t.Errorf("%q: %s", args, r.stdout)
		}
		piped := kubectl(g.t, g.lab, append([]string{"mesh-canary", "tag"}, args...)...)
		if piped.code != 1 || piped.stdout != "" || !strings.Contains(piped.stderr, "add --yes, or see it first with --dry-run=client") {
			g.t.Errorf("%q: exit %d, %s%s", args, piped.code, piped.stdout, piped.stderr)
		}
		for _, dry := range []string{"client", "server"} {
			if c := g.change(append(args, "--dry-run="+dry)...); c.Done {
				g.t.Errorf("%q is done", args)
			}
		}
	}
	if after := g.versions(); after != before {
		g.t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	r := g.onTerminal("set", "asked", "-r", newRevision)
	r.shows(`Move tag asked from revision 1-22 to 1-23\? \[y/N\] `)
	r.types("y\r")
	r.wait(0)
	if c := g.change("set", "asked", "-r", newRevision); c.Action != "keep" || !c.Done {
		g.t.Errorf("got %+v", c)
	}
	g.ours("remove", "asked", "-y")
}

// onTerminal runs `kubectl mesh-canary tag ARGS` on a terminal.
func (g *tagging) onTerminal(args ...string) *restarting {
	g.t.Helper()
	kubectl := g.lab.Tool("kubectl")
	cmd := exec.Command(kubectl, append([]string{"mesh-canary", "tag"}, args...)...)
	cmd.Env = []string{"PATH=" + pluginDir + ":" + filepath.Dir(kubectl), "KUBECONFIG=" + g.lab.Kubeconfig(), "HOME=" + g.t.TempDir(), "TERM=xterm", goAtOnce}
	w := &watching{t: g.t, cmd: cmd, stdout: &growing{}, stderr: &growing{}, ended: make(chan struct{})}
	terminal, err := pty.Start(cmd)
	if err != nil {
		g.t.Fatal(err)
	}
	w.printing.Go(func() { _, _ = io.Copy(w.stdout, terminal) })
	g.t.Cleanup(func() { _ = terminal.Close() })
	w.reap()
	return &restarting{w, terminal}
}

func (g *tagging) effects() {
	g.ours("set", "moving", "-r", oldRevision)
	createNamespace(g.t, g.lab, "tag-labelled", labels{"istio.io/rev": "moving"})
	createNamespace(g.t, g.lab, "tag-gateway", labels{"istio.io/rev": "moving"})
	createNamespace(g.t, g.lab, "tag-by-pod", nil)
	createPods(g.t, g.lab, newPod("tag-labelled", "a"), newPod("tag-labelled", "b"), newPod("tag-by-pod", "c", withLabel("istio.io/rev", "moving")))
	apply(g.t, g.lab, fmt.Sprintf(gatewayManifest, "tag-gateway", "gw", "", "", "istio", 80, "HTTP"))
	awaitGatewayPod(g.t, g.lab, "tag-gateway")
	want := tagChange{
		Action: "move", From: oldRevision, To: newRevision, Namespaces: []string{"tag-by-pod", "tag-gateway", "tag-labelled"}, Uninjected: []string{}, Pods: 3,
		Gateways: []string{"tag-gateway/gw"},
	}
	if got := g.change("set", "moving", "-r", newRevision, "--dry-run=server"); !reflect.DeepEqual(got, want) {
		g.t.Errorf("got  %+v\nwant %+v", got, want)
	}
	want.Done = true
	if got := g.change("set", "moving", "-r", newRevision, "-y"); !reflect.DeepEqual(got, want) {
		g.t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// What was said is what happens: the gateway is rolled out by itself, the pods are not.
	eventually(g.t, patience, func() error {
		for namespace, revision := range map[string]string{"tag-gateway": newRevision, "tag-labelled": oldRevision, "tag-by-pod": oldRevision} {
			for id, i := range proxyver(g.t, g.lab, "-n", namespace) {
				if i.Proxy == nil || i.Proxy.Revision != revision {
					return fmt.Errorf("%s runs %+v, want revision %s", id, i.Proxy, revision)
				}
			}
		}
		return nil
	})
	lost := g.change("remove", "moving", "--dry-run=client")
	if lost.Lost != 3 || !slices.Equal(lost.Uninjected, []string{"tag-by-pod", "tag-gateway", "tag-labelled"}) {
		g.t.Errorf("got %+v", lost)
	}
	g.ours("remove", "moving", "-y")
}

func (g *tagging) twoMeshes() {
	g.ours("set", "twin", "-r", oldRevision)
	set := kubectl(g.t, g.lab, "mesh-canary", "tag", "set", "twin", "-r", "asm-1-22")
	const warning = "warning: mutatingwebhookconfiguration istio-revision-tag-twin of another mesh selects the same pods: both would inject them\n"
	if set.code != 0 || !strings.HasPrefix(set.stderr, warning) {
		g.t.Fatalf("exit %d: %s", set.code, set.stderr)
	}
	want := "TAG   REVISION  ISTIO             STATE  NAMESPACES  PODS  GATEWAYS\ntwin  asm-1-22  aks-istio-system  whole  0           0     0\n"
	if got := g.ours("list", "-i", "aks-istio-system"); got != want {
		g.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r := kubectl(g.t, g.lab, "mesh-canary", "tag", "remove", "twin", "-y")
	wantFailure(g.t, r, 1, "error: several meshes have it, in aks-istio-system, istio-system: choose one with --istio-namespace\n")
	g.ours("remove", "twin", "-y", "-i", "aks-istio-system")
	if got := g.objects("twin"); len(got) != 2 || got["Service istiod-revision-tag-twin"] == nil || got["MutatingWebhookConfiguration istio-revision-tag-twin"] == nil {
		g.t.Errorf("left is %v", got)
	}
	g.ours("remove", "twin", "-y")
	if got := g.objects("twin"); len(got) > 0 {
		g.t.Errorf("left is %v", got)
	}
}

func (g *tagging) refusals() {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"set", "x"}, "--revision is missing: `kubectl mesh-canary revisions` shows those that there are"},
		{[]string{"set", "x", "-r", "1-99"}, "revision 1-99 is not installed: there are asm-1-22, 1-22, 1-23"},
		{[]string{"set", "1-22", "-r", "1-23"}, "tag 1-22: a revision of that name is installed in istio-system, and labels could not tell them apart: choose another name"},
		{[]string{"set", "-r", "1-23"}, "name one tag, such as prod-stable; `kubectl mesh-canary tag list` shows those that there are"},
		{[]string{"list", "-n", "shop"}, "tags are of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i"},
	} {
		wantFailure(g.t, kubectl(g.t, g.lab, append([]string{"mesh-canary", "tag"}, c.args...)...), 1, "error: "+c.want+"\n")
	}
	r := kubectl(g.t, g.lab, "mesh-canary", "tag", "remove", "nowhere")
	if r.code != 1 || !strings.HasPrefix(r.stderr, "error: there is no tag nowhere: there are ") {
		g.t.Errorf("exit %d: %s", r.code, r.stderr)
	}
}
