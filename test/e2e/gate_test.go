package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

// gate stands between a plugin and the lab's API server, and does to a request what a fault says.
type gate struct {
	*intercept.Gate
	t   *testing.T
	url string
}

// openGate starts a gate to the lab; a nil fault lets everything through.
func openGate(t *testing.T, lab *cluster.Cluster, f intercept.Fault) *gate {
	t.Helper()
	g, err := intercept.Open(lab.RESTConfig(), f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	return &gate{g, t, g.URL()}
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
	cmd.Env = []string{"HOME=" + g.t.TempDir(), "KUBECONFIG=" + g.kubeconfig(), goAtOnce}
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func (g *gate) kubeconfig() string {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "kubeconfig")
	if err := intercept.WriteKubeconfig(file, g.url); err != nil {
		g.t.Fatal(err)
	}
	return file
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
