package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestWhatIsCompiledIsNotTheUsersToDecide: neither the environment nor what `go env -w` has written changes what Go compiles.
func TestWhatIsCompiledIsNotTheUsersToDecide(t *testing.T) {
	mine := []string{"GOFLAGS=-tags=mine", "GOAMD64=v3", "GOARM64=v9.0", "GOEXPERIMENT=arenas", "GOFIPS140=latest", "GO_EXTLINK_ENABLED=1", "CGO_ENABLED=1", "GOOS=plan9", "GOARCH=386"}
	for where, set := range map[string]func(t *testing.T){
		"in the environment": func(t *testing.T) {
			for _, variable := range mine {
				name, value, _ := strings.Cut(variable, "=")
				t.Setenv(name, value)
			}
		},
		"by go env -w": func(t *testing.T) {
			writeGoEnv(t, mine...)
		},
	} {
		t.Run(where, func(t *testing.T) {
			set(t)
			want := "\noff\n0\nwindows\narm64\nv1\nv8.0\n\noff\n\n"
			got := goEnv(t, "GOFLAGS", "GOWORK", "CGO_ENABLED", "GOOS", "GOARCH", "GOAMD64", "GOARM64", "GOEXPERIMENT", "GOFIPS140", "GO_EXTLINK_ENABLED")
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestWhereModulesComeFromIsTheUsersToDecide: a mirror, and a toolchain that must not be fetched, are heeded as everywhere else.
func TestWhereModulesComeFromIsTheUsersToDecide(t *testing.T) {
	writeGoEnv(t, "GOPROXY=https://mirror.example.com", "GOPRIVATE=example.com/mine", "GOTOOLCHAIN=local")
	for _, name := range []string{"GOPROXY", "GOPRIVATE", "GONOSUMDB", "GOTOOLCHAIN"} {
		t.Setenv(name, "")
	}
	if got, want := goEnv(t, "GOPROXY", "GOPRIVATE", "GONOSUMDB", "GOTOOLCHAIN"), "https://mirror.example.com\nexample.com/mine\nexample.com/mine\nlocal\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	settings, err := goSettings(t.Context())
	if err != nil || len(settings) != len(whence) || !slices.Contains(settings, "GOPROXY=https://mirror.example.com") {
		t.Errorf("got %v, %v", settings, err)
	}
}

// writeGoEnv has the go command take the settings for those that `go env -w` has written.
func writeGoEnv(t *testing.T, settings ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "env")
	write(t, file, strings.Join(settings, "\n")+"\n")
	t.Setenv("GOENV", file)
}

// goEnv returns what go takes the variables for, one a line, in a build for windows/arm64.
func goEnv(t *testing.T, names ...string) string {
	t.Helper()
	settings, err := goSettings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &release{settings: settings}
	out, err := r.goCommand(t.Context(), platform{"windows", "arm64"}, append([]string{"env"}, names...)...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
