package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// gate stands between a plugin and the lab's API server, and does to a request what a fault says.
type gate struct {
	*httptest.Server
	t         *testing.T
	through   *httputil.ReverseProxy
	transport http.RoundTripper
	target    *url.URL

	mutex sync.Mutex
	fault fault
	// seen counts the requests by path.
	seen map[string]int
}

// request is one that comes to the gate; nth says how often its path has come, counted from 1.
type request struct {
	*http.Request
	nth int
}

// resource is the last part of the path: the kind of a list, the name of an object.
func (r request) resource() string { return filepath.Base(r.URL.Path) }

// later says whether another page came before.
func (r request) later() bool { return r.URL.Query().Has("continue") }

// fault answers in the API server's place and returns true, or returns false to let the request through.
type fault func(g *gate, w http.ResponseWriter, r request) bool

// answer is what a fault does to the requests that it befalls.
type answer func(g *gate, w http.ResponseWriter, r request)

// openGate starts a gate to the lab without a fault.
func openGate(t *testing.T, lab *cluster.Cluster, f fault) *gate {
	t.Helper()
	g := newGate(t, lab, f)
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.close)
	return g
}

func newGate(t *testing.T, lab *cluster.Cluster, f fault) *gate {
	t.Helper()
	config := lab.RESTConfig()
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	return &gate{t: t, through: through, transport: transport, target: target, fault: f, seen: map[string]int{}}
}

// close does not wait for requests that a fault leaves hanging.
func (g *gate) close() {
	g.CloseClientConnections()
	g.Close()
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mutex.Lock()
	g.seen[r.URL.Path]++
	asked := request{r, g.seen[r.URL.Path]}
	g.mutex.Unlock()
	if g.fault == nil || !g.fault(g, w, asked) {
		g.through.ServeHTTP(w, r)
	}
}

// fetch returns the API server's own answer.
func (g *gate) fetch(r request) (*http.Response, []byte) {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host, out.Host = g.target.Scheme, g.target.Host, ""
	resp, err := g.transport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return resp, body
}

// run runs the plugin on the gate.
func (g *gate) run(args ...string) result {
	g.t.Helper()
	cmd, stdout, stderr := g.command(args...)
	err := cmd.Run()
	if cmd.ProcessState == nil {
		g.t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func (g *gate) command(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	g.t.Helper()
	cmd = exec.CommandContext(g.t.Context(), filepath.Join(pluginDir, "kubectl-mesh_proxyver"), args...)
	cmd.Env = []string{"HOME=" + g.t.TempDir(), "KUBECONFIG=" + g.kubeconfig()}
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func (g *gate) kubeconfig() string {
	file := filepath.Join(g.t.TempDir(), "kubeconfig")
	writeFile(g.t, file, fmt.Sprintf(`{"kind": "Config", "apiVersion": "v1", "current-context": "gate",
		"clusters": [{"name": "gate", "cluster": {"server": %q}}], "contexts": [{"name": "gate", "context": {"cluster": "gate"}}]}`, g.URL))
	return file
}

// when befalls requests that it holds true for.
func when(holds func(request) bool, do answer) fault {
	return func(g *gate, w http.ResponseWriter, r request) bool {
		if holds(r) {
			do(g, w, r)
			return true
		}
		return false
	}
}

// of holds for every request for the resource, later for those for its later pages, first for the first time that each
// path is asked for, all for everything.
func of(resource string) func(request) bool {
	return func(r request) bool { return r.resource() == resource }
}

func later(resource string) func(request) bool {
	return func(r request) bool { return r.resource() == resource && r.later() }
}

func first(r request) bool { return r.nth == 1 }

func all(request) bool { return true }

// once has a fault befall only the first of the requests that it would befall.
func once(holds func(request) bool, do answer) fault {
	var first sync.Once
	return func(g *gate, w http.ResponseWriter, r request) (befallen bool) {
		if holds(r) {
			first.Do(func() { befallen = true })
		}
		if befallen {
			do(g, w, r)
		}
		return befallen
	}
}

// writeObject answers with an object, in the encoding that was asked for.
func writeObject(w http.ResponseWriter, r request, code int, o runtime.Object) {
	kind, encoder := runtime.ContentTypeJSON, runtime.Encoder(scheme.Codecs.LegacyCodec(corev1.SchemeGroupVersion))
	if strings.HasPrefix(r.Header.Get("Accept"), runtime.ContentTypeProtobuf) {
		kind = runtime.ContentTypeProtobuf
		encoder = scheme.Codecs.EncoderForVersion(protobuf.NewSerializer(scheme.Scheme, scheme.Scheme), corev1.SchemeGroupVersion)
	}
	body, err := runtime.Encode(encoder, o)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

// hang never answers.
func hang(_ *gate, _ http.ResponseWriter, r request) { <-r.Context().Done() }

// hangWithin sends most of the answer and nothing more.
func hangWithin(g *gate, w http.ResponseWriter, r request) {
	g.most(w, r)
	<-r.Context().Done()
}

// cutBefore drops the connection without an answer, cutWithin within it.
func cutBefore(*gate, http.ResponseWriter, request) { panic(http.ErrAbortHandler) }

func cutWithin(g *gate, w http.ResponseWriter, r request) {
	g.most(w, r)
	panic(http.ErrAbortHandler)
}

// most sends the API server's answer without its last quarter.
func (g *gate) most(w http.ResponseWriter, r request) {
	resp, body := g.fetch(r)
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body[:len(body)*3/4])
	_ = http.NewResponseController(w).Flush()
}

// text answers with something that is no object.
func text(code int, contentType, body string, header ...string) answer {
	return func(_ *gate, w http.ResponseWriter, _ request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// wantNoDocument: what was printed before a failure cannot be taken for an answer.
func wantNoDocument(t *testing.T, stdout string) {
	t.Helper()
	if stdout != "" && json.Valid([]byte(stdout)) {
		t.Errorf("stdout is a whole document: %s", stdout)
	}
}

// interrupted runs the plugin until ready is closed, interrupts it, and returns how it ended and how soon.
func (g *gate) interrupted(ready <-chan struct{}, args ...string) (result, time.Duration) {
	g.t.Helper()
	cmd, stdout, stderr := g.command(args...)
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	select {
	case <-ready:
	case <-time.After(30 * time.Second):
		_ = cmd.Process.Kill()
		g.t.Error("it never came to the fault")
	}
	start := time.Now()
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}, time.Since(start)
}
