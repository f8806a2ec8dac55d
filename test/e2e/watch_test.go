package e2e

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// TestWatch has a lab of its own: it moves tags and stops the API server.
func TestWatch(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	if err := installTwoRevisions(t.Context(), lab); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		test func(*testing.T, *cluster.Cluster)
	}{
		{"a tag's move and a restart show as lines, and nothing is listed again", watchALineForEachChange},
		{"JSON has an object a line", watchJSON},
		{"every way to choose and to show", watchEveryWay},
		{"a pod that leaves the selector is gone", watchASelector},
		{"an expired watch is taken up again", watchAnExpiredWatch},
		{"who may not watch is told", watchForbidden},
		{"who may read one namespace only can watch it", watchOneNamespace},
		{"who may read some namespaces watches those", watchSomeNamespaces},
		{"a namespace that does not exist is an error", watchNoNamespace},
		{"a terminal's table is replaced in place", watchOnATerminal},
		{"a dumb terminal gets lines", watchOnADumbTerminal},
		{"an outage of the API server passes", watchThroughAnOutage},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, lab) })
	}
}

// following makes a namespace that follows a revision or tag, with a bare pod in it.
func following(t *testing.T, lab *cluster.Cluster, namespace, follows string) {
	t.Helper()
	createNamespace(t, lab, namespace, labels{"istio.io/rev": follows})
	createPods(t, lab, newPod(namespace, "bare", withLabel("team", "a")))
}

func follow(t *testing.T, lab *cluster.Cluster, namespace, revision string) {
	t.Helper()
	relabel(t, lab, namespace, "istio.io/rev="+revision)
}

func watchALineForEachChange(t *testing.T, lab *cluster.Cluster) {
	createNamespace(t, lab, "lines", labels{"istio.io/rev": stableTag})
	createDeployment(t, lab, newDeployment("lines", "cart", 2))
	t.Cleanup(func() {
		if err := setTag(t.Context(), lab, stableTag, oldRevision); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	w := startWatch(t, lab, "-A", "--as", "watcher", "--as-group", "system:masters")
	w.awaitLine(`^NAMESPACE +WORKLOAD +PODS +VERSION +WANT +REVISION +STATUS$`)
	w.awaitLine(`^lines +deployment/cart +2 +1\.22\.0 +1\.22\.0 +1-22 +current$`)
	if err := setTag(t.Context(), lab, stableTag, newRevision); err != nil {
		t.Fatal(err)
	}
	w.awaitLine(`^lines +deployment/cart +2 +1\.22\.0 +1\.23\.0 +1-22 -> 1-23 +outdated$`)
	// What does not matter shows no line: an annotation here, a leader's lease there.
	relabel(t, lab, "lines", "colour=blue")
	if _, err := lab.Kubectl(t.Context(), "annotate", "configmap", "-n", "istio-system", "istio-"+oldRevision, "leader=me"); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Kubectl(t.Context(), "rollout", "restart", "-n", "lines", "deployment/cart"); err != nil {
		t.Fatal(err)
	}
	w.awaitLine(`^lines +deployment/cart +2 +1\.23\.0 +1\.23\.0 +1-23 +current$`)
	w.interrupt()
	last := ""
	for _, line := range w.lines() {
		if line == last || !regexp.MustCompile(`^(NAMESPACE|lines +deployment/cart) `).MatchString(line) {
			t.Errorf("a line without a change: %q after %q", line, last)
		}
		last = line
	}
	wantNoListTwice(t, lab, "watcher")
}

// wantNoListTwice: whatever has changed, a user has listed no kind in any place more than once.
func wantNoListTwice(t *testing.T, lab *cluster.Cluster, user string) {
	t.Helper()
	listed, watched := map[string]int{}, 0
	for _, r := range requestsOf(t, lab, user) {
		verb, uri, _ := strings.Cut(r, " ")
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		if verb == "list" && parsed.Query().Get("continue") == "" {
			listed[parsed.Path]++
		}
		if verb == "watch" {
			watched++
		}
	}
	for path, n := range listed {
		if n > 1 {
			t.Errorf("%s was listed %d times", path, n)
		}
	}
	if len(listed) < 8 || watched < 8 {
		t.Errorf("listed %v, watched %d: the audit log lacks what surely happened", listed, watched)
	}
}

// event mirrors the contract's JSON.
type event struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Type       string `json:"type"`
	Item       item   `json:"item"`
}

func watchJSON(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "objects", oldRevision)
	w := startWatch(t, lab, "-n", "objects", "-o", "json")
	next := func(kind, pod, status string) {
		t.Helper()
		w.await(func(text string) bool {
			for _, line := range strings.Split(text, "\n") {
				var e event
				if json.Unmarshal([]byte(line), &e) == nil && e.Type == kind && e.Item.Pod == pod && e.Item.Status == status {
					return true
				}
			}
			return false
		}, kind+" "+pod+" "+status)
	}
	next("ADDED", "bare", "current")
	follow(t, lab, "objects", newRevision)
	next("MODIFIED", "bare", "outdated")
	createPods(t, lab, newPod("objects", "later"))
	next("ADDED", "later", "current")
	deletePod(t, lab, "objects", "bare")
	next("DELETED", "bare", "outdated")
	w.interrupt()
	last := ""
	for _, line := range w.lines() {
		var e event
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil || e.Kind != "ProxyEvent" || e.APIVersion != "mesh.kubectl.dev/v1alpha1" || line == last {
			t.Errorf("%v: %s", err, line)
		}
		last = line
	}
}

func deletePod(t *testing.T, lab *cluster.Cluster, namespace, name string) {
	t.Helper()
	now := int64(0)
	if err := lab.Client().CoreV1().Pods(namespace).Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
		t.Fatal(err)
	}
}

func watchEveryWay(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "ways", oldRevision)
	type way struct {
		args          []string
		before, after string
	}
	ways := []way{
		{[]string{}, `^ways +pod/bare +1 +1\.22\.0 +1\.22\.0 +1-22 +current$`, `^ways +pod/bare +1 +1\.22\.0 +1\.23\.0 +1-22 -> 1-23 +outdated$`},
		{[]string{"pod/bare"}, `^ways +pod/bare .*current$`, `^ways +pod/bare .*outdated$`},
		{[]string{"-l", "team=a"}, `^ways +pod/bare .*current$`, `^ways +pod/bare .*outdated$`},
		{[]string{"--no-headers"}, `^ways +pod/bare .*current$`, `^ways +pod/bare .*outdated$`},
		{[]string{"--by", "pod"}, `^ways +bare +1\.22\.0 +1\.22\.0 +1-22 +current$`, `^ways +bare +1\.22\.0 +1\.23\.0 +1-22 -> 1-23 +outdated$`},
		{[]string{"--by", "version"}, `^1\.22\.0 +1 +1\.22\.0 +1-22 +current$`, `^1\.22\.0 +1 +1\.23\.0 +1-22 -> 1-23 +outdated$`},
		{[]string{"--by", "revision"}, `^1-22 +1 +1\.22\.0 +1\.22\.0 +current$`, `^1-22 +1 +1\.22\.0 +1\.23\.0 +outdated$`},
		{[]string{"--by", "revision"}, `^1-23 +0 +- +1\.23\.0 +-$`, `^1-22 +1 .*outdated$`},
		{[]string{"--sort-by", ".proxy.version"}, `^ways +pod/bare .*current$`, `^ways +pod/bare .*outdated$`},
		{[]string{"-o", "wide"}, `^ways .*current .*istio.io/rev=1-22`, `^ways .*outdated .*istio.io/rev=1-23`},
		{[]string{"-o", "name"}, `^pod/bare$`, `(?s)pod/bare\npod/bare$`},
		{[]string{"-o", "custom-columns=POD:.pod,STATUS:.status"}, `^ADDED +bare +current$`, `^MODIFIED +bare +outdated$`},
		{[]string{"-o", "yaml"}, `^  status: current$`, `^  status: outdated$`},
		{[]string{"-o", `jsonpath={.type} {.item.status}{"\n"}`}, `^ADDED current$`, `^MODIFIED outdated$`},
	}
	watches := make([]*watching, len(ways))
	for i, c := range ways {
		watches[i] = startWatch(t, lab, append([]string{"-n", "ways"}, c.args...)...)
	}
	for i, c := range ways {
		watches[i].awaitLine(c.before)
	}
	follow(t, lab, "ways", newRevision)
	for i, c := range ways {
		watches[i].awaitLine(c.after)
		watches[i].interrupt()
		if slices.Contains(c.args, "--no-headers") && strings.Contains(watches[i].stdout.String(), "NAMESPACE") {
			t.Errorf("%v has headers", c.args)
		}
	}
	wantFailure(t, kubectl(t, lab, "mesh-proxyver", "-w", "--exit-code"), 1,
		"error: --watch ends by Ctrl-C only, with exit code 130: use either it or --exit-code\n")
}

func watchASelector(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "leaving", oldRevision)
	w := startWatch(t, lab, "-n", "leaving", "-l", "team=a")
	w.awaitLine(`^leaving +pod/bare .*current$`)
	patch := []byte(`{"metadata":{"labels":{"team":"b"}}}`)
	if _, err := lab.Client().CoreV1().Pods("leaving").Patch(t.Context(), "bare", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	w.awaitLine(`^leaving +pod/bare +0 +- +- +- +gone$`)
	w.interrupt()
}

func watchAnExpiredWatch(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "expired", oldRevision)
	createPods(t, lab, newPod("expired", "stays"))
	front := startFront(t, lab)
	w := runWatch(t, lab, []string{"HOME=" + t.TempDir()}, "-n", "expired", "--server", front.url)
	w.awaitLine(`^expired +pod/bare .*current$`)
	front.silence()
	deletePod(t, lab, "expired", "bare")
	createPods(t, lab, newPod("expired", "came"))
	front.expire()
	w.awaitLine(`^expired +pod/bare +0 .*gone$`)
	w.awaitLine(`^expired +pod/came .*current$`)
	follow(t, lab, "expired", newRevision)
	w.awaitLine(`^expired +pod/stays .*outdated$`)
	w.interrupt()
	if n := len(regexp.MustCompile(`(?m)^expired +pod/stays `).FindAllString(w.stdout.String(), -1)); n != 2 {
		t.Errorf("pod/stays has changed once, and has %d lines:\n%s", n, w.stdout)
	}
	if w.stderr.String() != "error: interrupted\n" {
		t.Errorf("stderr %q", w.stderr)
	}
}

func watchThroughAnOutage(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "outage", oldRevision)
	w := startWatch(t, lab, "-n", "outage")
	w.awaitLine(`^outage +pod/bare .*current$`)
	if err := lab.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	w.awaitStderr("connection lost")
	if err := lab.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.awaitStderr("connected again")
	follow(t, lab, "outage", newRevision)
	w.awaitLine(`^outage +pod/bare .*outdated$`)
	w.interrupt()
	for _, said := range []string{"connection lost", "connected again"} {
		if n := strings.Count(w.stderr.String(), said); n != 1 {
			t.Errorf("says %q %d times:\n%s", said, n, w.stderr)
		}
	}
	if n := strings.Count(w.stdout.String(), "\n"); n != 3 {
		t.Errorf("%d lines for a header, a pod and one change:\n%s", n, w.stdout)
	}
}

// interrupt ends it by Ctrl-C, which leaves whole lines.
func (w *watching) interrupt() {
	w.t.Helper()
	if err := w.cmd.Process.Signal(os.Interrupt); err != nil {
		w.t.Fatal(err)
	}
	w.wait(130)
	if out := w.stdout.String(); out != "" && !strings.HasSuffix(out, "\n") {
		w.t.Errorf("the last line is not whole: %q", out)
	}
	if !strings.HasSuffix(w.stderr.String(), "error: interrupted\n") {
		w.t.Errorf("stderr %q", w.stderr)
	}
}
