package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/ports"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/socket"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

const (
	defaultKubelet = "v1.36.3"
	defaultNodes   = 3
)

// prepare makes the state directory, reserves ports and writes every file; nothing runs yet.
func prepare(o Options, log *progress, built *tools.Tools) (c *Cluster, err error) {
	if o.KubeletVersion == "" {
		o.KubeletVersion = defaultKubelet
	}
	if o.Nodes == 0 {
		o.Nodes = defaultNodes
	}
	dir, temporary, err := stateDir(o.Dir)
	if err != nil {
		return nil, err
	}
	c = &Cluster{options: o, temporary: temporary, log: log, tools: built, ports: &ports.Pool{}, istiods: newIstiods()}
	c.group = process.NewGroup(func(err error) { log.say("%v", err) })
	c.plan = &controlplane.Plan{Dir: dir, Tool: built.Path, EgressSocket: socket.Path(dir, "egress")}
	defer func() {
		if err != nil {
			_ = c.Stop()
		}
	}()
	if c.lock, err = Claim(dir, "lock"); err != nil {
		return nil, err
	}
	if err := clean(dir); err != nil {
		return nil, err
	}
	taken, err := c.ports.TakeAll(3)
	if err != nil {
		return nil, err
	}
	c.plan.EtcdPort, c.plan.PeerPort, c.plan.APIPort = taken[0], taken[1], taken[2]
	return c, c.plan.Write()
}

func stateDir(dir string) (path string, temporary bool, err error) {
	if dir == "" {
		path, err = os.MkdirTemp("", "lab-")
		if err != nil {
			return "", false, fmt.Errorf("making the lab's state directory: %w", err)
		}
		return path, true, nil
	}
	if path, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(path, 0o755)
	}
	if err != nil {
		return "", false, fmt.Errorf("making the lab's state directory: %w", err)
	}
	return path, false, nil
}

// Claim makes sure that one process at most holds a file of that name in a directory; the kernel ends the claim with this
// process, or closing the file does. The error says that a lab runs there already, or why the file cannot be made.
func Claim(dir, name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claiming the state directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("a lab runs already in %s", dir)
		}
		return nil, fmt.Errorf("claiming the state directory: %w", err)
	}
	return f, nil
}

// clean removes what an earlier lab left in the directory, but neither its supervisor's log nor what is not a lab's.
func clean(dir string) error {
	names := []string{"etcd", "certs", "config", "stages", "logs", "kubectl-cache", "audit.log", "kubeconfig"}
	if found, err := filepath.Glob(filepath.Join(dir, "istiod-*")); err == nil {
		for _, path := range found {
			names = append(names, strings.TrimPrefix(path, dir))
		}
	}
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("removing what an earlier lab left: %w", err)
		}
	}
	return nil
}

// Stop ends every program and frees what the lab held; a temporary state directory is removed, in another the logs
// stay. It may be called twice. The error says what could not be removed.
func (c *Cluster) Stop() error {
	if c.cancel != nil {
		c.cancel()
	}
	c.group.StopAll(stopGrace)
	if c.proxy != nil {
		c.proxy.Close()
	}
	c.ports.Release()
	if c.lock == nil { // the directory belongs to another lab
		return nil
	}
	defer c.lock.Close()
	paths := []string{filepath.Join(c.plan.Dir, "etcd"), c.plan.Kubeconfig()}
	if c.temporary {
		paths = []string{c.plan.Dir}
	}
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("removing the lab's state: %w", err)
		}
	}
	return nil
}
