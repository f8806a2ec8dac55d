package restartreport

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestACheckedPathCanBeWritten(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"existing.md", "no-folder"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.md"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "locked"), 0o500); err != nil {
		t.Fatal(err)
	}
	locked := "permission denied"
	if os.Geteuid() == 0 {
		locked = ""
	}
	for _, c := range []struct{ rule, path, want string }{
		{"JSON", "new.json", ""},
		{"Markdown", "new.md", ""},
		{"an extension in capitals", "new.JSON", ""},
		{"an existing file is replaced", "existing.md", ""},
		{"another extension", "new.txt", "has to end in .json or .md"},
		{"no extension", "json", "has to end in .json or .md"},
		{"a folder that does not exist", "missing/new.md", "no such file or directory"},
		{"a file in the place of the folder", "no-folder/new.md", "not a directory"},
		{"a folder in the place of the file", "folder.md", "it is no file"},
		{"a name that is too long", strings.Repeat("x", 300) + ".md", "file name too long"},
		{"a folder that may not be written to", "locked/new.md", locked},
	} {
		path := filepath.Join(dir, c.path)
		for did, err := range map[string]error{"checking": CheckPath(path), "writing": WriteFile(path, rich())} {
			if c.want == "" && err != nil || c.want != "" && (err == nil || did == "checking" && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s, %s: got %v, want %q", c.rule, did, err, c.want)
			}
		}
	}
	leftOver(t, dir)
}

// leftOver looks for temporary files.
func leftOver(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if strings.HasPrefix(entry.Name(), ".report-") {
			t.Errorf("%s is left over", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCheckingLeavesThingsAsTheyAre(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.md")
	if err := CheckPath(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}

func TestAFileIsTheReportForItsExtensionAndMayBeReadByAll(t *testing.T) {
	json, err := JSON(rich())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]byte{"report.json": json, "report.md": Markdown(rich())} {
		path := filepath.Join(t.TempDir(), name)
		if err := WriteFile(path, rich()); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v, or other contents", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
