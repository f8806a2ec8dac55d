package dump

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// What files begin with.
const (
	gzipMagic     = "\x1f\x8b"
	byteOrderMark = "\xef\xbb\xbf"
	utf16LE       = "\xff\xfe"
	utf16BE       = "\xfe\xff"
)

// decoded returns the input as UTF-8, without compression. The error says that the compressed data is damaged in its very
// beginning.
func decoded(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	if startsWith(in, gzipMagic) {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("unpacking the dump with gzip: %w", err)
		}
		in = bufio.NewReader(unzipped)
	}
	// Windows PowerShell's redirection writes this.
	if startsWith(in, utf16LE) || startsWith(in, utf16BE) {
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(in), nil
	}
	return in, nil
}

func startsWith(in *bufio.Reader, prefix string) bool {
	// Reading fails again, and is reported, where the input is read.
	start, _ := in.Peek(len(prefix))
	return strings.HasPrefix(string(start), prefix)
}
