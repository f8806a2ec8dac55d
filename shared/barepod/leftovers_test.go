package barepod

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesThatCannotBeUsedAreToldAndKept(t *testing.T) {
	const named = "shop_debug_" + uid + ".yaml"
	const pod = "apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: debug}\nspec: {containers: [{name: app}]}\n"
	for _, c := range []struct{ rule, name, content, want string }{
		{"another name", "notes.yaml", pod, `"notes.yaml" is not named NAMESPACE_NAME_UID.yaml`},
		{"another pod's name", "shop_web_" + uid + ".yaml", pod, "it is of pod shop/debug, and named for another"},
		{"no YAML", named, "a: b: c", "cannot be used: "},
		{"an empty file", named, "", "it is no manifest of a pod"},
		{"another kind", named, strings.Replace(pod, "Pod", "Node", 1), "it is no manifest of a pod"},
		{"a pod without containers", named, strings.Replace(pod, "{name: app}", "", 1), "it is no manifest of a pod"},
		{"a field that is not known", named, pod + "extra: 1\n", `unknown field "extra"`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, c.name)
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			good := save(t, dir, running("zoo/debug"))
			found := leftovers(t, dir)
			if len(found) != 2 || found[0].Path != path || found[0].Pod != nil || found[0].Err == nil ||
				!strings.Contains(found[0].Err.Error(), c.want) || strings.Contains(found[0].Err.Error(), "\n") {
				t.Fatalf("found %+v", found)
			}
			if found[1].Path != good || found[1].Err != nil {
				t.Errorf("the other one: %+v", found[1])
			}
			if content, err := os.ReadFile(path); err != nil || string(content) != c.content {
				t.Errorf("it is %q now: %v", content, err)
			}
		})
	}
}

func TestNothingIsLeftWhereNothingWasSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if found := leftovers(t, dir); found != nil {
		t.Errorf("found %v", found)
	}
	path := save(t, dir, running("shop/debug"))
	for _, name := range []string{".new-1", ".new.yaml", "readme.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := Remove(path); err != nil {
			t.Error(err)
		}
	}
	if found := leftovers(t, dir); found != nil {
		t.Errorf("found %v", found)
	}
	if err := os.MkdirAll(filepath.Join(path, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err == nil {
		t.Error("what cannot be removed is no error")
	}
	if _, err := Leftovers(filepath.Join(dir, "readme.txt")); err == nil {
		t.Error("a file is read as a directory")
	}
}
