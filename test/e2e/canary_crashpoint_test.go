package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// change is a request that changes something: the nth of its kind that a command makes.
type change struct {
	verb, path, resource string
	nth                  int
}

// moment is right before or right after a change is passed on to the API server.
type moment struct {
	change
	after bool
}

// String names it.
func (m moment) String() string {
	when := "before"
	if m.after {
		when = "after"
	}
	return fmt.Sprintf("right %s %s %s (%d)", when, m.verb, m.path, m.nth)
}

// changes tells the requests that count: those that change something, but for what is only asked and for the Lease, which is
// renewed at any time.
func changes(r intercept.Record) bool {
	query, err := url.ParseQuery(r.Query)
	return r.Mutates() && err == nil && !query.Has("dryRun") && r.Resource != "leases" && r.Group != "authorization.k8s.io"
}

// played is how a command ended.
type played struct {
	result
	// changes are the requests that have changed something.
	changes []change
	// came says that the command came to the moment at which it was to be killed.
	came bool
}

// crashPlugin builds mesh-canary without the race detector, with which it takes several times as long, and as many moments could not be
// tried. Other tests have that.
func crashPlugin(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubectl-mesh_canary")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", path, "./plugins/kubectl-mesh-canary")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	return path
}

// plugin runs mesh-canary and kills it at a moment, nil for never. It is run itself and not by kubectl, so that it dies and nothing else.
func (c *crashes) plugin(at *moment, args ...string) played {
	c.t.Helper()
	k := &killer{at: at, started: make(chan struct{}), seen: map[change]int{}}
	g := openGate(c.t, c.lab, k.fault)
	defer g.Close()
	cmd := exec.CommandContext(c.t.Context(), c.program, append(args, "--yes", "--lease-duration=2s")...)
	cmd.Env = []string{"HOME=" + c.t.TempDir(), "KUBECONFIG=" + g.kubeconfig()}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	k.process = cmd.Process
	close(k.started)
	_ = cmd.Wait()
	p := played{result: result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}, came: k.struck}
	nth := map[change]int{}
	for _, r := range g.Records() {
		if ch := (change{verb: r.Verb, path: r.Path, resource: r.Resource}); changes(r) && r.Code < http.StatusBadRequest {
			nth[ch]++
			p.changes = append(p.changes, change{ch.verb, ch.path, ch.resource, nth[ch]})
		}
	}
	return p
}

// killer kills a process when it comes to a change.
type killer struct {
	at      *moment
	started chan struct{}
	process *os.Process

	mutex  sync.Mutex
	seen   map[change]int
	struck bool
}

// fault passes on what comes before the moment, and nothing that comes after it.
func (k *killer) fault(_ http.ResponseWriter, r *intercept.Request) bool {
	switch is, struck := k.is(r.Asked); {
	case !struck:
		return false
	case is && k.at.after:
		r.Gate.Fetch(r)
		k.kill()
	case is:
		k.kill()
	}
	panic(http.ErrAbortHandler)
}

// is says whether a request is the one at which the process is killed, and whether that one has come.
func (k *killer) is(r intercept.Record) (is, struck bool) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if k.at == nil || k.struck || !changes(r) {
		return false, k.struck
	}
	ch := change{verb: r.Verb, path: r.Path, resource: r.Resource}
	k.seen[ch]++
	ch.nth = k.seen[ch]
	k.struck = ch == k.at.change
	return k.struck, k.struck
}

func (k *killer) kill() {
	<-k.started
	_ = k.process.Kill()
}

// vigil asks all the time whether pods of every namespace are injected.
type vigil struct {
	crashes *crashes
	mutex   sync.Mutex
	doing   string
	asked   int
}

// watch begins to ask, until the test ends.
func (c *crashes) watch() *vigil {
	v := &vigil{crashes: c, doing: "nothing"}
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan struct{})
	c.t.Cleanup(func() {
		cancel()
		<-done
		if v.asked == 0 {
			c.t.Error("it was never asked whether pods are injected")
		}
	})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			v.ask(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return v
}

// during notes what is going on.
func (v *vigil) during(what string) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.doing = what
}

// look asks once.
func (v *vigil) look() { v.ask(v.crashes.t.Context()) }

// ask wants a pod of each namespace to be injected by the one or the other revision.
func (v *vigil) ask(ctx context.Context) {
	c := v.crashes
	for _, name := range c.namespaces {
		got, err := ask(ctx, c.lab, newPod(name, "vigil"))
		v.mutex.Lock()
		v.asked++
		doing := v.doing
		v.mutex.Unlock()
		if ctx.Err() == nil && (err != nil || !got.injected || got.revision != c.scene.from && got.revision != newRevision) {
			c.t.Errorf("%s: a pod of %s is injected: %v, by revision %q (error: %v)", doing, name, got.injected, got.revision, err)
		}
	}
}
