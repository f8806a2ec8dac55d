package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// growing is text that one goroutine writes and others read.
type growing struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (g *growing) Write(p []byte) (int, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.text.Write(p)
}

func (g *growing) String() string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.text.String()
}

// watching is a mesh-proxyver --watch that runs.
type watching struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *growing
	// printing is what copies its output, ended is closed once it has ended and all of that is copied.
	printing sync.WaitGroup
	ended    chan struct{}
}

// startWatch runs `kubectl mesh-proxyver -w ARGS` as the administrator until the test ends.
func startWatch(t *testing.T, lab *cluster.Cluster, args ...string) *watching {
	t.Helper()
	return runWatch(t, lab, []string{"KUBECONFIG=" + lab.Kubeconfig(), "HOME=" + t.TempDir()}, args...)
}

func runWatch(t *testing.T, lab *cluster.Cluster, env []string, args ...string) *watching {
	t.Helper()
	w := newWatching(t, lab, env, args...)
	w.cmd.Stdout, w.cmd.Stderr = w.stdout, w.stderr
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.reap()
	return w
}

func newWatching(t *testing.T, lab *cluster.Cluster, env []string, args ...string) *watching {
	kubectl := lab.Tool("kubectl")
	cmd := exec.Command(kubectl, append([]string{"mesh-proxyver", "-w"}, args...)...)
	cmd.Env = append([]string{"PATH=" + pluginDir + ":" + filepath.Dir(kubectl), goAtOnce}, env...)
	return &watching{t: t, cmd: cmd, stdout: &growing{}, stderr: &growing{}, ended: make(chan struct{})}
}

// reap waits for the end, which the test's end brings about at the latest.
func (w *watching) reap() {
	go func() {
		defer close(w.ended)
		_ = w.cmd.Wait()
		w.printing.Wait()
	}()
	w.t.Cleanup(func() {
		_ = w.cmd.Process.Kill()
		<-w.ended
	})
}

const watchPatience = time.Minute

// await waits until what stands on stdout fits.
func (w *watching) await(fits func(string) bool, what string) {
	w.t.Helper()
	w.awaitOn(w.stdout, fits, what)
}

func (w *watching) awaitOn(on *growing, fits func(string) bool, what string) {
	w.t.Helper()
	for start := time.Now(); !fits(on.String()); time.Sleep(10 * time.Millisecond) {
		select {
		case <-w.ended:
			if fits(on.String()) {
				return
			}
			w.t.Fatalf("%v ended with %d before %s\nstdout:\n%s\nstderr:\n%s", w.cmd.Args, w.cmd.ProcessState.ExitCode(), what, w.stdout, w.stderr)
		default:
		}
		if time.Since(start) > watchPatience {
			w.t.Fatalf("%v shows no %s\nstdout:\n%s\nstderr:\n%s", w.cmd.Args, what, w.stdout, w.stderr)
		}
	}
}

// awaitLine waits for a line that fits the pattern.
func (w *watching) awaitLine(pattern string) {
	w.t.Helper()
	w.await(regexp.MustCompile("(?m)"+pattern).MatchString, pattern)
}

func (w *watching) awaitStderr(text string) {
	w.t.Helper()
	w.awaitOn(w.stderr, func(all string) bool { return strings.Contains(all, text) }, text)
}

func (w *watching) lines() []string {
	return strings.Split(strings.TrimSuffix(w.stdout.String(), "\n"), "\n")
}

// wait waits for the end, which has to come with that exit code.
func (w *watching) wait(code int) {
	w.t.Helper()
	select {
	case <-w.ended:
	case <-time.After(watchPatience):
		w.t.Fatalf("%v does not end\nstdout:\n%s\nstderr:\n%s", w.cmd.Args, w.stdout, w.stderr)
	}
	if got := w.cmd.ProcessState.ExitCode(); got != code {
		w.t.Errorf("%v: exit %d, want %d\nstderr:\n%s", w.cmd.Args, got, code, w.stderr)
	}
}

// front is a gate that lets the first watch of pods fall silent, and expire.
type front struct {
	*gate
	silence, expire context.CancelFunc
}

func startFront(t *testing.T, lab *cluster.Cluster) *front {
	t.Helper()
	silent, silence := context.WithCancel(t.Context())
	gone, expire := context.WithCancel(t.Context())
	g := openGate(t, lab, intercept.Once(intercept.Does("watch", "pods"), letExpire(silent, gone)))
	return &front{g, silence, expire}
}

const expiredEvent = `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",` +
	`"message":"too old resource version","reason":"Expired","code":410}}` + "\n"

// letExpire passes a watch on, as JSON, until silent is done, and ends it once gone is.
func letExpire(silent, gone context.Context) intercept.Answer {
	return func(w http.ResponseWriter, r *intercept.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		context.AfterFunc(silent, cancel)
		r.Request = r.Clone(ctx)
		r.Header.Set("Accept", "application/json")
		response := r.Gate.Begin(r)
		defer response.Body.Close()
		w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
		out := http.NewResponseController(w)
		_ = out.Flush()
		for events := bufio.NewReader(response.Body); ; {
			line, err := events.ReadString('\n')
			if err != nil {
				break
			}
			_, _ = io.WriteString(w, line)
			_ = out.Flush()
		}
		<-gone.Done()
		_, _ = io.WriteString(w, expiredEvent)
	}
}
