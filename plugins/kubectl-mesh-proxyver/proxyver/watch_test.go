package proxyver

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/live"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/screen"
)

// watched is a --watch whose updates a test makes up.
type watched struct {
	*testing.T
	*watcher
	mesh   *mesh.Mesh
	out    *bytes.Buffer
	stderr *bytes.Buffer
	last   map[string]scan.Item
}

func watching(t *testing.T, change func(*Options)) *watched {
	t.Helper()
	o, errOut := options()
	change(o)
	v, err := o.view()
	if err != nil {
		t.Fatal(err)
	}
	w := newWatcher(o, v, nil)
	return &watched{t, w, meshOf(t, fixture.Injector("1-22")), o.Out.(*bytes.Buffer), errOut, map[string]scan.Item{}}
}

// brings has the cluster hold those items, and returns what is printed because of it.
func (w *watched) brings(items ...scan.Item) string {
	w.Helper()
	return w.says(live.Update{}, items...)
}

func (w *watched) says(u live.Update, items ...scan.Item) string {
	w.Helper()
	now := map[string]scan.Item{}
	for _, i := range items {
		now[idOf(&i)] = i
		before, was := w.last[idOf(&i)]
		switch {
		case !was:
			u.Changes = append(u.Changes, live.Change{After: &i})
		case before.Verdict != i.Verdict || before.Pod.Phase != i.Pod.Phase:
			u.Changes = append(u.Changes, live.Change{Before: &before, After: &i})
		}
	}
	for id, before := range w.last {
		if _, is := now[id]; !is {
			u.Changes = append(u.Changes, live.Change{Before: &before})
		}
	}
	w.last = now
	u.Mesh = w.mesh
	w.out.Reset()
	if err := w.update(u); err != nil {
		w.Fatal(err)
	}
	return w.out.String()
}

func (w *watched) want(got, want string) {
	w.Helper()
	if got != want {
		w.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func current(pod string) scan.Item {
	return item(pod, "apps/Deployment/cart", v1alpha1.Current, runs("1-22", "1.22.0"), wants("1-22", "1.22.0"))
}

func outdated(pod string) scan.Item {
	return item(pod, "apps/Deployment/cart", v1alpha1.Outdated, runs("1-22", "1.22.0"), wants("1-23", "1.23.0"))
}

func TestALineForEachRowThatChanges(t *testing.T) {
	w := watching(t, func(*Options) {})
	w.want(w.brings(current("shop/a"), current("shop/b"), current("bank/c")),
		"NAMESPACE  WORKLOAD         PODS  VERSION  WANT    REVISION  STATUS\n"+
			"bank       deployment/cart  1     1.22.0   1.22.0  1-22      current\n"+
			"shop       deployment/cart  2     1.22.0   1.22.0  1-22      current\n")
	w.want(w.brings(current("shop/a"), current("shop/b"), current("bank/c")), "")
	w.want(w.brings(current("shop/a"), outdated("shop/b"), current("bank/c")),
		"shop       deployment/cart  2     1.22.0   1.22.0,1.23.0  1-22 -> 1-22,1-23  outdated (1), current (1)\n")
	w.want(w.brings(current("shop/d")), "shop       deployment/cart  1     1.22.0   1.22.0         1-22               current\n"+
		"bank       deployment/cart  0     -        -              -                  gone\n")
	w.want(w.brings(), "shop       deployment/cart  0     -        -              -                  gone\n")
	w.want(w.brings(current("shop/a")), "shop       deployment/cart  1     1.22.0   1.22.0         1-22               current\n")
}

func TestRowsThatAreGoneComeInOrder(t *testing.T) {
	w := watching(t, func(o *Options) { o.By, o.NoHeaders = byPod, true })
	w.brings(current("b/2"), current("a/1"), current("b/1"), current("c/3"))
	w.want(w.brings(), "a  1  -       -       -     gone\nb  1  -       -       -     gone\n"+
		"b  2  -       -       -     gone\nc  3  -       -       -     gone\n")
}

func TestNamesOfRowsThatChange(t *testing.T) {
	w := watching(t, func(o *Options) { o.Output = outputName })
	w.want(w.brings(current("shop/a"), current("shop/b")), "deployment.apps/cart\n")
	w.want(w.brings(current("shop/a"), current("shop/b")), "")
	w.want(w.brings(current("shop/a"), outdated("shop/b")), "deployment.apps/cart\n")
}

func TestSortedLines(t *testing.T) {
	w := watching(t, func(o *Options) { o.By, o.NoHeaders, o.SortBy, o.Output = byPod, true, ".status", outputName })
	w.want(w.brings(outdated("shop/a"), current("shop/b")), "pod/b\npod/a\n")
	// Not even a row with the field is needed.
	w.want(w.brings(item("shop/c", "", v1alpha1.Missing)), "pod/c\npod/a\npod/b\n")
}

func TestEventsAsJSON(t *testing.T) {
	w := watching(t, func(o *Options) { o.Output = outputJSON })
	one := func(kind, pod, status string) string {
		return `{"kind":"ProxyEvent","apiVersion":"mesh.kubectl.dev/v1alpha1","type":"` + kind + `","item":{"namespace":"shop","pod":"` + pod + `",` +
			`"node":"node-1","workload":{"kind":"Pod","name":"` + pod + `"},"type":"sidecar","expected":{"injected":false},"status":"` + status +
			`","reason":"because it is ` + status + `","ready":true,"phase":"Running"}}` + "\n"
	}
	missing, unknown := item("shop/b", "", v1alpha1.Missing), item("shop/b", "", v1alpha1.Unknown)
	w.want(w.brings(missing, item("shop/a", "", v1alpha1.Missing)), one("ADDED", "a", "missing")+one("ADDED", "b", "missing"))
	w.want(w.brings(unknown, item("shop/a", "", v1alpha1.Missing)), one("MODIFIED", "b", "unknown"))
	w.want(w.brings(item("shop/a", "", v1alpha1.Missing)), one("DELETED", "b", "unknown"))
	// A pod that needs no proxy is not part of the answer, so it leaves it.
	w.want(w.brings(item("shop/a", "", v1alpha1.None)), one("DELETED", "a", "missing"))
}

func TestAChangeThatCannotBeSeenIsNoEvent(t *testing.T) {
	w := watching(t, func(o *Options) { o.Output = outputJSON })
	w.brings(current("shop/a"))
	moved := current("shop/a")
	decidedBy("elsewhere", "1-22")(&moved)
	w.want(w.brings(moved), "")
}

func TestEventsInKubectlsFormats(t *testing.T) {
	for format, want := range map[string][2]string{
		"yaml":                               {"---\napiVersion", "type: MODIFIED\n"},
		`jsonpath={.type} {.item.pod}{"\n"}`: {"ADDED a\nADDED b\n", "MODIFIED b\n"},
		`go-template={{.type}} {{.item.status}};`: {"ADDED current;ADDED current;", "MODIFIED outdated;"},
		"custom-columns=POD:.pod,S:.status":       {"EVENT   POD   S\nADDED   a     current\nADDED   b     current\n", "MODIFIED   b     outdated\n"},
	} {
		w := watching(t, func(o *Options) { o.Output = format })
		first := w.brings(current("shop/a"), current("shop/b"))
		second := w.brings(current("shop/a"), outdated("shop/b"))
		if !strings.Contains(first, want[0]) || !strings.Contains(second, want[1]) {
			t.Errorf("-o %s: got\n%s\nand\n%s", format, first, second)
		}
	}
}

func TestWhatIsSaidWhileWatchingIsSaidOnce(t *testing.T) {
	lost, gap := errors.New("gone\x1b"), cluster.Gap{Missing: "gateways", Err: errors.New("no")}
	unwatched := errors.New("watching services: no")
	for _, output := range []string{"", outputJSON} {
		w := watching(t, func(o *Options) { o.Output = output })
		for range 3 {
			w.says(live.Update{Gaps: []cluster.Gap{gap}, Unwatched: []error{unwatched}}, current("shop/a"))
		}
		w.says(live.Update{Lost: lost, Gaps: []cluster.Gap{gap}}, current("shop/a"))
		w.says(live.Update{Lost: lost}, current("shop/a"))
		w.says(live.Update{}, current("shop/a"))
		w.says(live.Update{Gaps: []cluster.Gap{{Missing: "configmaps in new", Err: errors.New("no")}}}, current("shop/a"))
		w.want(w.stderr.String(), "warning: cannot read gateways: no\n"+
			"warning: watching services: no; it is read again every minute instead\n"+
			`warning: connection lost, trying again; what was shown is from before: gone\x1b`+"\n"+
			"connected again\n"+
			"warning: cannot read configmaps in new: no\n")
	}
}

func TestWhatIsSaidAtTheBeginning(t *testing.T) {
	dangling := item("shop/a", "", v1alpha1.None, func(i *scan.Item) { i.Verdict.Dangling = true })
	for _, c := range []struct {
		rule  string
		items []scan.Item
		want  string
	}{
		{"nothing", []scan.Item{current("shop/a")}, ""},
		{"no pods", nil, "No resources found.\n"},
		{"hidden pods", []scan.Item{dangling}, "No resources found. Not shown without --all: pods with no proxy that need none: 1; pods that have ended: 0.\n" +
			"warning: not shown: pods without a proxy whose label asks for a revision or tag that does not exist: 1; see them with --all -o wide\n"},
		{"unknown ones", []scan.Item{item("shop/a", "", v1alpha1.Unknown)}, "warning: unknown: because it is unknown\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := watching(t, func(*Options) {})
			w.brings(c.items...)
			w.brings(c.items...)
			w.want(w.stderr.String(), c.want)
		})
	}
}

func TestTheWrongClusterAndAWrongNameAreErrors(t *testing.T) {
	w := watching(t, func(*Options) {})
	if err := w.update(live.Update{Mesh: meshOf(t)}); err == nil || !strings.HasPrefix(err.Error(), "no Istio found: ") {
		t.Errorf("got %v", err)
	}
	w = watching(t, func(*Options) {})
	w.named = naming(target{Group: "example.com", Kind: "Widget", Name: "w"})
	if err := w.update(live.Update{Mesh: w.mesh}); err == nil || !strings.HasPrefix(err.Error(), "no pod can be traced to widget/w") {
		t.Errorf("got %v", err)
	}
	w = watching(t, func(o *Options) { o.IstioNamespace = "nowhere" })
	if err := w.update(live.Update{Mesh: w.mesh}); err == nil || !strings.HasPrefix(err.Error(), "--istio-namespace nowhere: ") {
		t.Errorf("got %v", err)
	}
}

// TestTheNamedMeshMayChange: a revision that comes to the other mesh takes its pods along, and a mesh that goes leaves
// what was there.
func TestTheNamedMeshMayChange(t *testing.T) {
	elsewhere := fixture.Injector("1-23")
	for i := range elsewhere.Webhooks {
		elsewhere.Webhooks[i].ClientConfig.Service.Namespace = "elsewhere"
	}
	w := watching(t, func(o *Options) { o.IstioNamespace, o.Output = fixture.IstioNamespace, `jsonpath={.type} ` })
	orphan := item("shop/a", "", v1alpha1.Unexpected, runs("1-23", "1.23.0"))
	w.want(w.brings(orphan), "ADDED ")
	w.mesh = meshOf(t, fixture.Injector("1-22"), elsewhere)
	w.want(w.brings(orphan), "DELETED ")
	w.mesh = meshOf(t, fixture.Injector("1-22"))
	w.want(w.brings(orphan), "ADDED ")
	w.mesh = meshOf(t, elsewhere)
	w.want(w.brings(orphan), "")
}

func TestTheScreenShowsTheTableAndLeavesTheLastBehind(t *testing.T) {
	var terminal, out, errOut bytes.Buffer
	o, _ := options()
	o.Out, o.ErrOut = &out, &errOut
	v := &screenView{Options: o, screen: screen.New(&terminal, func() (int, int) { return 0, 0 })}
	w := newWatcher(o, v, nil)
	shows := func(u live.Update, words ...string) {
		t.Helper()
		terminal.Reset()
		u.Mesh = meshOf(t, fixture.Injector("1-22"))
		if err := w.update(u); err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(terminal.String(), word) {
				t.Errorf("%q lacks %q", terminal.String(), word)
			}
		}
	}
	a, b := current("shop/a"), outdated("shop/b")
	shows(live.Update{}, "No resources found.", "Pods: 0. Last change ")
	shows(live.Update{Changes: []live.Change{{After: &a}}, Gaps: []cluster.Gap{{Missing: "x", Err: errors.New("no\n")}}},
		"deployment/cart", "Pods: 1, current: 1. Incomplete: cannot read x: no\\n. Last change ")
	shows(live.Update{Changes: []live.Change{{After: &b}}}, "Pods: 2, outdated: 1, current: 1. Last change ")
	shows(live.Update{Lost: errors.New("refused")}, "deployment/cart", "Connection lost at ", ", trying again; what is shown is from before: refused")
	v.errOut().Write([]byte("warning: kept\n"))
	if out.Len()+errOut.Len() > 0 {
		t.Errorf("beside the screen: %q, %q", &out, &errOut)
	}
	if err := v.close(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "NAMESPACE") || errOut.String() != "warning: cannot read x: no\\n\nwarning: kept\n" {
		t.Errorf("left behind: %q, %q", &out, &errOut)
	}
}

func TestTheTallyKeepsTheOrderInWhichSortedItemsCome(t *testing.T) {
	for _, asAdded := range []bool{false, true} {
		tally := newTally(groupingOf(byPod))
		tally.asAdded = asAdded
		for _, pod := range []string{"shop/c", "shop/a", "shop/c", "shop/b"} {
			_ = tally.add(current(pod))
		}
		var names []string
		for _, g := range tally.sorted() {
			names = append(names, g.key.name)
		}
		want := []string{"a", "b", "c"}
		if asAdded {
			want = []string{"c", "a", "b"}
		}
		if !slices.Equal(names, want) {
			t.Errorf("got %v, want %v", names, want)
		}
	}
}
