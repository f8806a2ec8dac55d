package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestEachLinkedModuleStandsOverItsLicencesAndNotices(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"a@v1.0.0/LICENSE": "licence of a\n", "a@v1.0.0/NOTICE.txt": "notice of a", "a@v1.0.0/README.md": "a", "a@v1.0.0/license.go": "package a",
		"a@v1.0.0/licenses/b": "of what a's tests need", "a@v1.0.0/forked/go/json/json.go": "package json", "a@v1.0.0/forked/go/COPYING": "licence of what a took over", "a@v1.0.0/unused/LICENSE": "of what is not linked",
		"b@v2.0.0/Unlicense": "licence of b\r\n",
	} {
		write(t, filepath.Join(root, name), content)
	}
	got, err := components(listed(t,
		listedPackage{filepath.Join(root, "b@v2.0.0"), &module{"example.com/b", "v2.0.0", filepath.Join(root, "b@v2.0.0"), false}},
		listedPackage{filepath.Join(root, "a@v1.0.0", "forked", "go", "json"), &module{"example.com/a", "v1.0.0", filepath.Join(root, "a@v1.0.0"), false}},
		listedPackage{filepath.Join(root, "a@v1.0.0"), &module{"example.com/a", "v1.0.0", filepath.Join(root, "a@v1.0.0"), false}},
		listedPackage{filepath.Join(root, "fmt"), nil},
		listedPackage{root, &module{"example.com/ours", "", root, true}},
	))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, c := range got {
		if err := c.write(&out); err != nil {
			t.Fatal(err)
		}
	}
	double, single := strings.Repeat("=", 80)+"\n", strings.Repeat("-", 80)+"\n"
	want := "\n" + double + "example.com/a v1.0.0\n" + single + "LICENSE\n\nlicence of a\n" + single + "NOTICE.txt\n\nnotice of a\n" +
		single + "forked/go/COPYING\n\nlicence of what a took over\n" +
		"\n" + double + "example.com/b v2.0.0\n" + single + "Unlicense\n\nlicence of b\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestAModuleWithoutALicenceIsNotGivenAway(t *testing.T) {
	for rule, file := range map[string]string{"nothing": "README.md", "a notice only": "NOTICE", "a licence of a part only": "forked/LICENSE", "a folder": "LICENSES/MIT.txt"} {
		t.Run(rule, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, file), "text")
			c := component{module{Path: "example.com/a", Version: "v1.0.0", Dir: root}, []string{root}}
			if filepath.Dir(file) == "forked" {
				c.folders = append(c.folders, filepath.Join(root, "forked"))
			}
			if err := c.write(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "example.com/a v1.0.0 has no licence") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestTheLicencesAreThoseOfThePlatform: they name Go and what only some platforms have, nothing of ours, and no folder of this machine.
func TestTheLicencesAreThoseOfThePlatform(t *testing.T) {
	t.Chdir(filepath.Join("..", "..", ".."))
	settings, err := goSettings(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := &release{settings: settings}
	for on, windows := range map[platform]bool{{"linux", "arm64"}: false, {"windows", "amd64"}: true} {
		first, err := r.thirdPartyLicences(t.Context(), target{"canary", on})
		if err != nil {
			t.Fatal(err)
		}
		second, err := r.thirdPartyLicences(t.Context(), target{"canary", on})
		if err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s: another time it is another text, %v", on, err)
		}
		for part, want := range map[string]bool{
			"\nGo go1.": true, "Copyright 2009 The Go Authors": true, "\ngithub.com/spf13/cobra v1.": true, "\nthird_party/forked/golang/LICENSE\n": true,
			"\ngithub.com/inconshreveable/mousetrap v1.": windows, "\ngithub.com/kubectl-mesh/": false,
		} {
			if got := bytes.Contains(first, []byte(part)); got != want {
				t.Errorf("%s: %q is in it: %v", on, part, got)
			}
		}
		if folder := strings.TrimSpace(goEnv(t, "GOMODCACHE")); bytes.Contains(first, []byte(folder)) {
			t.Errorf("%s: it names %s", on, folder)
		}
	}
}

// listedPackage is a package as `go list` prints it.
type listedPackage struct {
	Dir    string
	Module *module
}

func listed(t *testing.T, packages ...listedPackage) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, p := range packages {
		if err := json.NewEncoder(&out).Encode(p); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
