package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// transcript is what a command has printed so far.
type transcript struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// Write takes over what is printed.
func (s *transcript) Write(p []byte) (int, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.Write(p)
}

// String returns what was printed.
func (s *transcript) String() string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.text.String()
}

// faultyRun is a `kubectl mesh-reinject` that runs. kubectl becomes the plugin, so that signals go to that.
type faultyRun struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr transcript
	cache          string // the directory of its cache
	ended          chan struct{}
}

// begin starts `kubectl mesh-reinject ARGS -o json` with a kubeconfig, and with a cache of its own.
func begin(t *testing.T, lab *cluster.Cluster, kubeconfig string, args ...string) *faultyRun {
	t.Helper()
	kubectl := lab.Tool("kubectl")
	r := &faultyRun{t: t, cache: t.TempDir(), ended: make(chan struct{})}
	r.cmd = exec.CommandContext(t.Context(), kubectl, append([]string{"mesh-reinject", "-o", "json"}, args...)...)
	r.cmd.Env = []string{
		"PATH=" + pluginDir + ":" + filepath.Dir(kubectl), "HOME=" + t.TempDir(), "XDG_CACHE_HOME=" + r.cache, "KUBECONFIG=" + kubeconfig,
	}
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		var exit *exec.ExitError
		if err := r.cmd.Wait(); err != nil && !errors.As(err, &exit) && t.Context().Err() == nil {
			t.Errorf("kubectl mesh-reinject %v: %v", args, err)
		}
	}()
	return r
}

// begin starts the plugin on the mesh.
func (m *staleMesh) begin(t *testing.T, args ...string) *faultyRun {
	t.Helper()
	return begin(t, m.lab, m.lab.Kubeconfig(), append([]string{"-n", m.namespace}, args...)...)
}

// through starts the plugin on the mesh, through a gate.
func (m *staleMesh) through(t *testing.T, g *gate, args ...string) *faultyRun {
	t.Helper()
	return begin(t, m.lab, g.kubeconfig(), append([]string{"-n", m.namespace}, args...)...)
}

// reinject runs the plugin on the mesh to its end.
func (m *staleMesh) reinject(t *testing.T, args ...string) restarts {
	t.Helper()
	return m.begin(t, args...).ends()
}

// says waits until the plugin has said something on stderr.
func (r *faultyRun) says(text string) {
	r.t.Helper()
	eventually(r.t, patience, func() error {
		said := strings.Contains(r.stderr.String(), text)
		select {
		case <-r.ended:
			if !said {
				r.t.Fatalf("it ended and never said %q:\n%s", text, r.stderr.String())
			}
		default:
			if !said {
				return fmt.Errorf("it has not said %q:\n%s", text, r.stderr.String())
			}
		}
		return nil
	})
}

func (r *faultyRun) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// ends waits for the end, and returns what the plugin says it has done.
func (r *faultyRun) ends() restarts {
	r.t.Helper()
	<-r.ended
	result := restarts{result: result{r.stdout.String(), r.stderr.String(), r.cmd.ProcessState.ExitCode()}, t: r.t}
	if result.stdout == "" {
		return result
	}
	if err := json.Unmarshal([]byte(result.stdout), &result.report); err != nil {
		r.t.Fatalf("reading the report: %v\n%s", err, result.stdout)
	}
	return result
}

// restarts is how a run ended, and what it says it has done.
type restarts struct {
	result
	t      *testing.T
	report restartReport
}

// restartReport mirrors the contract's JSON as far as these tests look at it.
type restartReport struct {
	Items   []restartedItem `json:"items"`
	Summary struct {
		Stopped string `json:"stopped"`
	} `json:"summary"`
}

type restartedItem struct {
	Workload struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"workload"`
	Outcome string `json:"outcome"`
	Message string `json:"message"`
}

// want checks the exit code, what became of each workload by its name, and that stderr holds all of the texts.
func (r restarts) want(code int, outcomes map[string]string, texts ...string) {
	r.t.Helper()
	got := map[string]string{}
	for _, i := range r.report.Items {
		got[i.Workload.Name] = i.Outcome
	}
	if r.code != code || !maps.Equal(got, outcomes) {
		r.t.Errorf("exit %d, want %d; outcomes %v, want %v\nstderr: %s", r.code, code, got, outcomes, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stderr, text) {
			r.t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
		}
	}
}

// wantMessage checks what is said of a workload; what varies from run to run, such as the end of a pod's name, is "*".
func (r restarts) wantMessage(name, want string) {
	r.t.Helper()
	for _, i := range r.report.Items {
		if i.Workload.Name == name && !like(i.Message, want) {
			r.t.Errorf("of %s it says %q, want %q", name, i.Message, want)
		}
	}
}

// like compares a text with a pattern in which "*" stands for anything.
func like(text, pattern string) bool {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(text, parts[0])
	for _, part := range parts[1:] {
		_, after, found := strings.Cut(rest, part)
		if part == "" {
			after = ""
		}
		ok, rest = ok && found, after
	}
	return ok && rest == ""
}

// hold keeps requests waiting until it is released.
type hold struct {
	arrived chan struct{}
	opened  chan struct{}
}

// holding returns a hold, and the fault by which requests come to it.
func holding(holds func(*intercept.Request) bool) (*hold, intercept.Fault) {
	h := &hold{make(chan struct{}, 100), make(chan struct{})}
	return h, func(_ http.ResponseWriter, r *intercept.Request) bool {
		if holds(r) {
			h.arrived <- struct{}{}
			select {
			case <-h.opened:
			case <-r.Context().Done():
			}
		}
		return false
	}
}

// awaits waits until so many requests are held.
func (h *hold) awaits(r *faultyRun, n int) {
	r.t.Helper()
	for range n {
		select {
		case <-h.arrived:
		case <-r.ended:
			r.t.Fatalf("it ended without the request that is waited for:\n%s", r.stderr.String())
		}
	}
}

func (h *hold) release() { close(h.opened) }

// untilItWaits runs the plugin with a time limit in the flag, a longer one if that was too short for it to come to the point
// at which it waits.
func (m *staleMesh) untilItWaits(t *testing.T, flag string, args ...string) restarts {
	t.Helper()
	for limit := 8 * time.Second; ; limit *= 2 {
		r := m.reinject(t, append([]string{flag + "=" + limit.String()}, args...)...)
		if strings.Contains(r.stderr, ": waiting: ") || limit > patience {
			return r
		}
	}
}
