package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// versionPackage holds the variables that `version` prints.
const versionPackage = "github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"

// build compiles the target into the file. The error carries what the compiler says.
func (r *release) build(ctx context.Context, t target, file string) error {
	if _, err := r.goCommand(ctx, t.platform, r.buildArgs(t, file)...); err != nil {
		return fmt.Errorf("building %s for %s: %w", t.plugin.krewName(), t.platform, err)
	}
	return nil
}

// goCommand runs the go command for a platform, and returns its standard output. The error carries what it complains about.
func (r *release) goCommand(ctx context.Context, p platform, args ...string) ([]byte, error) {
	return runGo(ctx, append(os.Environ(), buildEnv(p, r.settings)...), args...)
}

func runGo(ctx context.Context, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = env
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil && ctx.Err() != nil {
		return nil, errors.New("interrupted: nothing was made")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(complaints.Bytes()))
	}
	return out, nil
}

// buildArgs keeps what differs between machines, folders and clones out of the binary. The build ID stays in: it is made of the
// contents, and macOS wants the UUID that the linker makes of it.
func (r *release) buildArgs(t target, file string) []string {
	return []string{
		"build", "-trimpath", "-buildvcs=false",
		"-ldflags", fmt.Sprintf("-s -w -X %[1]s.version=%[2]s -X %[1]s.commit=%[3]s", versionPackage, r.version, r.commit),
		"-o", file, t.source(),
	}
}

// whence are the settings that say where Go finds modules, toolchains and what it has compiled before. They are the user's: whatever
// they are, go.sum decides which contents are taken.
var whence = []string{"GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPRIVATE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"}

// goSettings returns those settings, from the environment or from what `go env -w` has written. The error carries what go complains about.
func goSettings(ctx context.Context) ([]string, error) {
	out, err := runGo(ctx, os.Environ(), append([]string{"env", "-json"}, whence...)...)
	if err != nil {
		return nil, fmt.Errorf("asking go for its settings: %w", err)
	}
	values := map[string]string{}
	if err := json.Unmarshal(out, &values); err != nil {
		return nil, fmt.Errorf("asking go for its settings: %w", err)
	}
	var all []string
	for _, name := range whence {
		all = append(all, name+"="+values[name])
	}
	return all, nil
}

// buildEnv returns the variables that decide what is compiled, so that those of whoever makes the release do not, and then the settings.
// An empty variable alone would not do: for such a one, Go looks at what `go env -w` has written, unless GOENV is off. There is no cgo: with
// it, the package plugin of the standard library, which a library of kubectl imports, makes the linker keep every exported name, and the
// binary a third larger.
func buildEnv(p platform, settings []string) []string {
	return append([]string{
		"GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOOS=" + p.os, "GOARCH=" + p.arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOEXPERIMENT=", "GOFIPS140=off", "GO_EXTLINK_ENABLED=",
	}, settings...)
}
