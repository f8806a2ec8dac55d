package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/audit"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/socket"
)

func TestRequestsAreAudited(t *testing.T) {
	_, offset, err := audit.Read(lab.AuditLog(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Kubectl(t.Context(), "get", "pods", "-n", "default", "--as", "alice"); err == nil {
		t.Error("alice may list pods")
	}
	eventually(t, "alice's request in the audit log", func() (bool, string) {
		events, _, err := audit.Read(lab.AuditLog(), offset)
		for _, e := range events {
			if e.Verb == "list" && e.ImpersonatedUser != nil && e.ImpersonatedUser.Username == "alice" {
				return e.ResponseStatus.Code == 403, fmt.Sprint(e.ResponseStatus.Code)
			}
		}
		return false, fmt.Sprint(err)
	})
}

func TestTheAPIServerComesBackWithItsData(t *testing.T) {
	namespace(t, "kept", rev("1-22"))
	if err := lab.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Client().CoreV1().Namespaces().Get(t.Context(), "kept", metav1.GetOptions{}); err == nil {
		t.Error("a stopped API server answers")
	}
	if err := lab.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantProxy(t, "kept", "docker.io/istio/proxyv2:1.22.0")
}

func TestALoadIsCreatedAndReady(t *testing.T) {
	load := Load{Namespaces: 2, Deployments: 3, Replicas: 4, Labels: rev("1-22"), Prefix: "bulk"}
	if err := lab.Load(t.Context(), load); err != nil {
		t.Fatal(err)
	}
	pods, err := lab.Client().CoreV1().Pods("bulk-2").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 12 {
		t.Fatalf("got %d pods, %v", len(pods.Items), err)
	}
	if image, _ := proxy(&pods.Items[0]); image != "docker.io/istio/proxyv2:1.22.0" {
		t.Errorf("got proxy %q", image)
	}
}

func TestTwoLabsRunSideBySideAndAKilledOneLeavesNoProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	t.Cleanup(func() { _ = os.Remove(socket.Path(dir, "egress")) }) // a killed lab cannot
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVar+"="+dir)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for deadline := time.Now().Add(time.Minute); len(pids) == 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		pids = readPids(dir)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	if len(pids) != 5 {
		t.Fatalf("the second lab started %d processes", len(pids))
	}
	for _, pid := range pids {
		eventually(t, fmt.Sprintf("process %d to end", pid), func() (bool, string) {
			return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), "it is there"
		})
	}
	if err := lab.Err(); err != nil {
		t.Error(err)
	}
}

// beKilled starts a lab, notes its processes and waits for the end.
func beKilled(dir string) {
	c, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var pids []string
	for _, component := range c.Components() {
		pids = append(pids, strconv.Itoa(component.Pid))
	}
	temporary := filepath.Join(dir, "pids.new")
	if err := os.WriteFile(temporary, []byte(strings.Join(pids, " ")), 0o600); err == nil {
		_ = os.Rename(temporary, filepath.Join(dir, "pids"))
	}
	time.Sleep(10 * time.Minute)
}

func readPids(dir string) []int {
	content, _ := os.ReadFile(filepath.Join(dir, "pids"))
	var pids []int
	for _, word := range strings.Fields(string(content)) {
		if pid, err := strconv.Atoi(word); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
