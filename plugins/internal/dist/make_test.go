package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAVersionIsNoCommand: a tag may hold quotes, semicolons and dollars, and `make dist` hands its name on to be refused, to no shell to
// be run.
func TestAVersionIsNoCommand(t *testing.T) {
	for _, name := range []string{"VERSION", "COMMIT"} {
		t.Run(name, func(t *testing.T) {
			trace := filepath.Join(t.TempDir(), "trace")
			hostile := `v1.2.3'";touch ` + trace + `;'$(shell touch ` + trace + `)$$(touch ` + trace + ")`touch " + trace + "`"
			// A version is given, so that a hostile commit leads to a refusal as well.
			cmd := exec.CommandContext(t.Context(), "make", "-s", "-C", filepath.Join("..", "..", ".."), "dist")
			cmd.Env = append(os.Environ(), "MAKEFLAGS=", "VERSION=refused", "COMMIT=unknown", name+"="+hostile)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "krew takes semantic versions") {
				t.Errorf("got %v\n%s", err, out)
			}
			if _, err := os.Stat(trace); err == nil {
				t.Error("it was run")
			}
		})
	}
}
