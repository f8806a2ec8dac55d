package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/storage"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

const hostile = "hostile"

// hostileAnswer is what every test asks, in pages of two.
var hostileAnswer = []string{"-n", hostile, "--all", "-o", "json", "--chunk-size=2"}

// createHostile makes a namespace with pods and ReplicaSets enough for several pages.
func createHostile(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	createNamespace(t, lab, hostile, labels{"istio.io/rev": oldRevision})
	var pods []*corev1.Pod
	for i := range 5 {
		pods = append(pods, newPod(hostile, fmt.Sprintf("bare-%d", i)))
	}
	createPods(t, lab, pods...)
	for i := range int32(5) {
		d := newDeployment(hostile, fmt.Sprintf("set-%d", i), i%2, func(p *corev1.Pod) { p.Spec.SchedulerName = "none" })
		set := &appsv1.ReplicaSet{ObjectMeta: d.ObjectMeta, Spec: appsv1.ReplicaSetSpec{
			Replicas: d.Spec.Replicas, Selector: d.Spec.Selector, Template: d.Spec.Template,
		}}
		if _, err := lab.Client().AppsV1().ReplicaSets(hostile).Create(t.Context(), set, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventuallyPods(t, lab, hostile, 7)
}

// TestAHostileClusterGetsTheAnswerOrAnError plants one fault a run between the plugin and a real cluster: the answer is
// the one without the fault, or there is none, and stderr says why.
func TestAHostileClusterGetsTheAnswerOrAnError(t *testing.T) {
	lab := sharedLab(t)
	createHostile(t, lab)
	whole := openGate(t, lab, nil).run(hostileAnswer...)
	if whole.code != 0 || whole.stderr != "" || strings.Count(whole.stdout, `"pod":`) != 7 {
		t.Fatalf("without a fault: exit %d, stderr %q, stdout %s", whole.code, whole.stderr, whole.stdout)
	}
	t.Run("an interrupt", func(t *testing.T) {
		interruptIn(t, lab, intercept.Hang)
		interruptIn(t, lab, intercept.HangWithin)
	})
	t.Run("a certificate that is not trusted", func(t *testing.T) { untrusted(t, lab) })
	// Most of these wait for the better part of their time, so many run at once.
	var group errgroup.Group
	group.SetLimit(16)
	for name, c := range hostileCases() {
		group.Go(func() error {
			t.Run(name, func(t *testing.T) {
				g := openGate(t, lab, c.fault)
				c.check(t, g, g.run(append(c.args, hostileAnswer...)...), whole.stdout)
			})
			return nil
		})
	}
	_ = group.Wait()
}

func (c hostileCase) check(t *testing.T, g *gate, r result, whole string) {
	t.Helper()
	want := strings.ReplaceAll(c.stderr, "%s", g.url)
	if got := withoutTokens(r.stderr); r.code != c.code || got != want {
		t.Errorf("exit %d, want %d\nstderr: %s\nwant:   %s", r.code, c.code, got, want)
	}
	if c.code == 0 && r.stdout != whole {
		t.Errorf("got %s\nwant %s", r.stdout, whole)
	}
	if c.code != 0 {
		wantNoDocument(t, r.stdout)
	}
}

// withoutTokens replaces the continue token in an address, which differs each time.
func withoutTokens(text string) string {
	before, after, found := strings.Cut(text, "continue=")
	if !found {
		return text
	}
	_, after, _ = strings.Cut(after, "&")
	return before + "continue=TOKEN&" + after
}

// expire answers as an API server does whose storage has dropped the list's moment. Source:
// handleCompactedErrorForPaging in k8s.io/apiserver/pkg/storage/etcd3.
func expire(token bool) intercept.Answer {
	return func(w http.ResponseWriter, r *intercept.Request) {
		const prefix = "/registry/"
		message := "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
		next := ""
		if token {
			key, _, err := storage.DecodeContinue(r.URL.Query().Get("continue"), prefix)
			if err == nil {
				next, err = storage.EncodeContinue(key, prefix, -1)
			}
			if err != nil {
				panic(err)
			}
		}
		status := apierrors.NewResourceExpired(message).Status()
		status.Continue = next
		intercept.WriteObject(w, r, http.StatusGone, &status)
	}
}

// truncatedGzip sends half of what compression makes of the API server's answer.
func truncatedGzip(w http.ResponseWriter, r *intercept.Request) {
	r.Header.Set("Accept-Encoding", "identity")
	resp, body := r.Gate.Fetch(r)
	var zipped bytes.Buffer
	zipper := gzip.NewWriter(&zipped)
	_, _ = zipper.Write(body)
	_ = zipper.Close()
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(zipped.Bytes()[:zipped.Len()/2])
}

// ignoringContinue has the first page come for ever.
func ignoringContinue(resource string) intercept.Fault {
	return func(_ http.ResponseWriter, r *intercept.Request) bool {
		if r.Last() == resource {
			query := r.URL.Query()
			query.Del("continue")
			r.URL.RawQuery = query.Encode()
		}
		return false
	}
}

// interruptIn: Ctrl-C ends a command at once that waits for pods.
func interruptIn(t *testing.T, lab *cluster.Cluster, do intercept.Answer) {
	t.Helper()
	ready := make(chan struct{})
	var reached sync.Once
	g := openGate(t, lab, intercept.When(intercept.Of("pods"), func(w http.ResponseWriter, r *intercept.Request) {
		reached.Do(func() { time.AfterFunc(100*time.Millisecond, func() { close(ready) }) })
		do(w, r)
	}))
	r, took := g.interrupted(ready, hostileAnswer...)
	if r.code != 130 || r.stderr != "error: interrupted\n" || took > 2*time.Second {
		t.Errorf("exit %d after %s, stderr %q", r.code, took, r.stderr)
	}
	wantNoDocument(t, r.stdout)
}

func untrusted(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	g := openGate(t, lab, nil)
	server := httptest.NewTLSServer(g.Gate)
	t.Cleanup(server.Close)
	g.url = server.URL
	wantFailure(t, g.run(hostileAnswer...), 1, fmt.Sprintf("error: reading webhook configurations: "+webhooksURL+": tls: failed to verify "+
		"certificate: x509: certificate signed by unknown authority; the kubeconfig does not trust that certificate: see "+
		"`kubectl config view --minify`\n", g.url))
}
