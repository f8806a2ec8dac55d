package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// Lab is what a supervisor keeps running.
type Lab struct {
	Cluster   cluster.Options // Dir must be absolute
	Revisions []cluster.Istio // installed before the lab is ready
	OnReady   func()          // called when it is
}

type server struct {
	cluster atomic.Pointer[cluster.Cluster]
	ready   atomic.Bool
	stop    context.CancelFunc
	stopped chan struct{}
}

// Run starts the lab, obeys commands, and returns when ctx ends or a command says stop; nothing is left running then.
// The error says that a lab runs already in the directory, or what failed to start.
func Run(ctx context.Context, lab Lab) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, err := NewClient(lab.Cluster.Dir).Status(ctx); err == nil {
		return fmt.Errorf("a lab runs already in %s", lab.Cluster.Dir)
	}
	if err := os.MkdirAll(lab.Cluster.Dir, 0o755); err != nil {
		return fmt.Errorf("making the lab's state directory: %w", err)
	}
	// Before the socket is touched: it may be another supervisor's that is only starting.
	claimed, err := cluster.Claim(lab.Cluster.Dir, "supervisor.lock")
	if err != nil {
		return err
	}
	defer claimed.Close()
	s := &server{stop: cancel, stopped: make(chan struct{})}
	web, err := s.listen(lab.Cluster.Dir)
	if err != nil {
		return err
	}
	defer web.close()
	defer close(s.stopped)
	c, err := cluster.Start(ctx, lab.Cluster)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	s.cluster.Store(c)
	for _, revision := range lab.Revisions {
		if err := c.InstallIstio(ctx, revision); err != nil {
			return err
		}
	}
	s.ready.Store(true)
	lab.OnReady()
	<-ctx.Done()
	return nil
}

type web struct {
	server *http.Server
	path   string
}

func (s *server) listen(dir string) (*web, error) {
	path := socketOf(dir)
	_ = os.Remove(path) // a killed supervisor leaves it behind
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the supervisor's socket: %w", err)
	}
	w := &web{path: path, server: &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = w.server.Serve(l) }()
	return w, nil
}

// close lets the answer to "stop" out before it ends the server.
func (w *web) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.server.Shutdown(ctx)
	_ = os.Remove(w.path)
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statusPath, s.status)
	mux.HandleFunc("POST "+stopPath, func(w http.ResponseWriter, _ *http.Request) {
		s.stop()
		<-s.stopped
		answer(w, nil, nil)
	})
	mux.HandleFunc("POST "+istioPath, command(s, func(ctx context.Context, c *cluster.Cluster, i cluster.Istio) error {
		return c.InstallIstio(ctx, i)
	}))
	mux.HandleFunc("POST "+outagePath, command(s, func(_ context.Context, c *cluster.Cluster, i Istiod) error {
		return c.Outage(i.Namespace, i.Revision)
	}))
	mux.HandleFunc("POST "+restorePath, command(s, func(ctx context.Context, c *cluster.Cluster, i Istiod) error {
		return c.Restore(ctx, i.Namespace, i.Revision)
	}))
	mux.HandleFunc("POST "+loadPath, command(s, func(ctx context.Context, c *cluster.Cluster, l cluster.Load) error {
		return c.Load(ctx, l)
	}))
	return mux
}

func (s *server) status(w http.ResponseWriter, _ *http.Request) {
	status := Status{Ready: s.ready.Load()}
	if c := s.cluster.Load(); c != nil {
		status.Components = c.Components()
	}
	answer(w, status, nil)
}

// command reads what a request carries and does it with the running cluster.
func command[T any](s *server, do func(context.Context, *cluster.Cluster, T) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var what T
		if err := json.NewDecoder(r.Body).Decode(&what); err != nil {
			answer(w, nil, fmt.Errorf("reading the command: %w", err))
			return
		}
		if !s.ready.Load() {
			answer(w, nil, errors.New("the lab is still starting"))
			return
		}
		answer(w, nil, do(r.Context(), s.cluster.Load(), what))
	}
}

func answer(w http.ResponseWriter, body any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		body = failure{Error: err.Error()}
	}
	_ = json.NewEncoder(w).Encode(body)
}
