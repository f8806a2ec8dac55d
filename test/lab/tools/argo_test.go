package tools

import (
	"io"
	"os"
	"strings"
	"testing"
)

func TestRolloutsAreDefinedAsArgoDefinesThem(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	b := &builder{module: root + "/test", dir: t.TempDir(), log: io.Discard}
	if err := b.copyArgoCRD(t.Context()); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile((&Tools{dir: b.dir}).RolloutCRD())
	if err != nil || !strings.Contains(string(content), "name: rollouts.argoproj.io") {
		t.Errorf("%v, %d bytes", err, len(content))
	}
}
