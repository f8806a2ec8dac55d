package tools

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAToolIsCurrentUntilWhatItIsBuiltFromChanges(t *testing.T) {
	b := &builder{module: t.TempDir(), dir: t.TempDir(), log: io.Discard}
	write(t, filepath.Join(b.module, "go.mod"), "module example.com/lab\n")
	write(t, filepath.Join(b.module, "go.sum"), "")
	before := stamp(t, b)
	write(t, filepath.Join(b.dir, "etcd"), "program")
	if b.current("etcd", before) {
		t.Error("a tool of unknown origin is taken for current")
	}
	if err := b.markCurrent("etcd", before); err != nil {
		t.Fatal(err)
	}
	if !b.current("etcd", before) {
		t.Error("a tool that was just built is not current")
	}
	write(t, filepath.Join(b.module, "go.sum"), "example.com/other v1.0.0 h1:x\n")
	if b.current("etcd", stamp(t, b)) {
		t.Error("a tool is current although go.sum has changed")
	}
	if err := os.Remove(filepath.Join(b.dir, "etcd")); err != nil {
		t.Fatal(err)
	}
	if b.current("etcd", before) {
		t.Error("a tool that is gone is taken for current")
	}
}

func TestTwoLabsDoNotBuildAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(short, path, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second got %v", err)
	}
	unlock()
	again, err := lock(t.Context(), path, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestTheProjectIsFoundFromBelow(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "test", "lab", "tools")); err != nil {
		t.Error(err)
	}
}

func stamp(t *testing.T, b *builder) string {
	t.Helper()
	s, err := b.stamp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
