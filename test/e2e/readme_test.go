package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// TestTheReadmeQuotesTheDemo: what the README shows of a terminal is what the demo, which runs in these tests, printed.
func TestTheReadmeQuotesTheDemo(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	demo, err := os.ReadFile(filepath.Join("testdata", "demo.golden"))
	if err != nil {
		t.Fatal(err)
	}
	// What shows no command is said by the block of shell before it, and compared by TestGuides.
	blocks := slices.DeleteFunc(consoleBlock.FindAllStringSubmatch(string(readme), -1), func(b []string) bool { return !strings.HasPrefix(b[1], "$ ") })
	if len(blocks) == 0 {
		t.Fatal("the README shows nothing")
	}
	for _, b := range blocks {
		if quoted := string(timeless([]byte(b[1]))); !strings.Contains(string(demo), quoted) {
			t.Errorf("the demo does not print\n%s", b[1])
		}
	}
}
