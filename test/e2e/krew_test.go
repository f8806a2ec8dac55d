package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// krewManifest is what krew reads of a plugin's manifest in order to install it.
type krewManifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string         `json:"version"`
		Homepage         string         `json:"homepage"`
		ShortDescription string         `json:"shortDescription"`
		Description      string         `json:"description"`
		Caveats          string         `json:"caveats"`
		Platforms        []krewPlatform `json:"platforms"`
	} `json:"spec"`
}

type krewPlatform struct {
	Selector struct {
		MatchLabels labels `json:"matchLabels"`
	} `json:"selector"`
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
	Files  []struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"files"`
	Bin string `json:"bin"`
}

// TestAReleaseIsInstalledAsKrewDoes: what `make dist` makes is taken apart, moved and linked as `kubectl krew install` does it, and then
// answers both spellings, the second once what the caveats say has been done.
func TestAReleaseIsInstalledAsKrewDoes(t *testing.T) {
	kubectl := toolPath(t, "kubectl")
	dist, root := filepath.Join(t.TempDir(), "dist"), t.TempDir()
	makeDist(t, filepath.Join("..", ".."), nil, "VERSION=v9.8.7", "DISTFLAGS=-platforms "+host()+" -out "+dist)
	bin := filepath.Join(root, "bin")
	env := []string{"PATH=" + bin, "HOME=" + t.TempDir()}
	for _, plugin := range []string{"canary", "proxyver", "reinject"} {
		krewInstall(t, dist, root, "mesh-"+plugin)
		want := regexp.MustCompile(`^kubectl-mesh-` + plugin + ` v9\.8\.7 \(commit [0-9a-f]{12}, go1\.\d+(\.\d+)?\)\n$`)
		if r := kubectlWith(t, kubectl, env, "mesh-"+plugin, "version"); !want.MatchString(r.stdout) || r.stderr != "" || r.code != 0 {
			t.Errorf("kubectl mesh-%s version: %+v", plugin, r)
		}
		if err := os.Symlink("kubectl-mesh_"+plugin, filepath.Join(bin, "kubectl-mesh-"+plugin)); err != nil {
			t.Fatal(err)
		}
		if r := kubectlWith(t, kubectl, env, "mesh", plugin, "version"); !want.MatchString(r.stdout) || r.stderr != "" || r.code != 0 {
			t.Errorf("kubectl mesh %s version: %+v", plugin, r)
		}
	}
	r := kubectlWith(t, kubectl, env, "plugin", "list")
	if strings.Contains(r.stdout+r.stderr, "warning") || r.code != 0 || strings.Count(r.stdout, bin) != 6 {
		t.Errorf("kubectl plugin list: %+v", r)
	}
}

// krewInstall does with what a release's manifest names what krew does, below a root of its own.
func krewInstall(t *testing.T, dist, root, plugin string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dist, plugin+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest krewManifest
	if err := yaml.UnmarshalStrict(content, &manifest); err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	platforms := manifest.Spec.Platforms
	chosen := slices.IndexFunc(platforms, func(p krewPlatform) bool {
		return p.Selector.MatchLabels["os"] == runtime.GOOS && p.Selector.MatchLabels["arch"] == runtime.GOARCH
	})
	if chosen < 0 || manifest.Metadata.Name != plugin {
		t.Fatalf("%s is not for this machine: %s", plugin, content)
	}
	platform := platforms[chosen]
	archive, err := os.ReadFile(filepath.Join(dist, path.Base(platform.URI)))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(archive); hex.EncodeToString(sum[:]) != platform.SHA256 {
		t.Fatalf("%s has another sum than the manifest says, %s", path.Base(platform.URI), platform.SHA256)
	}
	extracted := t.TempDir()
	krewExtract(t, archive, extracted)
	store := filepath.Join(root, "store", plugin, manifest.Spec.Version)
	for _, f := range platform.Files {
		to := f.To
		if to == "." {
			to = path.Base(f.From)
		}
		move(t, filepath.Join(extracted, f.From), filepath.Join(store, to))
	}
	if _, err := os.Stat(filepath.Join(store, "LICENSE")); err != nil {
		t.Error(err)
	}
	licensed(t, filepath.Join(store, "THIRD_PARTY_LICENSES"), filepath.Join(store, platform.Bin))
	krewLink(t, filepath.Join(root, "bin"), filepath.Join(store, platform.Bin), plugin)
}

// licensed compares a file of licences with what the linker has noted in the binary: it is for those modules, and for no other.
func licensed(t *testing.T, file, program string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	noted, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Go " + noted.GoVersion}
	for _, module := range noted.Deps {
		want = append(want, module.Path+" "+module.Version)
	}
	var got []string
	for _, part := range strings.Split(string(content), "\n"+strings.Repeat("=", 80)+"\n")[1:] {
		name, _, _ := strings.Cut(part, "\n")
		got = append(got, name)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: there are licences of\n%s\nand linked is\n%s", path.Base(program), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// krewExtract takes what krew takes: regular files and folders that stay inside.
func krewExtract(t *testing.T, archive []byte, dir string) {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(compressed); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(h.Name, "..") || strings.HasPrefix(h.Name, "/") || strings.HasPrefix(h.Name, `\`) {
			t.Fatalf("krew refuses the path %q", h.Name)
		}
		to := filepath.Join(dir, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(to, h.FileInfo().Mode().Perm())
		case tar.TypeReg:
			var content []byte
			if content, err = io.ReadAll(files); err == nil {
				err = os.WriteFile(to, content, h.FileInfo().Mode().Perm())
			}
		default:
			t.Fatalf("krew refuses %q, which is of type %q", h.Name, h.Typeflag)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// krewLink links a program under the name by which kubectl finds the plugin.
func krewLink(t *testing.T, bin, program, plugin string) {
	t.Helper()
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	relative, err := filepath.Rel(bin, program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(relative, filepath.Join(bin, "kubectl-"+strings.ReplaceAll(plugin, "-", "_"))); err != nil {
		t.Fatal(err)
	}
}

// TestAReleaseIsTheSameWhereverItIsMade: two clones of the last commit, in folders of different lengths, for users with other habits, make
// the same release, for this machine and for Windows. What is not committed is in no release.
func TestAReleaseIsTheSameWhereverItIsMade(t *testing.T) {
	repository, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	clones := []string{filepath.Join(parent, "a"), filepath.Join(parent, "another", "and-longer", "path")}
	habits := [][]string{{"TZ=UTC", "UMASK=022"}, {"TZ=Asia/Tokyo", "UMASK=077", "GOFLAGS=-tags=mine", "CGO_ENABLED=1"}}
	for i, clone := range clones {
		git(t, "clone", "--quiet", "--no-hardlinks", repository, clone)
		makeDist(t, clone, habits[i], "DISTFLAGS=-plugins canary -platforms "+host()+",windows/amd64")
	}
	first, second := contents(t, filepath.Join(clones[0], "dist")), contents(t, filepath.Join(clones[1], "dist"))
	if len(first) != 4 || len(second) != 4 {
		t.Fatalf("there are %d and %d files, not two archives, their checksums and their manifest", len(first), len(second))
	}
	for name, content := range first {
		if !bytes.Equal(content, second[name]) {
			t.Errorf("%s differs", name)
		}
		if strings.HasSuffix(name, ".tar.gz") {
			namesNoFolder(t, content, append(clones, goEnv(t, "GOMODCACHE"), goEnv(t, "GOCACHE")))
		}
	}
}

// namesNoFolder checks that nothing in an archive tells where it was made.
func namesNoFolder(t *testing.T, archive []byte, folders []string) {
	t.Helper()
	dir := t.TempDir()
	krewExtract(t, archive, dir)
	for name, content := range contents(t, dir) {
		for _, folder := range folders {
			if bytes.Contains(content, []byte(folder)) {
				t.Errorf("%s names %s", name, folder)
			}
		}
	}
}

// makeDist runs `make dist` in a folder, with what else the environment holds.
func makeDist(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `umask "${UMASK:-022}" && exec make "$@"`, "make", "-s", "-C", dir, "dist"}, args...)...)
	cmd.Env = append(gitEnv(t), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, out)
	}
}

func git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Env = gitEnv(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// gitEnv has git look at a repository whoever owns it, and at no settings of the user's.
func gitEnv(t *testing.T) []string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "gitconfig")
	writeFile(t, config, "[safe]\n\tdirectory = *\n")
	return append(os.Environ(), "GIT_CONFIG_GLOBAL="+config)
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// host is this machine's platform.
func host() string { return runtime.GOOS + "/" + runtime.GOARCH }

// contents returns the files of a folder by their names.
func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return all
}
