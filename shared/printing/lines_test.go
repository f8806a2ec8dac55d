package printing

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

func TestLinesKeepTheWidthOfTheColumns(t *testing.T) {
	for _, c := range []struct {
		file  string
		table Table[[3]string]
	}{
		{"lines.txt", Table[[3]string]{}},
		{"lines-wide.txt", Table[[3]string]{Wide: true}},
		{"lines-no-headers.txt", Table[[3]string]{NoHeaders: true}},
	} {
		t.Run(c.file, func(t *testing.T) {
			c.table.Columns = columns
			lines := c.table.Lines()
			var out strings.Builder
			for _, rows := range [][][3]string{
				nil,
				{{"deployment/cart", "current", "why"}, {"カート", "\x1b[31m", ""}},
				{},
				{{"a", "b", "c"}},
				{{"a-name-that-is-longer", "b", "c"}},
				{{"short again", "b", "c"}},
			} {
				if err := lines.Print(&out, rows); err != nil {
					t.Fatal(err)
				}
			}
			golden.Equal(t, c.file, out.String())
		})
	}
}

func TestTheErrorOfLinesIsTheWriters(t *testing.T) {
	lines := Table[[3]string]{Columns: columns}.Lines()
	if err := lines.Print(full{}, nil); err != nil {
		t.Errorf("nothing to print: %v", err)
	}
	if err := lines.Print(full{}, [][3]string{{"a", "b", "c"}}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}
