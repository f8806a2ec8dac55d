package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// completing is a directory on PATH with plugins in both spellings, as `make install` leaves them.
type completing struct {
	lab *cluster.Cluster
	dir string
}

// installCompletion has each plugin write what kubectl completes it by.
func installCompletion(t *testing.T, lab *cluster.Cluster) *completing {
	t.Helper()
	c := &completing{lab, t.TempDir()}
	for _, plugin := range []string{"proxyver", "reinject", "canary"} {
		for _, spelling := range []string{"kubectl-mesh_", "kubectl-mesh-"} {
			built, err := filepath.EvalSymlinks(filepath.Join(pluginDir, "kubectl-mesh_"+plugin))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(built, filepath.Join(c.dir, spelling+plugin)); err != nil {
				t.Fatal(err)
			}
		}
		r := c.kubectl(t, "mesh-"+plugin, "completion", "--install", "--dir", c.dir)
		if want := "wrote " + filepath.Join(c.dir, "kubectl_complete-mesh_"+plugin) + "\n"; r.code != 0 || !strings.HasPrefix(r.stderr, want) || r.stdout != "" {
			t.Fatalf("exit %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
		}
		if r := c.kubectl(t, "mesh", plugin, "completion", "--install"); r.code != 0 || strings.Count(r.stderr, "is up to date") != 2 {
			t.Errorf("again, it says %s", r.stderr)
		}
	}
	return c
}

func (c *completing) env() []string {
	return []string{"KUBECONFIG=" + c.lab.Kubeconfig(), "PATH=" + c.dir + ":" + filepath.Dir(c.lab.Tool("kubectl"))}
}

func (c *completing) kubectl(t *testing.T, args ...string) result {
	t.Helper()
	return kubectlWith(t, c.lab.Tool("kubectl"), c.env(), args...)
}

// offered returns what kubectl offers for the last of the words, which ends in a "|", and the directive to the shell after it.
func (c *completing) offered(t *testing.T, typed string) []string {
	t.Helper()
	words := strings.Split(strings.TrimSuffix(typed, "|"), " ")
	r := c.kubectl(t, append([]string{"__completeNoDesc"}, words...)...)
	for line := range strings.Lines(r.stderr) {
		// That is what cobra says for whoever writes completions: scripts throw it away.
		if !strings.HasPrefix(line, "Completion ended with directive: ") && !strings.HasPrefix(line, "[Debug] ") {
			t.Errorf("%s: stderr has %s", typed, line)
		}
	}
	return strings.Fields(r.stdout)
}

// eventually returns what kubectl offers for a line, once it offers something. The plugins wait for a cluster for a few seconds and then
// offer nothing, which on a busy machine may be too short.
func (c *completing) eventually(t *testing.T, typed string) (got []string) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		if got = c.offered(t, typed); len(got) < 2 {
			return fmt.Errorf("kubectl %s: got %s", typed, got)
		}
		return nil
	})
	return got
}

// TestCompletion: kubectl itself completes the plugins, in both spellings, by what is in the cluster that the line is about.
func TestCompletion(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "completed", istioRev(stableTag))
	createNamespace(t, lab, "completed-too", istioRev(newRevision))
	for _, name := range []string{"cart", "web"} {
		if _, err := lab.Client().AppsV1().Deployments("completed").Create(t.Context(), newDeployment("completed", name, 0), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	c := installCompletion(t, lab)
	t.Run("what is offered", c.lines)
	t.Run("tags", c.tags)
	t.Run("a cluster that does not answer", c.silent)
	t.Run("in bash", c.bash)
}

func (c *completing) lines(t *testing.T) {
	for _, line := range []struct{ typed, want string }{
		{"mesh-canary st|", "start status :4"},
		{"mesh canary st|", "start status :4"},
		{"mesh-canary start --to |", "1-22 1-23 :4"},
		{"mesh canary start --to=1-2|", "1-22 1-23 :4"},
		{"mesh-canary start --from 1-22 --to |", "1-23 :4"},
		{"mesh-canary retire 1-22|", "1-22 :4"},
		{"mesh-canary tag set made-up --revision |", "1-22 1-23 :4"},
		{"mesh-canary start --to 1-23 complet|", "completed :4"},
		{"mesh-canary start --to 1-23 completed complet|", ":4"},
		{"mesh-canary advance complet|", ":4"},
		{"mesh-canary status -i istio|", "istio-system :4"},
		{"mesh-canary start --method |", "auto restart grace-period evict :4"},
		{"mesh-canary start --dry-run=|", "none client :4"},
		{"mesh-canary start --report |", "json md :8"},
		{"mesh-reinject -n complet|", "completed completed-too :4"},
		{"mesh-reinject -n completed deploy|", "deployment/ :6"},
		{"mesh-reinject -n completed deploy/|", "deploy/cart deploy/web :4"},
		{"mesh-reinject -n completed deploy/cart deployment/|", "deployment/web :4"},
		{"mesh-reinject -n completed --as nobody deploy/|", ":4"},
		{"mesh-reinject -n completed rollout/|", ":4"},
		{"mesh-reinject --include missing,|", "missing,unexpected :6"},
		{"mesh proxyver -n completed deployment/c|", "deployment/cart :4"},
		{"mesh-proxyver --by ver|", "version :4"},
		{"mesh-proxyver --exit-code=out|", "outdated :6"},
		{"mesh-proxyver -f |", ":0"},
	} {
		want, offered := strings.Fields(line.want), c.offered
		if len(want) > 1 {
			offered = c.eventually
		}
		if got := offered(t, line.typed); !slices.Equal(got, want) {
			t.Errorf("kubectl %s: got %s, want %s", line.typed, got, want)
		}
	}
}

func (c *completing) tags(t *testing.T) {
	for _, typed := range []string{"mesh-canary tag remove prod-|", "mesh-canary start --stable-tag |"} {
		if got := c.eventually(t, typed); !slices.Contains(got, stableTag) || !slices.Contains(got, canaryTag) {
			t.Errorf("kubectl %s: got %s", typed, got)
		}
	}
}

// silent: of a server that refuses connections, and of one that takes them and says nothing, nothing is offered and nothing said.
func (c *completing) silent(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, server := range []string{"127.0.0.1:1", listener.Addr().String()} {
		if got := c.offered(t, "mesh-canary start --server https://"+server+" --to |"); !slices.Equal(got, []string{":4"}) {
			t.Errorf("%s: got %s", server, got)
		}
	}
}

// bash completes the plugin where it is called by the name of its own file, by the script alone.
func (c *completing) bash(t *testing.T) {
	const typing = `source <(kubectl mesh-canary completion bash)
COMP_LINE="kubectl-mesh_canary retire 1-2" COMP_POINT=${#COMP_LINE} COMP_WORDS=(kubectl-mesh_canary retire 1-2) COMP_CWORD=2
__start_kubectl-mesh_canary 2>/dev/null
printf '%s\n' "${COMPREPLY[@]%% *}"`
	eventually(t, time.Minute, func() error {
		cmd := exec.CommandContext(t.Context(), "bash", "--norc", "-c", typing)
		cmd.Env = append(c.env(), "HOME="+t.TempDir(), goAtOnce)
		var errOut bytes.Buffer
		cmd.Stderr = &errOut
		out, err := cmd.Output()
		if err != nil || string(out) != "1-22\n1-23\n" || errOut.Len() > 0 {
			return fmt.Errorf("%v, %q\n%s", err, out, errOut.String())
		}
		return nil
	})
}

// offers wants these words for the last of what is typed.
func (u *upgraded) offers(words []string, typed ...string) {
	u.t.Helper()
	// As long as nothing is offered, the cluster may have been too slow.
	eventually(u.t, time.Minute, func() error {
		r := u.does(append([]string{"__completeNoDesc"}, typed...)...)
		got := strings.Fields(r.stdout)
		if slices.Equal(got, append(words, ":4")) {
			return nil
		}
		if len(got) > 1 {
			u.t.Errorf("%s: got %s, want %s", strings.Join(typed, " "), got, words)
			return nil
		}
		return fmt.Errorf("%s: got %s, want %s", strings.Join(typed, " "), got, words)
	})
}
