package main

import (
	"bufio"
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/process"
)

// part is something that a sum is made up of.
type part struct {
	name string
	size float64
}

// largest returns the parts by size, the largest first.
func largest(sizes map[string]float64) []part {
	var all []part
	for name, size := range sizes {
		all = append(all, part{name, size})
	}
	slices.SortFunc(all, func(a, b part) int { return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.name, b.name)) })
	return all
}

// sections returns how many bytes of an executable each of its sections takes up.
func sections(file string) (map[string]float64, error) {
	executable, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	defer executable.Close()
	sizes := map[string]float64{}
	for _, s := range executable.Sections {
		if s.Type != elf.SHT_NOBITS {
			sizes[s.Name] = float64(s.FileSize)
		}
	}
	return sizes, nil
}

// codeByModule returns how many bytes of an executable are code of each module. It must have its symbols.
func codeByModule(ctx context.Context, file string) (map[string]float64, error) {
	build, err := process.Run(ctx, nil, "go", "version", "-m", file)
	if err != nil {
		return nil, fmt.Errorf("asking what %s is made from: %w", file, err)
	}
	symbols, err := process.Run(ctx, nil, "go", "tool", "nm", "-size", file)
	if err != nil {
		return nil, fmt.Errorf("listing what is in %s: %w", file, err)
	}
	return groupCode(symbols, modulesOf(build)), nil
}

// modulesOf takes the modules out of what `go version -m` prints.
func modulesOf(build string) map[string]bool {
	modules := map[string]bool{}
	for line := range strings.Lines(build) {
		if f := strings.Fields(line); len(f) > 1 && (f[0] == "mod" || f[0] == "dep") {
			modules[f[1]] = true
		}
	}
	return modules
}

// standard is where a symbol belongs that no module has: generic functions among them, which are compiled for each type.
const standard = "the standard library"

// groupCode adds up the sizes of the functions among what `go tool nm -size` prints, by module.
func groupCode(symbols string, modules map[string]bool) map[string]float64 {
	sizes := map[string]float64{}
	lines := bufio.NewScanner(strings.NewReader(symbols))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 4 || !strings.EqualFold(f[2], "t") {
			continue
		}
		if size, err := strconv.ParseFloat(f[1], 64); err == nil {
			sizes[moduleOf(f[3], modules)] += size
		}
	}
	return sizes
}

// moduleOf returns the module that a function belongs to.
func moduleOf(symbol string, modules map[string]bool) string {
	// What a generic function was compiled for is no part of where it belongs. A dot in the last part of a path is escaped.
	symbol, _, _ = strings.Cut(symbol, "[")
	pkg := strings.ReplaceAll(symbol, "%2e", ".")
	for end := len(pkg); end > 0; end = strings.LastIndexAny(pkg[:end], "/.") {
		if modules[pkg[:end]] {
			return pkg[:end]
		}
	}
	return standard
}
