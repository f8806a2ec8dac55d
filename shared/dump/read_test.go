package dump

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

// result is what reading a dump gave.
type result struct {
	Contents
	names []string
	texts []string
	err   error
}

func read(tb testing.TB, text string) result {
	tb.Helper()
	var r result
	r.Contents, r.err = Read(strings.NewReader(text), func(o runtime.Object) error {
		id := identityOf(o)
		r.names = append(r.names, id.String())
		content, err := json.MarshalIndent(o, "", "  ")
		r.texts = append(r.texts, fmt.Sprintf("%T %s", o, content))
		return err
	})
	return r
}

func identityOf(o runtime.Object) identity {
	meta := o.(object)
	h := head{}
	h.apiVersion, h.kind = o.GetObjectKind().GroupVersionKind().ToAPIVersionAndKind()
	return identity{h.groupKind(), meta.GetNamespace(), meta.GetName()}
}

func TestEveryFormatGivesTheSameObjects(t *testing.T) {
	files, err := filepath.Glob("testdata/formats/*")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := read(t, string(text))
			if r.err != nil || r.Cut != "" || r.Repeated != 0 || r.Partial != nil {
				t.Fatalf("%+v, %v", r.Contents, r.err)
			}
			golden.Equal(t, "objects.golden", strings.Join(r.texts, "\n")+"\n"+r.String()+"\n")
		})
	}
}

func TestTheSizeOfReadsDoesNotMatter(t *testing.T) {
	for _, file := range []string{"list.json", "list.yaml", "utf16le.json", "list.json.gz", "typed-lists-sorted.json"} {
		text, err := os.ReadFile("testdata/formats/" + file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if _, err := Read(&dripping{bytes.NewReader(text)}, func(runtime.Object) error { n++; return nil }); err != nil || n != 13 {
			t.Errorf("%s: %d objects, %v", file, n, err)
		}
	}
}

// dripping gives one byte at a time.
type dripping struct{ r *bytes.Reader }

func (d *dripping) Read(p []byte) (int, error) { return d.r.Read(p[:min(1, len(p))]) }
