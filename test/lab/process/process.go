// Package process starts programs that must not outlive this one, keeps their output in a file, and says why they
// ended.
package process

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Spec says what to run.
type Spec struct {
	Name string   // how messages call it
	Path string   // the program
	Args []string // its arguments, without the program's name
	Env  []string // added to this process' environment
	Dir  string   // working directory; "" keeps ours
	Log  string   // file its standard output and error are appended to
}

// fewCollections has the Go programs of a lab trade memory, of which there is plenty, for time, of which a machine that runs a whole cluster
// beside its tests has little. A GOGC of this process' environment wins.
const fewCollections = "GOGC=400"

// Process is a program that was started.
type Process struct {
	spec    Spec
	cmd     *exec.Cmd
	started time.Time
	done    chan struct{}

	mu      sync.Mutex
	asked   bool
	exitErr error
}

// Start runs the program in a process group of its own; it is killed when this process ends, however that happens.
// The error says that the log cannot be opened or the program cannot be started.
func Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", spec.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Env = slices.Concat([]string{fewCollections}, os.Environ(), spec.Env)
	cmd.Dir = spec.Dir
	cmd.Stdout, cmd.Stderr = log, log
	if err := startTied(cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	p := &Process{spec: spec, cmd: cmd, started: time.Now(), done: make(chan struct{})}
	go p.wait()
	return p, nil
}

func (p *Process) wait() {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.exitErr = err
	p.mu.Unlock()
	close(p.done)
}

// Pid returns the process id, which is also the id of its process group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Started returns when the program was started.
func (p *Process) Started() time.Time { return p.started }

// Done returns a channel that is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns nil while the program runs or when it was asked to stop; otherwise an error that names it, says how it
// ended and carries the end of its log.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked {
		return nil
	}
	how := "exit status 0"
	if p.exitErr != nil {
		how = p.exitErr.Error()
	}
	return fmt.Errorf("%s ended: %s; the end of %s:\n%s", p.spec.Name, how, p.spec.Log, tail(p.spec.Log, tailLines))
}

// Terminate asks the program to end and returns at once.
func (p *Process) Terminate() { p.signal(syscall.SIGTERM) }

// Kill ends the program without asking and waits until it is gone.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// Stop asks the program to end, and kills it when it has not within the grace.
func (p *Process) Stop(grace time.Duration) {
	p.Terminate()
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
	}
}

func (p *Process) signal(s syscall.Signal) {
	p.mu.Lock()
	p.asked = true
	p.mu.Unlock()
	select {
	case <-p.done: // its id may belong to another process by now
	default:
		_ = syscall.Kill(-p.Pid(), s)
	}
}
