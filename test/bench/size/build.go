package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

var plugins = []string{"proxyver", "reinject", "canary"}

// released makes a release for this machine into a folder, and returns each plugin's binary and archive in it.
func (s *size) released(ctx context.Context, dir string) (binaries, archives map[string]string, err error) {
	dist := filepath.Join(dir, "dist")
	_, err = process.Run(ctx, nil, "go", "-C", s.root, "run", "./plugins/internal/dist",
		"-version", version, "-platforms", runtime.GOOS+"/"+runtime.GOARCH, "-out", dist)
	if err != nil {
		return nil, nil, fmt.Errorf("making a release: %w", err)
	}
	binaries, archives = map[string]string{}, map[string]string{}
	for _, plugin := range plugins {
		archives[plugin] = filepath.Join(dist, fmt.Sprintf("kubectl-mesh-%s_%s_%s_%s.tar.gz", plugin, version, runtime.GOOS, runtime.GOARCH))
		binaries[plugin] = filepath.Join(dir, "kubectl-mesh_"+plugin)
		if err := unpack(archives[plugin], binaries[plugin]); err != nil {
			return nil, nil, err
		}
	}
	return binaries, archives, nil
}

// version is that of the release that is measured.
const version = "v0.0.0"

// unpack takes the file out of the archive that is called as it is.
func unpack(archive, file string) error {
	packed, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("opening what was made: %w", err)
	}
	defer packed.Close()
	compressed, err := gzip.NewReader(packed)
	if err != nil {
		return fmt.Errorf("reading %s: %w", archive, err)
	}
	for files := tar.NewReader(compressed); ; {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s holds no %s", archive, filepath.Base(file))
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", archive, err)
		}
		if header.Name != filepath.Base(file) {
			continue
		}
		content, err := io.ReadAll(files)
		if err == nil {
			err = os.WriteFile(file, content, 0o755)
		}
		if err != nil {
			return fmt.Errorf("taking %s out of %s: %w", header.Name, archive, err)
		}
		return nil
	}
}

// build builds a plugin as a release does, but with or without cgo and the tables of its symbols.
func (s *size) build(ctx context.Context, plugin, file string, cgo, symbols bool) error {
	args := []string{"-C", s.root, "build", "-trimpath", "-o", file}
	if !symbols {
		args = append(args, "-ldflags", "-s -w")
	}
	enabled := "CGO_ENABLED=0"
	if cgo {
		enabled = "CGO_ENABLED=1"
	}
	if _, err := process.Run(ctx, []string{enabled}, "go", append(args, "./plugins/kubectl-mesh-"+plugin)...); err != nil {
		return fmt.Errorf("building mesh-%s: %w", plugin, err)
	}
	return nil
}
