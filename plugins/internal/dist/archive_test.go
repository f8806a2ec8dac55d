package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

var madeAt = time.Date(2026, 5, 4, 3, 2, 2, 0, time.UTC)

// archiveOf makes the archive of a target of which the binary is a text, in a folder of its own, and returns its content.
func archiveOf(t *testing.T, p platform, umask fs.FileMode) []byte {
	t.Helper()
	dir, made := t.TempDir(), target{"canary", p}
	binary := filepath.Join(dir, "built")
	if err := os.WriteFile(binary, []byte("a program"), 0o777&^umask); err != nil {
		t.Fatal(err)
	}
	r := &release{version: "v1.2.3", time: madeAt, sums: map[string]string{}, log: io.Discard}
	if err := r.archive(made, binary, []entry{{"LICENSE", readable, []byte("a licence")}, {thirdParty, readable, []byte("others")}}, dir); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, made.archive("v1.2.3")))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(content); r.sums[made.archive("v1.2.3")] != hex.EncodeToString(sum[:]) {
		t.Errorf("the sum noted is %v", r.sums)
	}
	return content
}

// packed is what an archive says of a file.
type packed struct {
	name    string
	mode    fs.FileMode
	content string
	at      time.Time
}

func TestAnArchiveHoldsTheBinaryAndTheLicences(t *testing.T) {
	for p, binary := range map[platform]string{{"linux", "amd64"}: "kubectl-mesh_canary", {"darwin", "arm64"}: "kubectl-mesh_canary", {"windows", "arm64"}: "kubectl-mesh_canary.exe"} {
		t.Run(p.String(), func(t *testing.T) {
			unpack := unpackTarGz
			if p.os == "windows" {
				unpack = unpackZip
			}
			got, err := unpack(archiveOf(t, p, 0))
			want := []packed{{"LICENSE", 0o644, "a licence", madeAt}, {"THIRD_PARTY_LICENSES", 0o644, "others", madeAt}, {binary, 0o755, "a program", madeAt}}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestAnArchiveIsTheSameWhereverItIsMade(t *testing.T) {
	for _, p := range allPlatforms {
		t.Run(p.String(), func(t *testing.T) {
			first := archiveOf(t, p, 0)
			if second := archiveOf(t, p, 0o077); !bytes.Equal(first, second) {
				t.Error("two archives of the same binary differ")
			}
		})
	}
}

func TestNobodyIsNamedInAnArchive(t *testing.T) {
	compressed, err := gzip.NewReader(bytes.NewReader(archiveOf(t, platform{"linux", "amd64"}, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if compressed.Name != "" || compressed.Comment != "" || !compressed.ModTime.IsZero() {
		t.Errorf("gzip's header: %+v", compressed.Header)
	}
	for archive := tar.NewReader(compressed); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || len(h.PAXRecords) != 0 {
			t.Errorf("%s: %+v", h.Name, h)
		}
	}
}

func unpackTarGz(content []byte) ([]packed, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	var all []packed
	for archive := tar.NewReader(compressed); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		all = append(all, packed{h.Name, h.FileInfo().Mode(), string(text), h.ModTime.UTC()})
	}
}

func unpackZip(content []byte) ([]packed, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	var all []packed
	for _, f := range archive.File {
		file, err := f.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(file)
		if err != nil {
			return nil, err
		}
		all = append(all, packed{f.Name, f.Mode(), string(text), f.Modified.UTC()})
	}
	return all, nil
}
