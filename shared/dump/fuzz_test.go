package dump

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/cli-runtime/pkg/printers"
)

// FuzzRead feeds anything: reading ends, without a panic, and what is counted was handed over or is of another kind.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/formats/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
		f.Add(string(text[:len(text)/2]))
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := read(t, text)
		counted := 0
		for kind, n := range r.Objects {
			if _, ok := readings[kind]; ok {
				counted += n
			}
		}
		if counted != len(r.names) {
			t.Errorf("%d counted, %d handed over, %v", counted, len(r.names), r.err)
		}
	})
}

// FuzzWhatKubectlPrintsIsReadBack puts text where people put it, and compares what JSON and YAML give with what the JSON
// library makes of it.
func FuzzWhatKubectlPrintsIsReadBack(f *testing.F) {
	f.Add("note", "two\nlines: and\n\n# more\n  status:\n- kind: Pod", "1.22")
	f.Add("kind", " leading\ttab\n\n", "---\n")
	f.Add("a/b", "\"quoted\" 'text' \\ \u2028 \U0001f9c0 \x01", "yes")
	f.Add("x", strings.Repeat("a long line ", 30)+"\n"+strings.Repeat("\n", 5)+"end", "null")
	f.Fuzz(func(t *testing.T, key, value, arg string) {
		if !utf8.ValidString(key+value+arg) || len(validation.IsQualifiedName(key)) > 0 {
			return
		}
		want := []*corev1.Pod{typical("shop/cart-1"), typical("shop/cart-2")}
		for _, pod := range want {
			pod.Annotations[key], pod.Labels[key] = value, arg
			pod.Spec.Containers[1].Args = []string{arg, value, key}
			pod.Spec.Containers[0].Env[3].Value = value
			pod.Status.Conditions[0].Message = value
		}
		list := asList(t, want[0], want[1])
		if err := (&printers.YAMLPrinter{}).PrintObj(list, io.Discard); err != nil {
			return // kubectl cannot print it either.
		}
		for _, text := range [][]byte{asJSON(t, list), asYAML(t, list)} {
			var got []runtime.Object
			if _, err := Read(strings.NewReader(string(text)), func(o runtime.Object) error { got = append(got, o); return nil }); err != nil || len(got) != 2 {
				t.Fatalf("%d objects, %v of\n%s", len(got), err, text)
			}
			for i, pod := range want {
				if !reflect.DeepEqual(got[i], trimmed(t, pod)) {
					t.Fatalf("got %+v\nwant %+v\nof %s", got[i], trimmed(t, pod), text)
				}
			}
		}
	})
}

// trimmed is what is to be left of a typical pod.
func trimmed(t *testing.T, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	text, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	left := &corev1.Pod{}
	if err := json.Unmarshal(text, left); err != nil {
		t.Fatal(err)
	}
	left.ManagedFields = nil
	left.Spec.Volumes, left.Spec.Tolerations = nil, nil
	left.Status.ContainerStatuses = nil
	for i := range left.Spec.Containers {
		left.Spec.Containers[i].Env, left.Spec.Containers[i].VolumeMounts = nil, nil
	}
	for i := range left.Status.Conditions {
		left.Status.Conditions[i].Message = ""
	}
	return left
}
