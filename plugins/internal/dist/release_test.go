package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheArchivesAreNamedByPluginVersionAndPlatform(t *testing.T) {
	for target, want := range map[target]string{
		{"canary", platform{"linux", "amd64"}}:     "kubectl-mesh-canary_v1.2.3_linux_amd64.tar.gz",
		{"proxyver", platform{"darwin", "arm64"}}:  "kubectl-mesh-proxyver_v1.2.3_darwin_arm64.tar.gz",
		{"reinject", platform{"windows", "arm64"}}: "kubectl-mesh-reinject_v1.2.3_windows_arm64.zip",
	} {
		if got := target.archive("v1.2.3"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTheChecksumsAreSortedAndAsSha256sumReadsThem(t *testing.T) {
	dir := t.TempDir()
	r := &release{version: "v1.2.3", sums: map[string]string{"b.zip": "bb", "a.tar.gz": "aa"}}
	if err := r.describe(dir); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "checksums.txt"))
	if want := "aa  a.tar.gz\nbb  b.zip\n"; err != nil || string(content) != want {
		t.Errorf("got %q, %v, want %q", content, err, want)
	}
}

func TestAManifestKnowsOnlyThePlatformsThatWereBuilt(t *testing.T) {
	r := &release{version: "v1.2.3", platforms: []platform{{"linux", "arm64"}}, sums: map[string]string{"kubectl-mesh-canary_v1.2.3_linux_arm64.tar.gz": "cc"}}
	want := published{"linux", "arm64", "kubectl-mesh-canary_v1.2.3_linux_arm64.tar.gz", "cc", "kubectl-mesh_canary"}
	if got := r.manifest("canary"); got.Version != "v1.2.3" || !slices.Equal(got.Platforms, []published{want}) {
		t.Errorf("got %+v", got)
	}
}

func TestABuildThatFailsLeavesWhatWasThere(t *testing.T) {
	parent := t.TempDir()
	out := filepath.Join(parent, "dist")
	write(t, filepath.Join(out, "checksums.txt"), "earlier")
	license := filepath.Join(parent, "LICENSE")
	write(t, license, "a licence")
	// There are no plugins below the folder of this test.
	r := &release{version: "v1.2.3", plugins: allPlugins, platforms: allPlatforms[:1], license: license, log: io.Discard}
	if err := r.make(t.Context(), out); err == nil || !strings.Contains(err.Error(), "building mesh-") {
		t.Errorf("got %v", err)
	}
	if got := names(t, parent); !slices.Equal(got, []string{"LICENSE", "dist"}) {
		t.Errorf("there is %v", got)
	}
	if got := names(t, out); !slices.Equal(got, []string{"checksums.txt"}) {
		t.Errorf("of the earlier release there is %v", got)
	}
}

func TestOnlyAReleaseIsReplaced(t *testing.T) {
	for rule, c := range map[string]struct {
		there   []string
		refused bool
	}{
		"nothing":               {nil, false},
		"a release":             {[]string{"checksums.txt", "mesh-canary.yaml", "kubectl-mesh-canary_v1.0.0_linux_amd64.tar.gz"}, false},
		"somebody's home":       {[]string{"letters.txt"}, true},
		"somebody's downloads":  {[]string{"checksums.txt", "letters.txt"}, true},
		"a folder by that name": {[]string{"checksums.txt", "kubectl-mesh-canary_work/letters.txt"}, true},
		"the templates":         {[]string{"mesh-canary.yaml", "mesh-proxyver.yaml", "mesh-reinject.yaml"}, true},
	} {
		t.Run(rule, func(t *testing.T) {
			parent := t.TempDir()
			out, finished := filepath.Join(parent, "dist"), filepath.Join(parent, "finished")
			for _, name := range c.there {
				write(t, filepath.Join(out, name), "earlier")
			}
			write(t, filepath.Join(finished, "checksums.txt"), "new")
			if err := replaceable(out); (err != nil) != c.refused {
				t.Fatalf("got %v", err)
			}
			if c.refused {
				return
			}
			if err := replace(out, finished, filepath.Join(parent, "earlier")); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(filepath.Join(out, "checksums.txt"))
			if got := names(t, out); err != nil || string(content) != "new" || len(got) != 1 {
				t.Errorf("got %q, %v, in %v", content, err, got)
			}
		})
	}
}

func TestASlashAfterTheFolderChangesNothing(t *testing.T) {
	parent := t.TempDir()
	out := filepath.Join(parent, "release")
	write(t, filepath.Join(out, "checksums.txt"), "earlier")
	license := filepath.Join(parent, "LICENSE")
	write(t, license, "a licence")
	r := &release{version: "v1.2.3", license: license, log: io.Discard}
	if err := r.make(t.Context(), out+"/"); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(out, "checksums.txt"))
	if got := names(t, out); err != nil || len(content) != 0 || len(got) != 1 {
		t.Errorf("got %q, %v, in %v", content, err, got)
	}
	if got := names(t, parent); !slices.Equal(got, []string{"LICENSE", "release"}) {
		t.Errorf("beside it there is %v", got)
	}
}

func TestAnEarlierReleaseIsPutBack(t *testing.T) {
	parent := t.TempDir()
	out := filepath.Join(parent, "dist")
	write(t, filepath.Join(out, "checksums.txt"), "earlier")
	err := replace(out, filepath.Join(parent, "nothing"), filepath.Join(parent, "earlier"))
	if err == nil || !strings.Contains(err.Error(), "putting the release where it belongs") {
		t.Errorf("got %v", err)
	}
	if got := names(t, out); !slices.Equal(got, []string{"checksums.txt"}) || len(names(t, parent)) != 1 {
		t.Errorf("of the earlier release there is %v", got)
	}
}

func TestAnEarlierReleaseThatCannotBePutBackIsKept(t *testing.T) {
	parent := t.TempDir()
	s := stage{filepath.Join(parent, ".dist-1")}
	write(t, filepath.Join(s.earlier(), "checksums.txt"), "earlier")
	write(t, filepath.Join(s.whole(), "checksums.txt"), "new")
	// Meanwhile somebody else has put something there.
	write(t, filepath.Join(parent, "dist", "letters.txt"), "a letter")
	if err := putBack(s.earlier(), filepath.Join(parent, "dist")); err == nil || !strings.Contains(err.Error(), "kept in "+s.earlier()) {
		t.Errorf("got %v", err)
	}
	s.clear()
	if got := names(t, s.earlier()); !slices.Equal(got, []string{"checksums.txt"}) || len(names(t, s.folder)) != 1 {
		t.Errorf("of the earlier release there is %v", got)
	}
}

func TestPluginsAndPlatformsAreNamedOrRefused(t *testing.T) {
	platforms := list[platform]{parse: parsePlatform}
	if err := platforms.Set("linux/amd64,windows/arm64"); err != nil || platforms.String() != "linux/amd64,windows/arm64" {
		t.Errorf("got %s, %v", &platforms, err)
	}
	plugins := list[plugin]{parse: parsePlugin}
	if err := plugins.Set("canary"); err != nil || !slices.Equal(plugins.values, []plugin{"canary"}) {
		t.Errorf("got %v, %v", plugins.values, err)
	}
	for _, bad := range []string{"", "linux", "plan9/amd64", "linux/amd64,linux/amd64"} {
		if err := platforms.Set(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if err := plugins.Set("mesh-canary"); err == nil || !strings.Contains(err.Error(), "[canary proxyver reinject]") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
