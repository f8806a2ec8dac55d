package kwok

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/kwok/pkg/apis/v1alpha1"
	"sigs.k8s.io/yaml"
)

func TestEveryStageIsAStageWithATemplateThatParses(t *testing.T) {
	files, err := WriteStages(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 6 {
		t.Errorf("%d stages were written", len(files))
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var stage v1alpha1.Stage
		if err := yaml.UnmarshalStrict(content, &stage); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		if want := strings.TrimSuffix(filepath.Base(file), ".yaml"); stage.Name != want {
			t.Errorf("%s holds the stage %q", filepath.Base(file), stage.Name)
		}
		var text struct {
			Spec struct {
				Next struct{ StatusTemplate string }
			}
		}
		if err := yaml.Unmarshal(content, &text); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
		if _, err := template.New("").Funcs(sprig.TxtFuncMap()).Funcs(kwokFuncs()).Parse(text.Spec.Next.StatusTemplate); err != nil {
			t.Errorf("%s: %v", filepath.Base(file), err)
		}
	}
}

func TestEveryAnnotationIsReadByAStage(t *testing.T) {
	var all strings.Builder
	files, err := WriteStages(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(content)
	}
	for _, word := range []string{ReadyDelay, ReadyNever, Fail, FailContainer, WhenImage, DeleteDelay, Run, FailCrashLoop, FailImagePull, RunForever} {
		if !strings.Contains(all.String(), `"`+word+`"`) {
			t.Errorf("no stage reads %s", word)
		}
	}
}

// kwokFuncs names what kwok adds to the template language.
func kwokFuncs() template.FuncMap {
	funcs := template.FuncMap{}
	for _, name := range []string{"Now", "Quote", "Version", "NodeConditions", "NodeIP", "NodeName", "NodeIPsWith", "PodIPsWith"} {
		funcs[name] = func(...any) any { return nil }
	}
	return funcs
}
