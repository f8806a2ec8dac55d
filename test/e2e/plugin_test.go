package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// result is what a command printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

// goAtOnce keeps a program that was built with the race detector from sleeping for a second before it ends, which it does
// in the hope that what is left running runs into a race.
const goAtOnce = "GORACE=atexit_sleep_ms=0"

// kubectl runs a real kubectl on the lab, which finds the plugins under test and no others.
func kubectl(t *testing.T, lab *cluster.Cluster, args ...string) result {
	t.Helper()
	return kubectlWith(t, lab.Tool("kubectl"), []string{"KUBECONFIG=" + lab.Kubeconfig()}, args...)
}

func kubectlWith(t *testing.T, kubectl string, env []string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), kubectl, args...)
	cmd.Env = append([]string{"PATH=" + pluginDir + ":" + filepath.Dir(kubectl), "HOME=" + t.TempDir(), goAtOnce}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// report mirrors the contract's JSON, on purpose apart from the product's own types.
type report struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Items      []item `json:"items"`
	Summary    struct {
		Pods       int            `json:"pods"`
		ByStatus   map[string]int `json:"byStatus"`
		ByVersion  map[string]int `json:"byVersion"`
		ByRevision map[string]int `json:"byRevision"`
	} `json:"summary"`
}

type item struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Node      string `json:"node"`
	Workload  struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"workload"`
	Type  string `json:"type"`
	Proxy *struct {
		Image    string `json:"image"`
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Native   bool   `json:"native"`
	} `json:"proxy"`
	Expected struct {
		Injected bool   `json:"injected"`
		Image    string `json:"image"`
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Tag      string `json:"tag"`
	} `json:"expected"`
	Status string `json:"status"`
	Reason string `json:"reason"`
	Ready  bool   `json:"ready"`
	Phase  string `json:"phase"`
	// Verified is only there with --verify.
	Verified *verified `json:"verified"`
}

type verified struct {
	Agrees   bool   `json:"agrees"`
	Injected bool   `json:"injected"`
	Image    string `json:"image"`
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Refused  string `json:"refused"`
}

// proxyver runs `kubectl mesh-proxyver ARGS -o json --all` and returns its items by "namespace/pod".
func proxyver(t *testing.T, lab *cluster.Cluster, args ...string) map[string]item {
	t.Helper()
	r := kubectl(t, lab, append([]string{"mesh-proxyver", "-o", "json", "--all"}, args...)...)
	return itemsOf(t, r)
}

func itemsOf(t *testing.T, r result) map[string]item {
	t.Helper()
	var rep report
	decoder := json.NewDecoder(strings.NewReader(r.stdout))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&rep); err != nil {
		t.Fatalf("reading the report: %v\nstdout: %s\nstderr: %s", err, r.stdout, r.stderr)
	}
	satisfies(t, "proxyreport", r.stdout)
	items := map[string]item{}
	for _, i := range rep.Items {
		items[i.Namespace+"/"+i.Pod] = i
	}
	return items
}
