package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

const ldflags = "-s -w -X k8s.io/component-base/version.gitVersion=" + kubernetesVersion +
	" -X k8s.io/client-go/pkg/version.gitVersion=" + kubernetesVersion

var buildFlags = []string{"-trimpath", "-ldflags", ldflags}

type builder struct {
	module string // where the go command runs
	dir    string // where the programs go
	log    io.Writer
}

func (b *builder) build(ctx context.Context, t tool) error {
	args := append([]string{"build"}, buildFlags...)
	_, err := b.goCommand(ctx, append(args, "-o", filepath.Join(b.dir, t.name), t.pkg)...)
	if err != nil {
		return fmt.Errorf("building %s: %w", t.name, err)
	}
	return nil
}

func (b *builder) goCommand(ctx context.Context, args ...string) (string, error) {
	out, err := process.Run(ctx, nil, "go", append([]string{"-C", b.module}, args...)...)
	return strings.TrimSpace(out), err
}

// stamp identifies what the tools are built from and with.
func (b *builder) stamp(ctx context.Context) (string, error) {
	version, err := b.goCommand(ctx, "env", "GOVERSION", "GOOS", "GOARCH")
	if err != nil {
		return "", fmt.Errorf("asking go for its version: %w", err)
	}
	hash := sha256.New()
	fmt.Fprintln(hash, version, buildFlags)
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(b.module, name))
		if err != nil {
			return "", fmt.Errorf("reading what the tools are built from: %w", err)
		}
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func (b *builder) stampFile(name string) string { return filepath.Join(b.dir, "."+name+".stamp") }

func (b *builder) current(name, stamp string) bool {
	have, err := os.ReadFile(b.stampFile(name))
	if err != nil || string(have) != stamp {
		return false
	}
	_, err = os.Stat(filepath.Join(b.dir, name))
	return err == nil
}

func (b *builder) markCurrent(name, stamp string) error {
	if err := os.WriteFile(b.stampFile(name), []byte(stamp), 0o644); err != nil {
		return fmt.Errorf("noting that %s is current: %w", name, err)
	}
	return nil
}
