// Package intercept stands between a program and an API server: it records what is asked, and does to chosen requests
// what networks and servers do to them on bad days.
package intercept

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"sync"

	"k8s.io/client-go/rest"
)

// Gate passes requests on to an API server, watches included, unless a fault befalls them. It is safe for concurrent use.
type Gate struct {
	server    *httptest.Server
	through   *httputil.ReverseProxy
	transport http.RoundTripper
	target    *url.URL

	mutex   sync.Mutex
	fault   Fault
	seen    map[string]int // by path
	records []*Record
	ongoing map[*Request]context.CancelFunc
}

// New returns a gate to the API server of that configuration that listens nowhere yet: it is an http.Handler. A nil
// fault lets everything through. The error says what is wrong with the configuration.
func New(config *rest.Config, f Fault) (*Gate, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("connecting the gate: %w", err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("connecting the gate: %w", err)
	}
	through := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1,
		// It would tell of every connection that a test cuts.
		ErrorLog: log.New(io.Discard, "", 0),
		// A gate is not seen: where the API server does not answer, neither does it.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	return &Gate{
		through: through, transport: transport, target: target, fault: f,
		seen: map[string]int{}, ongoing: map[*Request]context.CancelFunc{},
	}, nil
}

// Open starts a gate on loopback. Whoever comes through is who the configuration says, and may impersonate. The error is
// New's.
func Open(config *rest.Config, f Fault) (*Gate, error) {
	g, err := New(config, f)
	if err != nil {
		return nil, err
	}
	g.server = httptest.NewServer(g)
	return g, nil
}

// URL returns the address of a gate that was opened.
func (g *Gate) URL() string { return g.server.URL }

// Close ends a gate that was opened, and does not wait for requests that hang.
func (g *Gate) Close() {
	g.server.CloseClientConnections()
	g.server.Close()
}

// WriteKubeconfig writes a kubeconfig that leads to a server and says nothing of who asks. The error says that the file
// cannot be written.
func WriteKubeconfig(file, server string) error {
	if err := os.WriteFile(file, fmt.Appendf(nil, kubeconfig, server), 0o600); err != nil {
		return fmt.Errorf("writing the gate's kubeconfig: %w", err)
	}
	return nil
}

const kubeconfig = `{"kind": "Config", "apiVersion": "v1", "current-context": "gate",
"clusters": [{"name": "gate", "cluster": {"server": %q}}], "contexts": [{"name": "gate", "context": {"cluster": "gate"}}]}`

// SetFault has another fault befall the requests that come from now on; nil lets them through.
func (g *Gate) SetFault(f Fault) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.fault = f
}

// Cut drops the connections of the requests under way that it holds true for, watches above all, and returns how many.
func (g *Gate) Cut(holds func(*Request) bool) int {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	cut := 0
	for request, cancel := range g.ongoing {
		if holds(request) {
			cancel()
			cut++
		}
	}
	return cut
}

// ServeHTTP passes a request on, or lets the fault have it.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked, fault, done := g.begin(r)
	answered := &answered{ResponseWriter: w}
	defer func() { done(answered.code) }()
	if fault != nil && fault(answered, asked) {
		return
	}
	g.Pass(answered, asked)
}

// Pass has the API server answer.
func (g *Gate) Pass(w http.ResponseWriter, r *Request) { g.through.ServeHTTP(w, r.Request) }

// answered remembers the status of an answer.
type answered struct {
	http.ResponseWriter
	code int
}

// WriteHeader remembers the status, and passes it on.
func (a *answered) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

// Write passes on what it is given; the status is then 200 where none was said.
func (a *answered) Write(p []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController flush.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
