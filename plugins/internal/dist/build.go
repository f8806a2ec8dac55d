package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// versionPackage holds the variables that `version` prints.
const versionPackage = "github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"

// build compiles the target into the file. The error carries what the compiler says.
func (r *release) build(ctx context.Context, t target, file string) error {
	cmd := exec.CommandContext(ctx, "go", r.buildArgs(t, file)...)
	cmd.Env = append(os.Environ(), buildEnv(t.platform)...)
	var complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &complaints, &complaints
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted: nothing was made")
		}
		return fmt.Errorf("building %s for %s: %w: %s", t.plugin.krewName(), t.platform, err, bytes.TrimSpace(complaints.Bytes()))
	}
	return nil
}

// buildArgs keeps what differs between machines, folders and clones out of the binary. The build ID stays in: it is made of the
// contents, and macOS wants the UUID that the linker makes of it.
func (r *release) buildArgs(t target, file string) []string {
	return []string{
		"build", "-trimpath", "-buildvcs=false",
		"-ldflags", fmt.Sprintf("-s -w -X %[1]s.version=%[2]s -X %[1]s.commit=%[3]s", versionPackage, r.version, r.commit),
		"-o", file, "./plugins/kubectl-" + t.plugin.krewName(),
	}
}

// buildEnv returns the variables that decide what is compiled, so that those of whoever makes the release do not. There is no cgo: with
// it, the package plugin of the standard library, which a library of kubectl imports, makes the linker keep every exported name, and the
// binary a third larger.
func buildEnv(p platform) []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=" + p.os, "GOARCH=" + p.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOFLAGS=", "GOWORK=off",
	}
}
