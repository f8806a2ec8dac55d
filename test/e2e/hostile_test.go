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

// hostileCase is a fault and what becomes of the answer: it is whole where the code is 0.
type hostileCase struct {
	fault  fault
	args   []string
	code   int
	stderr string
}

// The errors, less their beginnings and ends; %s is the gate's address.
const (
	webhooksURL   = `Get "%s/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"`
	setsURL       = `Get "%s/apis/apps/v1/namespaces/hostile/replicasets?limit=2"`
	podsURL       = `Get "%s/api/v1/namespaces/hostile/pods?limit=2"`
	expiredStderr = "warning: the list of pods expired while it was read (410 Gone), so its later pods are from a later moment; run the " +
		"command again for one moment's view\n"
	cutAdvice    = "; what is between here and the cluster cuts connections: see whether `kubectl get pods -A` comes through\n"
	busyAdvice   = "; the server stayed busy, though it was asked again and again: try again later\n"
	lateAdvice   = "; allow more, or see whether the cluster is well: `kubectl get --raw /readyz`\n"
	readyzAdvice = "; that is the server's own trouble: see `kubectl get --raw '/readyz?verbose'`\n"
	foreign      = ", which no API server does: is there a login page or a proxy in between? See `kubectl cluster-info`\n"
	circle       = "the list never ends, for the server sends a page again: does a proxy in between ignore the continue token?\n"
	late         = "the server has not answered in full within the 1s of --request-timeout"
	after1       = "error: reading pods: the list broke off after pod hostile/bare-1: "
)

func hostileCases() map[string]hostileCase {
	short := []string{"--request-timeout=1s"}
	page := text(200, "text/html; charset=utf-8", "<html><body>Please log in</body></html>")
	wrong := text(200, "application/octet-stream", "\x00\x01\x02")
	trouble := text(500, "text/plain", "etcd is gone")
	busy := func(wait ...string) answer { return text(429, "text/plain", "busy", wait...) }
	return map[string]hostileCase{
		"pods expire, and the server says how to go on": {fault: once(later("pods"), expire(true)), stderr: expiredStderr},
		"pods expire":        {fault: once(later("pods"), expire(false)), stderr: expiredStderr},
		"pods always expire": {fault: when(later("pods"), expire(false)), code: 1, stderr: after1 + "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter. (asked 4 times)\n"},
		"owners expire, and the server says how to go on": {fault: once(later("replicasets"), expire(true))},
		"owners expire": {fault: once(later("replicasets"), expire(false))},

		"busy once, for a moment":     {fault: when(first, busy("Retry-After", "0"))},
		"busy once, without a word":   {fault: when(first, busy())},
		"busy for ever":               {fault: when(all, busy("Retry-After", "0")), code: 1, stderr: "error: reading webhook configurations: the server has received too many requests and has asked us to try again later (get mutatingwebhookconfigurations.admissionregistration.k8s.io)" + busyAdvice},
		"owners busy, without a word": {fault: when(of("replicasets"), busy()), code: 1, stderr: "error: reading replicasets: the server has received too many requests and has asked us to try again later" + busyAdvice},
		"pods busy for ever":          {fault: when(later("pods"), busy("Retry-After", "0")), code: 1, stderr: after1 + "the server has received too many requests and has asked us to try again later (get pods)" + busyAdvice},
		"busy for an hour":            {fault: when(all, busy("Retry-After", "3600")), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server is busy (429 Too Many Requests) and asks to wait 1h0m0s before the next request; try again then\n"},
		"pods busy for an hour":       {fault: when(later("pods"), busy("Retry-After", "3600")), code: 1, stderr: after1 + `Get "%s/api/v1/namespaces/hostile/pods?continue=TOKEN&limit=2": the server is busy (429 Too Many Requests) and asks to wait 1h0m0s before the next request; try again then` + "\n"},

		"the server hangs":                         {args: short, fault: when(all, hang), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": " + late + lateAdvice},
		"the server hangs in an answer":            {args: short, fault: when(all, hangWithin), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": " + late + lateAdvice},
		"the server hangs where objects are named": {args: append(short, "replicaset/set-1"), fault: when(all, hang), code: 1, stderr: `error: Get "%s/api?timeout=32s": ` + late + lateAdvice},
		"a name behind a cut connection":           {args: []string{"pod/bare-1"}, fault: when(of("bare-1"), cutWithin), code: 1, stderr: `error: Get "%s/api/v1/namespaces/hostile/pods/bare-1": unexpected EOF` + cutAdvice},
		"a web page where objects are named":       {args: []string{"replicaset/set-1"}, fault: when(all, page), code: 1, stderr: `error: Get "%s/api?timeout=32s": the server answered with a web page` + foreign},
		"owners hang in mid-page":                  {args: short, fault: when(of("replicasets"), hangWithin), code: 1, stderr: "error: reading replicasets: " + setsURL + ": " + late + lateAdvice},
		"pods hang once in mid-page":               {args: short, fault: once(of("pods"), hangWithin)},
		"pods hang in mid-page":                    {args: short, fault: when(of("pods"), hangWithin), code: 1, stderr: "error: reading pods: the list broke off after pod hostile/bare-0: " + late + " (asked 4 times)" + lateAdvice},

		"pods cut before the first byte":        {fault: once(of("pods"), cutBefore)},
		"pods cut in the first page":            {fault: once(of("pods"), cutWithin)},
		"pods cut in a later page":              {fault: once(later("pods"), cutWithin)},
		"pods always cut before the first byte": {fault: when(of("pods"), cutBefore), code: 1, stderr: "error: reading pods: " + podsURL + ": EOF (asked 4 times)" + cutAdvice},
		"pods always cut":                       {fault: when(of("pods"), cutWithin), code: 1, stderr: "error: reading pods: the list broke off after pod hostile/bare-0: the connection was cut: unexpected EOF (asked 4 times)" + cutAdvice},
		"owners cut before the first byte":      {fault: once(of("replicasets"), cutBefore)},
		"owners cut in mid-page":                {fault: once(later("replicasets"), cutWithin)},
		"owners always cut":                     {fault: when(of("replicasets"), cutWithin), code: 1, stderr: "error: reading replicasets: " + setsURL + ": unexpected EOF" + cutAdvice},
		"everything cut once":                   {fault: when(first, cutWithin)},

		"a web page":                           {fault: when(all, page), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server answered with a web page" + foreign},
		"a web page instead of pods":           {fault: when(later("pods"), page), code: 1, stderr: after1 + `Get "%s/api/v1/namespaces/hostile/pods?continue=TOKEN&limit=2": the server answered with a web page` + foreign},
		"a web page that says it is an object": {fault: when(of("pods"), text(200, "application/json", "<html>")), code: 1, stderr: "error: reading pods: malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"<htm\"\n"},
		"rubbish":                              {fault: when(all, wrong), code: 1, stderr: "error: reading webhook configurations: " + webhooksURL + ": the server answered with application/octet-stream" + foreign},
		"rubbish instead of owners":            {fault: when(of("replicasets"), wrong), code: 1, stderr: "error: reading replicasets: " + setsURL + ": the server answered with application/octet-stream" + foreign},
		"rubbish instead of pods":              {fault: when(of("pods"), wrong), code: 1, stderr: "error: reading pods: " + podsURL + ": the server answered with application/octet-stream" + foreign},
		"pods that are no list":                {fault: when(of("pods"), text(200, "application/json", "\x00\x01\x02")), code: 1, stderr: "error: reading pods: malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"\\x00\\x01\\x02\"\n"},
		"truncated gzip once":                  {fault: once(of("replicasets"), truncatedGzip)},
		"truncated gzip":                       {fault: when(of("replicasets"), truncatedGzip), code: 1, stderr: "error: reading replicasets: " + setsURL + ": unexpected EOF" + cutAdvice},

		"the limit is ignored": {fault: func(_ *gate, _ http.ResponseWriter, r request) bool {
			query := r.URL.Query()
			query.Del("limit")
			r.URL.RawQuery = query.Encode()
			return false
		}},
		"the continue token of pods is ignored":   {fault: ignoringContinue("pods"), code: 1, stderr: after1 + circle},
		"the continue token of owners is ignored": {fault: ignoringContinue("replicasets"), code: 1, stderr: "error: reading replicasets: " + circle},

		"the server fails":                      {fault: when(all, trouble), code: 1, stderr: "error: reading webhook configurations: an error on the server (\"etcd is gone\") has prevented the request from succeeding (get mutatingwebhookconfigurations.admissionregistration.k8s.io)" + readyzAdvice},
		"the server fails at owners":            {fault: when(of("replicasets"), trouble), code: 1, stderr: "error: reading replicasets: an error on the server (\"etcd is gone\") has prevented the request from succeeding" + readyzAdvice},
		"the server fails once at a later page": {fault: once(later("pods"), trouble)},
		"the server fails at a later page":      {fault: when(later("pods"), trouble), code: 1, stderr: after1 + "an error on the server (\"etcd is gone\") has prevented the request from succeeding (get pods) (asked 4 times)" + readyzAdvice},
	}
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
		interruptIn(t, lab, hang)
		interruptIn(t, lab, hangWithin)
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
	want := strings.ReplaceAll(c.stderr, "%s", g.URL)
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
func expire(token bool) answer {
	return func(g *gate, w http.ResponseWriter, r request) {
		const prefix = "/registry/"
		message := "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter."
		next := ""
		if token {
			key, _, err := storage.DecodeContinue(r.URL.Query().Get("continue"), prefix)
			if err == nil {
				next, err = storage.EncodeContinue(key, prefix, -1)
			}
			if err != nil {
				g.t.Error(err)
			}
		}
		status := apierrors.NewResourceExpired(message).Status()
		status.Continue = next
		writeObject(w, r, http.StatusGone, &status)
	}
}

// truncatedGzip sends half of what compression makes of the API server's answer.
func truncatedGzip(g *gate, w http.ResponseWriter, r request) {
	r.Header.Set("Accept-Encoding", "identity")
	resp, body := g.fetch(r)
	var zipped bytes.Buffer
	zipper := gzip.NewWriter(&zipped)
	_, _ = zipper.Write(body)
	_ = zipper.Close()
	w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
	w.Header().Set("Content-Encoding", "gzip")
	_, _ = w.Write(zipped.Bytes()[:zipped.Len()/2])
}

// ignoringContinue has the first page come for ever.
func ignoringContinue(resource string) fault {
	return func(_ *gate, _ http.ResponseWriter, r request) bool {
		if r.resource() == resource {
			query := r.URL.Query()
			query.Del("continue")
			r.URL.RawQuery = query.Encode()
		}
		return false
	}
}

// interruptIn: Ctrl-C ends a command at once that waits for pods.
func interruptIn(t *testing.T, lab *cluster.Cluster, do answer) {
	t.Helper()
	ready := make(chan struct{})
	var reached sync.Once
	g := openGate(t, lab, when(of("pods"), func(g *gate, w http.ResponseWriter, r request) {
		reached.Do(func() { time.AfterFunc(100*time.Millisecond, func() { close(ready) }) })
		do(g, w, r)
	}))
	r, took := g.interrupted(ready, hostileAnswer...)
	if r.code != 130 || r.stderr != "error: interrupted\n" || took > 2*time.Second {
		t.Errorf("exit %d after %s, stderr %q", r.code, took, r.stderr)
	}
	wantNoDocument(t, r.stdout)
}

func untrusted(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	g := newGate(t, lab, nil)
	g.Server = httptest.NewTLSServer(g)
	t.Cleanup(g.close)
	wantFailure(t, g.run(hostileAnswer...), 1, fmt.Sprintf("error: reading webhook configurations: "+webhooksURL+": tls: failed to verify "+
		"certificate: x509: certificate signed by unknown authority; the kubeconfig does not trust that certificate: see "+
		"`kubectl config view --minify`\n", g.URL))
}
