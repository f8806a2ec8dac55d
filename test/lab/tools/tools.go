// Package tools builds the programs a lab consists of, from the modules named in the nested module's go.mod, and
// keeps them until that file, go.sum or the Go toolchain changes.
package tools

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// kubernetesVersion is the one go.mod requires. A program built by hand does not know its version, and clients fail
// to parse the server's when it is empty.
const kubernetesVersion = "v1.36.3"

// DirVar names the environment variable that says where the tools are kept, instead of bin/lab-tools of the project.
const DirVar = "LAB_TOOLS"

type tool struct{ name, pkg string }

var all = []tool{
	{"etcd", "go.etcd.io/etcd/server/v3"},
	{"kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"},
	{"kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"},
	{"kubectl", "k8s.io/kubernetes/cmd/kubectl"},
	{"kwok", "sigs.k8s.io/kwok/cmd/kwok"},
	{"istioctl", "istio.io/istio/istioctl/cmd/istioctl"},
	{"pilot-discovery", "istio.io/istio/pilot/cmd/pilot-discovery"},
}

// Tools is a directory of programs and the module they are built from.
type Tools struct{ dir, module string }

// Locate returns the tools as they are, built or not. The error says that the lab's sources were not found.
func Locate() (*Tools, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	dir := os.Getenv(DirVar)
	if dir == "" {
		dir = filepath.Join(root, "bin", "lab-tools")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, fmt.Errorf("finding the tools: %w", err)
	}
	return &Tools{dir: dir, module: filepath.Join(root, "test")}, nil
}

// Ensure builds what is missing or stale and returns the tools. Progress lines, only about what has to be built, go to
// log. The error says that the lab's sources were not found, or which tool could not be built and why.
func Ensure(ctx context.Context, log io.Writer) (*Tools, error) {
	t, err := Locate()
	if err != nil {
		return nil, err
	}
	b := &builder{module: t.module, dir: t.dir, log: log}
	if err := b.all(ctx); err != nil {
		return nil, err
	}
	return t, nil
}

// Dir returns the directory of the programs.
func (t *Tools) Dir() string { return t.dir }

// Path returns the path of the program of that name, such as "kubectl".
func (t *Tools) Path(name string) string { return filepath.Join(t.dir, name) }

// GatewayCRDs returns the directory of the Gateway API's custom resource definitions.
func (t *Tools) GatewayCRDs() string { return filepath.Join(t.dir, gatewayCRDs) }

// RolloutCRD returns the path of the custom resource definition of Argo Rollouts.
func (t *Tools) RolloutCRD() string { return filepath.Join(t.dir, argoCRD) }

func (b *builder) all(ctx context.Context) error {
	if err := os.MkdirAll(b.dir, 0o755); err != nil {
		return fmt.Errorf("making room for the tools: %w", err)
	}
	unlock, err := lock(ctx, filepath.Join(b.dir, ".lock"), b.log)
	if err != nil {
		return fmt.Errorf("waiting for another lab's build: %w", err)
	}
	defer unlock()
	want, err := b.stamp(ctx)
	if err != nil {
		return err
	}
	said := false
	for i, t := range all {
		if b.current(t.name, want) {
			continue
		}
		if !said {
			fmt.Fprintln(b.log, "building the lab's programs: about 10 minutes on two cores the first time")
			said = true
		}
		fmt.Fprintf(b.log, "building %s (%d of %d)\n", t.name, i+1, len(all))
		start := time.Now()
		if err := b.build(ctx, t); err != nil {
			return err
		}
		if err := b.markCurrent(t.name, want); err != nil {
			return err
		}
		fmt.Fprintf(b.log, "built %s in %s\n", t.name, time.Since(start).Round(100*time.Millisecond))
	}
	if err := b.copyGatewayCRDs(ctx, want); err != nil {
		return err
	}
	return b.copyArgoCRD(ctx)
}
