// Package e2e runs the built plugins, through a real kubectl, against real Kubernetes and real Istio.
package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// pluginDir holds the plugins under test, alone, so that kubectl finds no others.
var pluginDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kubectl-mesh-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	pluginDir = dir
	if err := providePlugins(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stopShared()
	return m.Run()
}

// pluginsVar names the environment variable that says where the plugins are, where they were built as the tests were.
const pluginsVar = "E2E_PLUGINS"

// providePlugins puts the plugins into the directory.
func providePlugins(dir string) error {
	built := os.Getenv(pluginsVar)
	if built == "" {
		return buildPlugins(dir)
	}
	plugins, err := os.ReadDir(built)
	if err != nil {
		return fmt.Errorf("finding the plugins: %w", err)
	}
	for _, p := range plugins {
		if err := os.Symlink(filepath.Join(built, p.Name()), filepath.Join(dir, p.Name())); err != nil {
			return fmt.Errorf("finding the plugins: %w", err)
		}
	}
	return nil
}

// buildPlugins builds the plugins as the tests are built: with the race detector where that was asked for.
func buildPlugins(dir string) error {
	for _, plugin := range []string{"proxyver", "reinject", "canary"} {
		args := []string{"build", "-trimpath", "-o", filepath.Join(dir, "kubectl-mesh_"+plugin)}
		if raceEnabled {
			args = append(args, "-race")
		}
		build := exec.Command("go", append(args, "./plugins/kubectl-mesh-"+plugin)...)
		build.Dir = filepath.Join("..", "..")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("building the plugins: %w\n%s", err, out)
		}
	}
	return nil
}

// The revisions and tags of the shared lab.
const (
	oldRevision, oldVersion = "1-22", "1.22.0"
	newRevision, newVersion = "1-23", "1.23.0"
	stableTag, canaryTag    = "prod-stable", "prod-canary"
)

var shared struct {
	once sync.Once
	lab  *cluster.Cluster
	err  error
}

// sharedLab returns the lab that tests share: two revisions, a stable tag on the old and a canary tag on the new. Tests
// keep to namespaces of their own, and leave revisions and tags as they found them.
func sharedLab(t *testing.T) *cluster.Cluster {
	t.Helper()
	shared.once.Do(func() {
		ctx := context.Background()
		if shared.lab, shared.err = cluster.Start(ctx, cluster.Options{Log: os.Stderr}); shared.err != nil {
			return
		}
		shared.err = installTwoRevisions(ctx, shared.lab)
	})
	if shared.err != nil {
		t.Fatalf("starting the shared lab: %v", shared.err)
	}
	return shared.lab
}

func installTwoRevisions(ctx context.Context, lab *cluster.Cluster) error {
	// Waypoints are made by an istiod that knows of ambient mode.
	ambient := map[string]string{"PILOT_ENABLE_AMBIENT": "true"}
	for _, i := range []cluster.Istio{
		{Revision: oldRevision, Tag: oldVersion}, {Revision: newRevision, Tag: newVersion, Env: ambient},
	} {
		if err := lab.InstallIstio(ctx, i); err != nil {
			return err
		}
	}
	for tag, revision := range map[string]string{stableTag: oldRevision, canaryTag: newRevision} {
		if err := setTag(ctx, lab, tag, revision); err != nil {
			return err
		}
	}
	return nil
}

// setTag moves a tag with istioctl and returns once the real injector follows.
func setTag(ctx context.Context, lab *cluster.Cluster, tag, revision string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := lab.Istioctl(ctx, "tag", "set", tag, "--revision", revision, "--overwrite", "-y"); err != nil {
		return err
	}
	// The API server takes up changed webhooks a moment later.
	for {
		got, err := ask(ctx, lab, newPod("default", "tag", withLabel("istio.io/rev", tag)))
		if err == nil && got.revision == revision {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("tag %s does not lead to %s: %v, %w", tag, revision, got, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func stopShared() {
	if shared.lab != nil {
		if err := shared.lab.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the shared lab:", err)
		}
	}
}

// ownLab starts a lab for one test, which may do with it what it likes.
func ownLab(t *testing.T, o cluster.Options) *cluster.Cluster {
	t.Helper()
	o.Log = os.Stderr
	lab, err := cluster.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Stop(); err != nil {
			t.Errorf("stopping the lab: %v", err)
		}
	})
	return lab
}
