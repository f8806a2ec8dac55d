package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// asker is the program by which the product asks the real injector, without a plugin around it.
var asker struct {
	once sync.Once
	err  error
}

func askerPath(t *testing.T) string {
	t.Helper()
	path := filepath.Join(pluginDir, "asker")
	asker.once.Do(func() {
		build := exec.Command("go", "build", "-o", path, "./shared/dryrun/internal/asker")
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			asker.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if asker.err != nil {
		t.Fatalf("building the asker: %v", asker.err)
	}
	return path
}

// runAsker hands the program its input as JSON; user is impersonated, "" is the administrator.
func runAsker(t *testing.T, lab *cluster.Cluster, user, command string, input any) result {
	t.Helper()
	in, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), askerPath(t), command)
	cmd.Env = []string{"KUBECONFIG=" + lab.Kubeconfig(), "ASKER_AS=" + user, "HOME=" + t.TempDir()}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// told is one answer.
type told struct {
	Workload, Image, Revision    string
	Class, Webhook, Cause, Error string
	Injected, Native, Injector   bool
}

func (a told) truth() truth {
	if !a.Injected {
		return truth{}
	}
	return truth{injected: true, revision: a.Revision, image: a.Image, native: a.Native}
}

// askPod asks about one pod.
func askPod(t *testing.T, lab *cluster.Cluster, user string, p *corev1.Pod) told {
	t.Helper()
	answers := answersOf(t, runAsker(t, lab, user, "ask", p))
	return answers[""]
}

func answersOf(t *testing.T, r result) map[string]told {
	t.Helper()
	if r.code != 0 {
		t.Fatalf("exit %d: %s", r.code, r.stderr)
	}
	answers := map[string]told{}
	for line := range strings.Lines(r.stdout) {
		var a told
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if _, twice := answers[a.Workload]; twice {
			t.Errorf("asked twice about %s", a.Workload)
		}
		answers[a.Workload] = a
	}
	return answers
}
