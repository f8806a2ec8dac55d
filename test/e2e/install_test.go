package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/tools"
)

// TestBothSpellingsWork: `make install` puts the plugin where `kubectl mesh-proxyver` and `kubectl mesh proxyver` find it, and kubectl
// completes both.
func TestBothSpellingsWork(t *testing.T) {
	kubectl := toolPath(t, "kubectl")
	prefix := t.TempDir()
	install := exec.CommandContext(t.Context(), "make", "-s", "-C", filepath.Join("..", ".."), "install", "PREFIX="+prefix)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("make install: %v\n%s", err, out)
	}
	want := regexp.MustCompile(`^kubectl-mesh-proxyver \S+ \(commit [0-9a-f]{7,}, go1\.\d+(\.\d+)?\)\n$`)
	for _, spelling := range [][]string{{"mesh-proxyver", "version"}, {"mesh", "proxyver", "version"}} {
		cmd := exec.CommandContext(t.Context(), kubectl, spelling...)
		cmd.Env = []string{"PATH=" + filepath.Join(prefix, "bin"), "HOME=" + t.TempDir()}
		out, err := cmd.CombinedOutput()
		if err != nil || !want.Match(out) {
			t.Errorf("kubectl %v: %v, %s", spelling, err, out)
		}
	}
	for _, line := range [][]string{{"mesh-canary", "st"}, {"mesh", "canary", "st"}} {
		cmd := exec.CommandContext(t.Context(), kubectl, append([]string{"__completeNoDesc"}, line...)...)
		cmd.Env = []string{"PATH=" + filepath.Join(prefix, "bin"), "HOME=" + t.TempDir()}
		if out, err := cmd.Output(); err != nil || string(out) != "start\nstatus\n:4\n" {
			t.Errorf("kubectl %v is completed by %q, %v", line, out, err)
		}
	}
}

// TestHelpHasExamples: `--help` needs no cluster, and shows how to use what it lists.
func TestHelpHasExamples(t *testing.T) {
	r := kubectlWith(t, toolPath(t, "kubectl"), nil, "mesh-proxyver", "--help")
	for _, want := range []string{"Examples:", "kubectl mesh-proxyver -A", "--exit-code", "mismatched"} {
		if !regexp.MustCompile(regexp.QuoteMeta(want)).MatchString(r.stdout) {
			t.Errorf("help lacks %q:\n%s", want, r.stdout)
		}
	}
	if r.code != 0 || r.stderr != "" {
		t.Errorf("exit %d, stderr %q", r.code, r.stderr)
	}
}

// toolPath returns the path of a program of the lab, for tests that need no lab.
func toolPath(t *testing.T, name string) string {
	t.Helper()
	built, err := tools.Ensure(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return built.Path(name)
}
