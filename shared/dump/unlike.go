package dump

import (
	"bytes"
	"regexp"
	"strings"
)

// sniffed is how much of the input is looked at to tell what it is.
const sniffed = 1024

// signatures are what well-known files begin with; text in lower case stands for either.
var signatures = []struct{ start, what string }{
	{"PK\x03\x04", "it is a zip archive, as `istioctl bug-report` writes; unpack it first"},
	{gzipMagic, "it is compressed twice"},
	{"\x28\xb5\x2f\xfd", "it is compressed with zstd; only gzip is unpacked here"},
	{"\xfd7zxz\x00", "it is compressed with xz; only gzip is unpacked here"},
	{"BZh", "it is compressed with bzip2; only gzip is unpacked here"},
	{"k8s\x00", "it is in Kubernetes' binary format; ask for JSON"},
	{"<!doctype html", "it is an HTML page"},
	{"<html", "it is an HTML page"},
	{"<?xml", "it is XML"},
	{"no resources found", "kubectl had found nothing"},
	{"error:", "it is an error message of kubectl"},
	{"error from server", "it is an error message of kubectl"},
	{"the connection to the server", "it is an error message of kubectl"},
	{"unable to connect to the server", "it is an error message of kubectl"},
}

// tableHead is the first line of the table that kubectl prints without -o.
var tableHead = regexp.MustCompile(`^(NAMESPACE +)?NAME( +[A-Z][A-Z0-9()-]*)*\s*\n`)

// tarMagic stands in a tar archive at that offset.
const (
	tarMagic  = "ustar"
	tarOffset = 257
)

// unlike says of the first bytes of the input what they are, where that is nothing that Kubernetes makes; empty where it
// may be a dump.
func unlike(start []byte) string {
	text := strings.ToLower(string(bytes.TrimLeft(bytes.TrimPrefix(start, []byte(byteOrderMark)), " \t\r\n")))
	for _, s := range signatures {
		if bytes.HasPrefix(start, []byte(s.start)) || strings.HasPrefix(text, s.start) {
			return s.what
		}
	}
	switch {
	case len(start) > tarOffset && bytes.HasPrefix(start[tarOffset:], []byte(tarMagic)):
		return "it is a tar archive; unpack it first"
	case tableHead.Match(start):
		return "it is the table that kubectl prints without `-o json`"
	case bytes.IndexFunc(start, control) >= 0:
		return "it is binary"
	default:
		return ""
	}
}

func control(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }
