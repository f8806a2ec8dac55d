// Package ports hands out TCP ports on loopback that no other lab on this machine will be given meanwhile.
package ports

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
)

// The range lies below those from which Linux and macOS take the local ports of outgoing connections, so that a port
// stays free while the component that owns it is stopped.
const first, last = 18000, 30000

// Pool is the ports of one lab. It is safe for concurrent use.
type Pool struct {
	mu    sync.Mutex
	locks []*os.File
}

// Take returns a port that is free now and reserved until Release. The error says why none could be had.
func (p *Pool) Take() (int, error) {
	dir := filepath.Join(os.TempDir(), "kubectl-mesh-lab-ports-"+strconv.Itoa(os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, fmt.Errorf("reserving a port: %w", err)
	}
	start := rand.IntN(last - first)
	for i := range last - first {
		port := first + (start+i)%(last-first)
		lock, err := reserve(dir, port)
		if errors.Is(err, errTaken) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("reserving a port: %w", err)
		}
		p.mu.Lock()
		p.locks = append(p.locks, lock)
		p.mu.Unlock()
		return port, nil
	}
	return 0, fmt.Errorf("reserving a port: all from %d to %d are taken", first, last)
}

// TakeAll returns n ports; the error is Take's.
func (p *Pool) TakeAll(n int) ([]int, error) {
	taken := make([]int, n)
	for i := range taken {
		var err error
		if taken[i], err = p.Take(); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

// Release gives every port back.
func (p *Pool) Release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.locks {
		l.Close()
	}
	p.locks = nil
}

var errTaken = errors.New("taken")

// reserve locks the port's file, which the kernel unlocks when this process ends, and tries the port itself.
func reserve(dir string, port int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		f.Close()
		return nil, errTaken
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		f.Close()
		return nil, errTaken
	}
	l.Close()
	return f, nil
}
