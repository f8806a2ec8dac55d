// Command dist makes a release: for every plugin and platform an archive, their checksums, and the manifests that krew installs
// from. What it makes depends on the commit, the version and the Go toolchain, and on nothing else: not on the folder, the machine,
// the user or the clock.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

func main() {
	o := options{plugins: list[plugin]{parse: parsePlugin, values: allPlugins}, platforms: list[platform]{parse: parsePlatform, values: allPlatforms}}
	flag.StringVar(&o.version, "version", "", "the release's `version`, such as v1.2.3, or the commit where no tag leads to one")
	flag.StringVar(&o.commit, "commit", "unknown", "the `commit` that the binaries name")
	flag.StringVar(&o.out, "out", "dist", "the `folder` to make; an earlier release in it is replaced")
	flag.Var(&o.plugins, "plugins", "only these `plugins`, separated by commas")
	flag.Var(&o.platforms, "platforms", "only these `platforms`, separated by commas, such as linux/amd64")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

type options struct {
	version, commit, out string
	plugins              list[plugin]
	platforms            list[platform]
}

// run makes the release from the module in the working directory.
func run(ctx context.Context, o options) error {
	module, err := os.ReadFile("go.mod")
	if err != nil {
		return fmt.Errorf("finding the module, which has to be the working directory: %w", err)
	}
	if named := toolchain(string(module)); named != runtime.Version() {
		fmt.Fprintf(os.Stderr, "warning: go.mod names %s, and this is %s: the archives will differ from those of the other\n", named, runtime.Version())
	}
	made, err := releaseTime(ctx)
	if err != nil {
		return err
	}
	version, err := releaseVersion(o.version, made)
	if err != nil {
		return err
	}
	settings, err := goSettings(ctx)
	if err != nil {
		return err
	}
	r := &release{
		version: version, commit: o.commit, time: made, plugins: o.plugins.values, platforms: o.platforms.values,
		license: "LICENSE", templates: "krew-manifests", settings: settings, log: os.Stdout,
	}
	return r.make(ctx, o.out)
}

// list is a flag that holds values separated by commas.
type list[T value] struct {
	parse  func(string) (T, error)
	values []T
}

type value interface {
	comparable
	fmt.Stringer
}

// String returns the values as they are given.
func (l *list[T]) String() string {
	words := make([]string, len(l.values))
	for i, v := range l.values {
		words[i] = v.String()
	}
	return strings.Join(words, ",")
}

// Set takes the values. The error says which is none, or is there twice.
func (l *list[T]) Set(text string) error {
	l.values = nil
	for word := range strings.SplitSeq(text, ",") {
		value, err := l.parse(word)
		if err != nil {
			return err
		}
		if slices.Contains(l.values, value) {
			return fmt.Errorf("%q is there twice", word)
		}
		l.values = append(l.values, value)
	}
	return nil
}
