package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// probed is a server whose answers go by the number of the request, counted from 1, and not by the clock.
type probed struct {
	*httptest.Server
	fails func(n int) bool

	mutex    sync.Mutex
	arrivals []time.Time
	user     string
}

// serveProbes starts one that answers 503 to the requests that fails holds for, and 200 to the others.
func serveProbes(t *testing.T, fails func(n int) bool) *probed {
	t.Helper()
	s := &probed{fails: fails}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *probed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.arrivals = append(s.arrivals, time.Now())
	s.user, _, _ = r.BasicAuth()
	if s.fails(len(s.arrivals)) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// seen returns how many requests have come.
func (s *probed) seen() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.arrivals)
}

// hold keeps patches of Deployments waiting until the server has seen so many requests, so that the run lasts as long.
func (p *paced) hold(s *probed, requests int) {
	p.SetFault(intercept.When(intercept.Does("patch", "deployments"), func(w http.ResponseWriter, r *intercept.Request) {
		for s.seen() < requests && r.Context().Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		p.Pass(w, r)
	}))
}

const probeInterval = 250 * time.Millisecond

// TestReinjectCountsWhatAProbeMeets: requests 5 to 7 are answered with 503, whatever the clock says.
func TestReinjectCountsWhatAProbeMeets(t *testing.T) {
	t.Parallel()
	const ns, first, last = "probe-counts", 5, 7
	p := stage(t, ns, newDeployment(ns, "web", 1))
	s := serveProbes(t, func(n int) bool { return n >= first && n <= last })
	p.hold(s, 12)
	rep := p.report(0, "-n", ns, "--probe", s.URL, "--probe-interval", probeInterval.String(), "--probe-max-error-rate", "60%")
	if len(rep.Probes) != 1 {
		t.Fatalf("%d probes in the report, want 1", len(rep.Probes))
	}
	got, errors := rep.Probes[0], last-first+1
	// The last request may be one that the end of the run has cut off, which does not count.
	if sent := s.seen(); got.Requests != sent && got.Requests != sent-1 {
		t.Errorf("%d requests, and the server has seen %d", got.Requests, sent)
	}
	if want := map[string]int{"200": got.Requests - errors, "503": errors}; got.Errors != errors || !maps.Equal(got.ByCode, want) {
		t.Errorf("got %d errors, %v; want %v", got.Errors, got.ByCode, want)
	}
	if want := float64(errors) / float64(got.Requests); got.ErrorRate != want || got.URL != s.URL {
		t.Errorf("%s has an error rate of %v, want %v", got.URL, got.ErrorRate, want)
	}
	s.wantGap(t, duration(got.LongestGapSeconds), first-1, last+1)
}

// wantGap compares a gap with the time between two requests, which the server knows as exactly as requests come in time.
func (s *probed) wantGap(t *testing.T, got time.Duration, from, to int) {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	at := func(n int) time.Duration {
		return s.arrivals[n-1].Sub(s.arrivals[0]) - time.Duration(n-1)*probeInterval
	}
	earliest, latest := at(1), at(1)
	for n := range s.arrivals {
		earliest, latest = min(earliest, at(n+1)), max(latest, at(n+1))
	}
	want := s.arrivals[to-1].Sub(s.arrivals[from-1])
	if late := latest - earliest + 50*time.Millisecond; (got - want).Abs() > late {
		t.Errorf("the longest gap was %s, want %s; requests were %s late at most", got, want, late)
	}
}

// TestReinjectStopsAtAnErrorRate: of the first 8 requests none fails, and then all do: more than 20 % are 3 of 11.
func TestReinjectStopsAtAnErrorRate(t *testing.T) {
	t.Parallel()
	const ns = "probe-stops"
	p := stage(t, ns, newDeployment(ns, "a", 1), newDeployment(ns, "b", 1))
	s := serveProbes(t, func(n int) bool { return n > 8 })
	p.hold(s, 13)
	written := filepath.Join(t.TempDir(), "report.md")
	rep := p.report(1, "-n", ns, "--max-parallel", "1", "--report", written,
		"--probe", s.URL, "--probe-interval", probeInterval.String(), "--probe-max-error-rate", "0.2")
	// What is under way is awaited, and no more is begun.
	p.wantOutcomes(rep, "a: restarted, b: not-started")
	p.wantGeneration(p.deployments[1], 1)
	want := fmt.Sprintf("3 of 11 requests to %s failed (27.3 %%), which is more than the 20 %% allowed; the last error: status 503 Service Unavailable", s.URL)
	if rep.Summary.Stopped != want {
		t.Errorf("stopped: %q\nwant %q", rep.Summary.Stopped, want)
	}
	if text := readFile(t, written); !strings.Contains(text, "503") {
		t.Errorf("the report does not tell of the probe:\n%s", text)
	}
}

// TestReinjectNeverShowsAProbesPassword neither prints it nor writes it; the server is told all the same.
func TestReinjectNeverShowsAProbesPassword(t *testing.T) {
	t.Parallel()
	const ns, password = "probe-password", "hunter2"
	p := stage(t, ns, newDeployment(ns, "web", 1))
	s := serveProbes(t, func(int) bool { return true })
	p.hold(s, 2)
	dir := t.TempDir()
	machine, people := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.md")
	url := strings.Replace(s.URL, "://", "://me:"+password+"@", 1)
	r := p.reinject("-n", ns, "--probe", url, "--probe-interval", "100ms", "--probe-max-error-rate", "1%", "--report", machine, "--report", people)
	if r.code != 1 || !strings.Contains(r.stderr, "status 503") || s.user != "me" {
		t.Errorf("exit %d, the server was asked by %q\n%s", r.code, s.user, r.stderr)
	}
	for where, text := range map[string]string{
		"stdout": r.stdout, "stderr": r.stderr, "the JSON report": readFile(t, machine), "the Markdown report": readFile(t, people),
	} {
		if strings.Contains(text, password) {
			t.Errorf("the password is on %s:\n%s", where, text)
		}
	}
}

// TestReinjectCountsRequestsWithoutAnAnswer apart from those that a server has answered.
func TestReinjectCountsRequestsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	const ns = "probe-nobody"
	p := stage(t, ns, newDeployment(ns, "web", 1))
	s := serveProbes(t, func(int) bool { return false })
	s.Close()
	rep := p.report(0, "-n", ns, "--probe", s.URL)
	if got := rep.Probes[0]; got.Requests == 0 || got.Errors != got.Requests || got.ByCode["error"] != got.Requests || got.ErrorRate != 1 {
		t.Errorf("got %+v", got)
	}
}
