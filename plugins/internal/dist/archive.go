package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"time"
)

// Modes of what is in an archive, whatever umask it was built under.
const (
	executable fs.FileMode = 0o755
	readable   fs.FileMode = 0o644
)

// entry is a file in an archive.
type entry struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// writeTarGz writes the entries in their order, all of one time, and of nobody in particular. The error is w's.
func writeTarGz(w io.Writer, made time.Time, entries []entry) error {
	// The header of gzip is left without a name and a time. The best compression would take three times as long to save one per cent.
	compressed := gzip.NewWriter(w)
	archive := tar.NewWriter(compressed)
	for _, e := range entries {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: e.name, Mode: int64(e.mode.Perm()), Size: int64(len(e.content)), ModTime: made, Format: tar.FormatUSTAR,
		}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("archiving %s: %w", e.name, err)
		}
		if _, err := archive.Write(e.content); err != nil {
			return fmt.Errorf("archiving %s: %w", e.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("ending the archive: %w", err)
	}
	return compressed.Close()
}

// writeZip writes the entries in their order, all of one time. The error is w's.
func writeZip(w io.Writer, made time.Time, entries []entry) error {
	archive := zip.NewWriter(w)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: made}
		header.SetMode(e.mode)
		file, err := archive.CreateHeader(header)
		if err != nil {
			return fmt.Errorf("archiving %s: %w", e.name, err)
		}
		if _, err := file.Write(e.content); err != nil {
			return fmt.Errorf("archiving %s: %w", e.name, err)
		}
	}
	return archive.Close()
}
