package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/guide"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// reader types what a page says, as somebody would who follows it.
type reader struct {
	t    *testing.T
	lab  *cluster.Cluster
	page string
	// bin is where stand-ins for other tools are.
	bin string
	// at is where commands are typed now, onLab where they are typed that are about the lab.
	at, onLab place
	coming    []*coming
}

// place is where commands are typed.
type place struct {
	// state is a file: what one block leaves of its shell to the next.
	dir, state string
	env        []string
}

// coming is a revision that the page installs: its istiod is run as soon as it is there.
type coming struct {
	istio cluster.Istio
	runs  chan error
}

func newReader(t *testing.T, lab *cluster.Cluster, page string) *reader {
	t.Helper()
	home := t.TempDir()
	r := &reader{t: t, lab: lab, page: page, bin: filepath.Join(home, "bin")}
	here := place{dir: filepath.Join(home, "work"), state: filepath.Join(home, "state")}
	for _, dir := range []string{here.dir, r.bin} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	path := []string{r.bin, pluginDir}
	here.env = []string{"HOME=" + home, "TMPDIR=" + t.TempDir(), goAtOnce}
	if lab != nil {
		path = append(path, filepath.Dir(lab.Tool("kubectl")), filepath.Dir(lab.Tool("istioctl")))
		here.env = append(here.env, "KUBECONFIG="+lab.Kubeconfig())
	}
	here.env = append(here.env, "PATH="+strings.Join(append(path, "/usr/bin", "/bin"), ":"))
	r.at, r.onLab = here, here
	return r
}

// read types the whole page.
func (r *reader) read(prepare func(*reader)) {
	r.t.Helper()
	file := filepath.Join(root, r.page)
	page := readFile(r.t, file)
	blocks, err := guide.Parse(page)
	if err != nil {
		r.t.Fatalf("%s: %v", r.page, err)
	}
	prepare(r)
	outputs := map[int]string{}
	for i := range blocks {
		if blocks[i].NotRun == "" {
			r.take(&blocks[i], outputs)
		}
		if r.t.Failed() {
			// What follows would fail for this block's sake.
			break
		}
	}
	if *update && len(outputs) > 0 {
		writeFile(r.t, file, guide.Replace(page, outputs))
	}
}

// take types one block. What the page shows otherwise than it is goes to outputs, if that is to be updated.
func (r *reader) take(b *guide.Block, outputs map[int]string) {
	r.t.Helper()
	switch {
	case b.Lab != "":
		r.happens(b)
		return
	case testsAgain.MatchString(b.Script):
		r.t.Errorf("%s:%d: this would run the tests that type it: put <!-- not run: REASON --> right before the block", r.page, b.Line)
		return
	}
	said, code := r.types(b.Script)
	if code != b.Exit {
		r.t.Errorf("%s:%d: exit %d, want %d:\n%s\nit said\n%s", r.page, b.Line, code, b.Exit, b.Script, said)
	}
	r.awaitComing()
	if b.Output == nil || guide.Shows(string(timeless([]byte(b.Output.Text))), string(timeless([]byte(said)))) {
		return
	}
	if *update {
		outputs[b.Output.Line] = said
		return
	}
	r.t.Errorf("%s:%d: the page shows\n%s\nbut it said\n%s\n(`make guides-update` puts that into the page)", r.page, b.Output.Line, b.Output.Text, said)
}

// blockLimit is how long a block may take that hangs.
const blockLimit = 8 * time.Minute

// types runs a script in a shell that has the directory and the exported variables of the one before, and returns what a terminal would
// show and the exit code.
func (r *reader) types(script string) (said string, code int) {
	r.t.Helper()
	// The test's own context has ended where what a page has left is cleared away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.t.Context()), blockLimit)
	defer cancel()
	kept := fmt.Sprintf("if [ -f %[1]s ]; then . %[1]s; fi; trap '{ export -p; printf \"cd %%q\\n\" \"$PWD\"; } > %[1]s' EXIT\n", r.at.state)
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", kept+script)
	cmd.Dir, cmd.Env = r.at.dir, r.at.env
	// What is left running in the background does not keep the block from ending.
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		r.t.Fatalf("%s: %v\n%s\n%s", r.page, err, script, out.String())
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

// happens does to the lab what a page tells of.
func (r *reader) happens(b *guide.Block) {
	r.t.Helper()
	verb, revision, _ := strings.Cut(b.Lab, " ")
	var err error
	switch verb {
	case "upgrade":
		r.at = r.onLab
		r.followingATag()
	case "outage":
		err = r.lab.Outage("istio-system", revision)
	case "restore":
		err = r.lab.Restore(r.t.Context(), "istio-system", revision)
	default:
		err = errors.New("it is outage or restore, and a revision, or upgrade")
	}
	if err != nil {
		r.t.Errorf("%s:%d: lab %s: %v", r.page, b.Line, b.Lab, err)
	}
}

// standIn puts a tool into PATH that is a shell script.
func (r *reader) standIn(name, script string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		r.t.Fatal(err)
	}
}

func shellWords(words []string) string { return "'" + strings.Join(words, "' '") + "'" }

// expects has a real istiod run for a revision as soon as the page has installed it.
func (r *reader) expects(i cluster.Istio) {
	ctx, cancel := context.WithCancel(r.t.Context())
	c := &coming{istio: i, runs: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.runs <- r.lab.RunIstiod(ctx, i)
	}()
	r.t.Cleanup(func() { cancel(); <-ended })
	r.coming = append(r.coming, c)
}

// awaitComing waits until the istiod of what was installed answers.
func (r *reader) awaitComing() {
	r.t.Helper()
	var still []*coming
	for _, c := range r.coming {
		id := c.istio.ID()
		_, err := r.lab.Client().CoreV1().ConfigMaps(id.Namespace).Get(r.t.Context(), "istio-sidecar-injector-"+id.Revision, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			still = append(still, c)
			continue
		}
		if err == nil {
			err = <-c.runs
		}
		if err != nil {
			r.t.Fatalf("%s: %v", r.page, err)
		}
	}
	r.coming = still
}

// testsAgain finds what would run the tests that run it.
var testsAgain = regexp.MustCompile(`\bmake\b.*\s(test|e2e|unit|demo|compare|bench)\b|\bgo test\b`)

// inRepository has the page typed at the root of the repository, as on a machine where nothing of it is installed: with a home of its own, where
// go finds what it has downloaded and built all the same.
func (r *reader) inRepository() {
	r.t.Helper()
	out, err := exec.CommandContext(r.t.Context(), "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GONOSUMDB", "GOSUMDB", "GOFLAGS", "GOTOOLCHAIN").Output()
	if err != nil {
		r.t.Fatal(err)
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		r.t.Fatal(err)
	}
	home := r.t.TempDir()
	lab := filepath.Join(home, "lab")
	path := []string{filepath.Join(home, ".local", "bin"), r.bin, filepath.Dir(toolPath(r.t, "kubectl")), os.Getenv("PATH")}
	r.at = place{state: filepath.Join(home, "state"), env: []string{"HOME=" + home, "LAB_DIR=" + lab, "PATH=" + strings.Join(path, ":")}}
	for name, value := range settings {
		r.at.env = append(r.at.env, name+"="+value)
	}
	if r.at.dir, err = filepath.Abs(root); err != nil {
		r.t.Fatal(err)
	}
	// A page that starts a lab and fails leaves it running.
	r.t.Cleanup(func() {
		if _, err := os.Stat(lab); err == nil {
			r.types("bin/lab down")
		}
	})
}
