package main

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/version"
	"sigs.k8s.io/yaml"
)

// What follows are krew's own rules and those of its index: what `kubectl krew install` and the index's checks refuse, and what its guides
// on names and manifests ask for.

// krewPlugin is a manifest as krew reads it.
type krewPlugin struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec krewSpec `json:"spec"`
}

type krewSpec struct {
	Version          string         `json:"version"`
	Homepage         string         `json:"homepage"`
	ShortDescription string         `json:"shortDescription"`
	Description      string         `json:"description"`
	Caveats          string         `json:"caveats"`
	Platforms        []krewPlatform `json:"platforms"`
}

type krewPlatform struct {
	URI      string                `json:"uri"`
	SHA256   string                `json:"sha256"`
	Selector *metav1.LabelSelector `json:"selector"`
	Files    []krewFile            `json:"files"`
	Bin      string                `json:"bin"`
}

type krewFile struct {
	From string `json:"from"`
	To   string `json:"to"`
}

var (
	safeName    = regexp.MustCompile(`^[\w-]+$`)
	guidedName  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	windowsName = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[1-9]|lpt[1-9])$`)
	validSum    = regexp.MustCompile(`^[a-f0-9]{64}$`)
)

const (
	widestShort = 50
	widestLine  = 80
)

// krewRefuses returns what krew would say against the manifest in a file of that name.
func krewRefuses(file string, p krewPlugin) error {
	name, isYAML := strings.CutSuffix(file, ".yaml")
	_, versionErr := version.ParseSemantic(p.Spec.Version)
	short := p.Spec.ShortDescription
	for _, rule := range []struct {
		holds bool
		text  string
	}{
		{p.APIVersion == "krew.googlecontainertools.github.com/v1alpha2", "apiVersion"},
		{p.Kind == "Plugin", "kind"},
		{isYAML, "the file's ending"},
		{p.Metadata.Name == name, "the name is not the file's"},
		{safeName.MatchString(name), "the name has other characters than letters, digits, dashes and underscores"},
		{guidedName.MatchString(name), "the name is not in lower case with dashes"},
		{!windowsName.MatchString(name), "Windows does not allow the name"},
		{!strings.HasPrefix(name, "kubectl-"), "the name begins with kubectl-"},
		{strings.HasPrefix(p.Spec.Version, "v") && versionErr == nil, "the version is not semantic, with a v before it"},
		{strings.HasPrefix(p.Spec.Homepage, "https://"), "homepage"},
		{short != "" && !strings.ContainsAny(short, "\r\n"), "the short description is no line"},
		{len(short) <= widestShort, "the short description is long"},
		{p.Spec.Description != "" && widest(p.Spec.Description) <= widestLine, "the description is missing, or wide"},
		{widest(p.Spec.Caveats) <= widestLine, "the caveats are wide"},
		{len(p.Spec.Platforms) > 0, "there is no platform"},
	} {
		if !rule.holds {
			return errors.New(rule.text)
		}
	}
	for _, platform := range p.Spec.Platforms {
		if err := krewRefusesPlatform(platform); err != nil {
			return fmt.Errorf("%s: %w", platform.URI, err)
		}
	}
	return krewRefusesSelectors(p.Spec.Platforms)
}

// widest returns the length of the longest line that could be broken.
func widest(text string) int {
	longest := 0
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Contains(strings.TrimSpace(line), " ") {
			longest = max(longest, len(line))
		}
	}
	return longest
}

func krewRefusesPlatform(p krewPlatform) error {
	bin := path.Clean(p.Bin)
	switch {
	case !strings.HasPrefix(p.URI, "https://"):
		return errors.New("uri")
	case !strings.HasSuffix(p.URI, ".tar.gz") && !strings.HasSuffix(p.URI, ".zip"):
		return errors.New("the archive is of no kind that krew extracts")
	case !validSum.MatchString(p.SHA256):
		return errors.New("sha256")
	case p.Bin == "" || !filepath.IsLocal(bin):
		return errors.New("bin is not inside of what is installed")
	// Without files, krew installs all of them.
	case p.Files != nil && len(p.Files) == 0:
		return errors.New("files is empty")
	}
	var installed []string
	for _, f := range p.Files {
		switch {
		case f.From == "" || f.To == "":
			return errors.New("a file has no from or no to")
		case !filepath.IsLocal(f.From) || !filepath.IsLocal(f.To):
			return errors.New("a file is outside")
		case f.To != path.Clean(f.To):
			return errors.New("a file's to is not clean")
		}
		to := f.To
		if to == "." {
			to = path.Base(f.From)
		}
		installed = append(installed, to)
	}
	switch {
	case p.Files != nil && !slices.Contains(installed, bin):
		return errors.New("bin is not installed")
	case p.Files != nil && !slices.Contains(installed, "LICENSE"):
		return errors.New("the licence is not installed")
	case p.Files != nil && !slices.Contains(installed, thirdParty):
		return errors.New("the licences of others are not installed")
	}
	return nil
}

// krewsPlatforms are those that krew itself is made for.
var krewsPlatforms = []platform{
	{"windows", "386"}, {"windows", "amd64"}, {"windows", "arm64"}, {"linux", "386"}, {"linux", "amd64"}, {"linux", "arm"}, {"linux", "arm64"},
	{"linux", "ppc64le"}, {"darwin", "386"}, {"darwin", "amd64"}, {"darwin", "arm64"},
}

// krewRefusesSelectors wants each selector to select something, and no platform of krew's to be selected twice.
func krewRefusesSelectors(all []krewPlatform) error {
	used := make([]bool, len(all))
	for _, on := range krewsPlatforms {
		matched, err := matching(all, on)
		switch {
		case err != nil:
			return err
		case len(matched) > 1:
			return fmt.Errorf("%s is selected by %d", on, len(matched))
		}
		for _, i := range matched {
			used[i] = true
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return fmt.Errorf("%s: selects no platform of krew's", all[i].URI)
	}
	return nil
}

// matching returns the indices of the platforms that krew would take on a machine.
func matching(all []krewPlatform, on platform) ([]int, error) {
	var matched []int
	for i, p := range all {
		if p.Selector == nil || len(p.Selector.MatchLabels)+len(p.Selector.MatchExpressions) == 0 {
			return nil, errors.New("a selector is empty")
		}
		for key := range p.Selector.MatchLabels {
			if key != "os" && key != "arch" {
				return nil, fmt.Errorf("a selector is for %q", key)
			}
		}
		for _, e := range p.Selector.MatchExpressions {
			if e.Key != "os" && e.Key != "arch" {
				return nil, fmt.Errorf("a selector is for %q", e.Key)
			}
		}
		selector, err := metav1.LabelSelectorAsSelector(p.Selector)
		if err != nil {
			return nil, err
		}
		if selector.Matches(labels.Set{"os": on.os, "arch": on.arch}) {
			matched = append(matched, i)
		}
	}
	return matched, nil
}

// rendered returns a plugin's manifest for all platforms, with a checksum of its own for each.
func rendered(t *testing.T, p plugin) (krewPlugin, string) {
	t.Helper()
	r := &release{version: "v1.2.3", platforms: allPlatforms, sums: map[string]string{}}
	for i, platform := range allPlatforms {
		r.sums[target{p, platform}.archive("v1.2.3")] = fmt.Sprintf("%064x", i+1)
	}
	content, err := r.manifest(p).render(filepath.Join("..", "..", "..", "krew-manifests"), p)
	if err != nil {
		t.Fatal(err)
	}
	var manifest krewPlugin
	if err := yaml.UnmarshalStrict(content, &manifest); err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	return manifest, string(content)
}

func TestTheManifestsFollowKrewsRules(t *testing.T) {
	for _, p := range allPlugins {
		t.Run(p.krewName(), func(t *testing.T) {
			manifest, text := rendered(t, p)
			if err := krewRefuses(p.krewName()+".yaml", manifest); err != nil {
				t.Errorf("krew refuses it: %v\n%s", err, text)
			}
			if manifest.Spec.Version != "v1.2.3" || len(manifest.Spec.Platforms) != len(allPlatforms) {
				t.Errorf("version %s, %d platforms", manifest.Spec.Version, len(manifest.Spec.Platforms))
			}
		})
	}
}

func TestEachPlatformGetsItsOwnArchive(t *testing.T) {
	for _, p := range allPlugins {
		manifest, _ := rendered(t, p)
		for i, on := range allPlatforms {
			matched, err := matching(manifest.Spec.Platforms, on)
			if err != nil || len(matched) != 1 {
				t.Fatalf("%s on %s: %v, %v", p, on, matched, err)
			}
			got, want := manifest.Spec.Platforms[matched[0]], target{p, on}
			if uri := "https://github.com/kubectl-mesh/kubectl-mesh/releases/download/v1.2.3/" + want.archive("v1.2.3"); got.URI != uri {
				t.Errorf("%s on %s: %s", p, on, got.URI)
			}
			if got.Bin != want.binary() || got.SHA256 != fmt.Sprintf("%064x", i+1) {
				t.Errorf("%s on %s: %s, %s", p, on, got.Bin, got.SHA256)
			}
		}
	}
}

func TestTheCaveatsSayWhatKrewCannotDo(t *testing.T) {
	for _, p := range allPlugins {
		manifest, _ := rendered(t, p)
		for _, want := range []string{
			"tree/v1.2.3/docs/rbac", "ln -s kubectl-mesh_" + string(p) + " ", "/bin/kubectl-mesh-" + string(p) + `"`, ": on Linux and macOS,\nwith kubectl 1.26 or later:\n  kubectl mesh-" + string(p) + " completion --install",
		} {
			if !strings.Contains(manifest.Spec.Caveats, want) {
				t.Errorf("%s lacks %q:\n%s", p, want, manifest.Spec.Caveats)
			}
		}
	}
}

func TestABrokenManifestIsSeen(t *testing.T) {
	for _, c := range []struct {
		rule, file string
		change     func(*krewPlugin)
		want       string
	}{
		{"another version of the API", "", func(p *krewPlugin) { p.APIVersion = "v1" }, "apiVersion"},
		{"another kind", "", func(p *krewPlugin) { p.Kind = "Deployment" }, "kind"},
		{"another name than the file's", "canary.yaml", func(*krewPlugin) {}, "the name is not the file's"},
		{"another ending", "mesh-canary.yml", func(*krewPlugin) {}, "ending"},
		{"a name with a dot", "mesh.canary.yaml", func(p *krewPlugin) { p.Metadata.Name = "mesh.canary" }, "other characters"},
		{"a name with an underscore", "mesh_canary.yaml", func(p *krewPlugin) { p.Metadata.Name = "mesh_canary" }, "lower case with dashes"},
		{"a device's name", "lpt1.yaml", func(p *krewPlugin) { p.Metadata.Name = "lpt1" }, "Windows"},
		{"kubectl- in the name", "kubectl-mesh.yaml", func(p *krewPlugin) { p.Metadata.Name = "kubectl-mesh" }, "begins with kubectl-"},
		{"no v", "", func(p *krewPlugin) { p.Spec.Version = "1.2.3" }, "semantic"},
		{"two numbers", "", func(p *krewPlugin) { p.Spec.Version = "v1.2" }, "semantic"},
		{"no short description", "", func(p *krewPlugin) { p.Spec.ShortDescription = "" }, "no line"},
		{"two lines of it", "", func(p *krewPlugin) { p.Spec.ShortDescription = "a\nb" }, "no line"},
		{"a long one", "", func(p *krewPlugin) { p.Spec.ShortDescription = strings.Repeat("x", 51) }, "is long"},
		{"wide caveats", "", func(p *krewPlugin) { p.Spec.Caveats = strings.Repeat("x ", 41) }, "are wide"},
		{"no platforms", "", func(p *krewPlugin) { p.Spec.Platforms = nil }, "no platform"},
		{"no address", "", func(p *krewPlugin) { p.Spec.Platforms[0].URI = "" }, "uri"},
		{"a bare binary", "", func(p *krewPlugin) { p.Spec.Platforms[0].URI = "https://example.com/binary" }, "of no kind"},
		{"a checksum in capitals", "", func(p *krewPlugin) { p.Spec.Platforms[0].SHA256 = strings.Repeat("A", 64) }, "sha256"},
		{"no program", "", func(p *krewPlugin) { p.Spec.Platforms[0].Bin = "" }, "bin is not inside"},
		{"a program outside", "", func(p *krewPlugin) { p.Spec.Platforms[0].Bin = "../sh" }, "bin is not inside"},
		{"a program that is not installed", "", func(p *krewPlugin) { p.Spec.Platforms[0].Bin = "sh" }, "bin is not installed"},
		{"an empty list of files", "", func(p *krewPlugin) { p.Spec.Platforms[0].Files = []krewFile{} }, "files is empty"},
		{"a file to nowhere", "", func(p *krewPlugin) { p.Spec.Platforms[0].Files[0].To = "" }, "no from or no to"},
		{"a path that is not clean", "", func(p *krewPlugin) { p.Spec.Platforms[0].Files[0].To = "./" }, "not clean"},
		{"a path outside", "", func(p *krewPlugin) { p.Spec.Platforms[0].Files[0].To = "../bin" }, "outside"},
		{"no licence", "", func(p *krewPlugin) { p.Spec.Platforms[0].Files = p.Spec.Platforms[0].Files[:1] }, "the licence is"},
		{"no licences of others", "", func(p *krewPlugin) { p.Spec.Platforms[0].Files = p.Spec.Platforms[0].Files[:2] }, "the licences of others"},
		{"no selector", "", func(p *krewPlugin) { p.Spec.Platforms[0].Selector = nil }, "empty"},
		{"a selector for something else", "", func(p *krewPlugin) { p.Spec.Platforms[0].Selector.MatchLabels["libc"] = "musl" }, `"libc"`},
		{"a selector for nothing", "", func(p *krewPlugin) { p.Spec.Platforms[0].Selector.MatchLabels["arch"] = "x86" }, "selects no platform"},
		{"two selectors for one", "", func(p *krewPlugin) { p.Spec.Platforms[0].Selector = p.Spec.Platforms[1].Selector }, "is selected by 2"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			manifest, _ := rendered(t, "canary")
			c.change(&manifest)
			file := c.file
			if file == "" {
				file = "mesh-canary.yaml"
			}
			if err := krewRefuses(file, manifest); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
