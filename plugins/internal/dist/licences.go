package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// thirdParty is the file in each archive with the licences and notices of what is linked into the binary: most want to go with it.
const thirdParty = "THIRD_PARTY_LICENSES"

var (
	aLicence = regexp.MustCompile(`(?i)^(un)?licen[cs]e|^copying`)
	aNotice  = regexp.MustCompile(`(?i)^notice|^patents`)
)

// module is a module of which packages are linked.
type module struct {
	Path, Version string
	Dir           string // its root
	Main          bool
}

// component is what is linked under licences of its own.
type component struct {
	module
	// folders are those of the linked packages and of all above them, below the root: part of a module may come from elsewhere.
	folders []string
}

// thirdPartyLicences returns the licences and notices of Go and of every module that a target is linked with, each below its name and
// version. The error says what has no licence, or could not be read.
func (r *release) thirdPartyLicences(ctx context.Context, t target) ([]byte, error) {
	all, err := r.linked(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("listing what %s for %s is linked with: %w", t.plugin.krewName(), t.platform, err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s contains Go's standard library and the modules below, each under the licence that follows its name.\n", t.binary())
	for _, c := range all {
		if err := c.write(&out); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// linked returns Go, and then the modules that a target is linked with, by their paths. The error carries what go complains about.
func (r *release) linked(ctx context.Context, t target) ([]component, error) {
	itself, err := r.goCommand(ctx, t.platform, "env", "GOVERSION", "GOROOT")
	if err != nil {
		return nil, err
	}
	version, root, _ := strings.Cut(strings.TrimSpace(string(itself)), "\n")
	packages, err := r.goCommand(ctx, t.platform, "list", "-deps", "-json=Dir,Module", t.source())
	if err != nil {
		return nil, err
	}
	modules, err := components(packages)
	if err != nil {
		return nil, err
	}
	return append([]component{{module{Path: "Go", Version: version, Dir: root}, []string{root}}}, modules...), nil
}

// components returns the modules of the packages, as `go list -json` prints them: without the main one, whose licence is the project's.
func components(packages []byte) ([]component, error) {
	byPath := map[string]*component{}
	for in := json.NewDecoder(bytes.NewReader(packages)); ; {
		var p struct {
			Dir    string
			Module *module
		}
		err := in.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		c := byPath[p.Module.Path]
		if c == nil {
			c = &component{module: *p.Module, folders: []string{p.Module.Dir}}
			byPath[p.Module.Path] = c
		}
		for dir := p.Dir; len(dir) > len(c.Dir); dir = filepath.Dir(dir) {
			c.folders = append(c.folders, dir)
		}
	}
	var all []component
	for _, c := range byPath {
		slices.Sort(c.folders)
		c.folders = slices.Compact(c.folders)
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b component) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// write writes the component's licences and notices. The error says that there is no licence at its root, or what could not be read.
func (c component) write(out *bytes.Buffer) error {
	licensed := false
	fmt.Fprintf(out, "\n%s\n%s %s\n", strings.Repeat("=", 80), c.Path, c.Version)
	for _, folder := range c.folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return fmt.Errorf("looking for the licence of %s: %w", c.Path, err)
		}
		for _, e := range entries {
			licence := aLicence.MatchString(e.Name())
			if e.IsDir() || filepath.Ext(e.Name()) == ".go" || !licence && !aNotice.MatchString(e.Name()) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(folder, e.Name()))
			if err != nil {
				return fmt.Errorf("reading a licence of %s: %w", c.Path, err)
			}
			name, err := filepath.Rel(c.Dir, filepath.Join(folder, e.Name()))
			if err != nil {
				return fmt.Errorf("reading a licence of %s: %w", c.Path, err)
			}
			licensed = licensed || licence && folder == c.Dir
			fmt.Fprintf(out, "%s\n%s\n\n%s\n", strings.Repeat("-", 80), filepath.ToSlash(name), bytes.TrimRight(text, "\r\n"))
		}
	}
	if !licensed {
		return fmt.Errorf("%s %s has no licence at its root, %s: what is linked with it cannot be given away", c.Path, c.Version, c.Dir)
	}
	return nil
}
