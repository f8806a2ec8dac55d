package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many targets are built at the same time: linking uses one processor and a gigabyte.
const atOnce = 2

// checksums is the file that lists the archives, as `sha256sum -c` reads it.
const checksums = "checksums.txt"

// release is what is made, and from what.
type release struct {
	version, commit string
	time            time.Time
	plugins         []plugin
	platforms       []platform
	license         string   // a file
	templates       string   // a folder
	settings        []string // of Go, NAME=VALUE
	log             io.Writer

	mu sync.Mutex
	// sums are the archives' checksums by their names.
	sums map[string]string
}

// make builds everything beside the folder out, and puts it there once it is whole. The error says what failed; then out is as it was,
// or the error says where that is.
func (r *release) make(ctx context.Context, out string) error {
	// With a slash at its end, a folder would be its own parent.
	out = filepath.Clean(out)
	if err := replaceable(out); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return fmt.Errorf("making room for the release: %w", err)
	}
	folder, err := os.MkdirTemp(filepath.Dir(out), ".dist-")
	if err != nil {
		return fmt.Errorf("making room for the release: %w", err)
	}
	s := stage{folder}
	defer s.clear()
	if err := os.Mkdir(s.whole(), 0o755); err != nil {
		return fmt.Errorf("making room for the release: %w", err)
	}
	if err := r.archives(ctx, s.binaries(), s.whole()); err != nil {
		return err
	}
	if err := r.describe(s.whole()); err != nil {
		return err
	}
	if err := replace(out, s.whole(), s.earlier()); err != nil {
		return err
	}
	if err := os.RemoveAll(s.earlier()); err != nil {
		return fmt.Errorf("the release is made, and the earlier one still there: %w", err)
	}
	return nil
}

// stage is the folder in which a release is made.
type stage struct{ folder string }

func (s stage) binaries() string { return filepath.Join(s.folder, "binaries") }
func (s stage) whole() string    { return filepath.Join(s.folder, "whole") }
func (s stage) earlier() string  { return filepath.Join(s.folder, "earlier") }

// clear removes what was made, and the folder with it unless an earlier release is still in there: nobody else has that one.
func (s stage) clear() {
	os.RemoveAll(s.binaries())
	os.RemoveAll(s.whole())
	os.Remove(s.folder)
}

// archives builds every target into the folder binaries, and writes its archive into the folder dir.
func (r *release) archives(ctx context.Context, binaries, dir string) error {
	license, err := os.ReadFile(r.license)
	if err != nil {
		return fmt.Errorf("reading the licence: %w", err)
	}
	r.sums = map[string]string{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, platform := range r.platforms {
		for _, plugin := range r.plugins {
			t := target{plugin, platform}
			group.Go(func() error {
				binary := filepath.Join(binaries, platform.os+"_"+platform.arch, t.binary())
				if err := r.build(ctx, t, binary); err != nil {
					return err
				}
				others, err := r.thirdPartyLicences(ctx, t)
				if err != nil {
					return err
				}
				return r.archive(t, binary, []entry{{"LICENSE", readable, license}, {thirdParty, readable, others}}, dir)
			})
		}
	}
	return group.Wait()
}

// archive writes the archive of a target, the licences and the binary in that file, into the folder, and notes its checksum.
func (r *release) archive(t target, binary string, licences []entry, dir string) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("reading what was built: %w", err)
	}
	write := writeTarGz
	if t.platform.os == "windows" {
		write = writeZip
	}
	var content bytes.Buffer
	if err := write(&content, r.time, append(licences, entry{t.binary(), executable, program})); err != nil {
		return fmt.Errorf("making %s: %w", t.archive(r.version), err)
	}
	if err := r.put(dir, t.archive(r.version), content.Bytes()); err != nil {
		return err
	}
	sum := sha256.Sum256(content.Bytes())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sums[t.archive(r.version)] = hex.EncodeToString(sum[:])
	fmt.Fprintf(r.log, "%s, %.1f MB\n", t.archive(r.version), float64(content.Len())/1e6)
	return nil
}

// describe writes the checksums and the manifests of the archives.
func (r *release) describe(dir string) error {
	var sums bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(r.sums)) {
		fmt.Fprintf(&sums, "%s  %s\n", r.sums[name], name)
	}
	if err := r.put(dir, checksums, sums.Bytes()); err != nil {
		return err
	}
	for _, p := range r.plugins {
		content, err := r.manifest(p).render(r.templates, p)
		if err != nil {
			return err
		}
		if err := r.put(dir, p.krewName()+".yaml", content); err != nil {
			return err
		}
	}
	return nil
}

// manifest returns what the manifest of a plugin is rendered with.
func (r *release) manifest(p plugin) manifest {
	m := manifest{Version: r.version}
	for _, platform := range r.platforms {
		t := target{p, platform}
		m.Platforms = append(m.Platforms, published{
			OS: platform.os, Arch: platform.arch, Archive: t.archive(r.version), SHA256: r.sums[t.archive(r.version)], Binary: t.binary(),
		})
	}
	return m
}

func (r *release) put(dir, name string, content []byte) error {
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		return fmt.Errorf("writing the release: %w", err)
	}
	return nil
}

// replaceable returns an error for a folder that holds something else than a release: a mistyped name must not cost it.
func replaceable(out string) error {
	there, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(there) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at what is in %s: %w", out, err)
	}
	const remedy = "empty it, or name another folder with -out"
	if !slices.ContainsFunc(there, func(e fs.DirEntry) bool { return e.Name() == checksums }) {
		return fmt.Errorf("%s holds something else than a release, which would have %s: %s", out, checksums, remedy)
	}
	if i := slices.IndexFunc(there, func(e fs.DirEntry) bool { return !ofRelease(e) }); i >= 0 {
		return fmt.Errorf("%s holds something else than a release, %s: %s", out, there[i].Name(), remedy)
	}
	return nil
}

// ofRelease tells whether a release, of this version or another, has such an entry.
func ofRelease(e fs.DirEntry) bool {
	return e.Type().IsRegular() && slices.ContainsFunc([]string{checksums, "mesh-*.yaml", "kubectl-mesh-*_*"}, func(pattern string) bool {
		is, _ := filepath.Match(pattern, e.Name())
		return is
	})
}

// replace puts the finished folder where out is, and what was there to earlier.
func replace(out, finished, earlier string) error {
	if err := os.Rename(out, earlier); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("putting the earlier release away: %w", err)
	}
	if err := os.Rename(finished, out); err != nil {
		return errors.Join(fmt.Errorf("putting the release where it belongs: %w", err), putBack(earlier, out))
	}
	return nil
}

func putBack(earlier, out string) error {
	if err := os.Rename(earlier, out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("putting the earlier release back: %w; it is kept in %s", err, earlier)
	}
	return nil
}
