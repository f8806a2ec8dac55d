package e2e

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// TestWhatIsQuotedIsTheDemos: a terminal that a page shows with its commands is a piece of what the demo, which runs in these tests, printed. What
// the guides show behind a block of commands is TestGuides' matter.
func TestWhatIsQuotedIsTheDemos(t *testing.T) {
	demo := whatTheDemoSaid(t)
	shown := 0
	for _, page := range append(typedPages(t), "docs/tour.md") {
		for _, b := range consoleBlock.FindAllStringSubmatch(readPage(t, page), -1) {
			if !strings.HasPrefix(b[1], "$ ") {
				continue
			}
			shown++
			if quoted := string(timeless([]byte(b[1]))); !strings.Contains(demo, quoted) {
				t.Errorf("%s: the demo does not print\n%s", page, b[1])
			}
		}
	}
	if shown < 10 {
		t.Errorf("%d terminals are shown only", shown)
	}
}

// TestThePictureQuotesTheDemo: each line of the picture's terminal is of one that the demo printed, but for the marks where lines are left out.
// The picture has places instead of spaces.
func TestThePictureQuotesTheDemo(t *testing.T) {
	unspaced := func(line string) string { return strings.Join(strings.Fields(line), "") }
	var demo []string
	for line := range strings.Lines(whatTheDemoSaid(t)) {
		demo = append(demo, unspaced(line))
	}
	var picture struct {
		Lines []struct {
			Pieces []string `xml:"tspan"`
		} `xml:"text"`
	}
	if err := xml.Unmarshal([]byte(readPage(t, "docs/picture.svg")), &picture); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, line := range picture.Lines {
		text := strings.TrimSuffix(strings.Join(line.Pieces, ""), ` \`)
		if text == "" || text == "⋯" {
			continue
		}
		shown++
		want := unspaced(string(timeless([]byte(text))))
		if !slices.ContainsFunc(demo, func(said string) bool { return strings.Contains(said, want) }) {
			t.Errorf("the demo does not print %q", text)
		}
	}
	if shown < 20 {
		t.Errorf("the picture shows %d lines only", shown)
	}
}

// whatTheDemoSaid is what the demo printed, without what differs from run to run.
func whatTheDemoSaid(t *testing.T) string {
	t.Helper()
	demo, err := os.ReadFile(filepath.Join("testdata", "demo.golden"))
	if err != nil {
		t.Fatal(err)
	}
	return string(demo)
}

// readPage returns a file of the repository, whose path starts at its root.
func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
