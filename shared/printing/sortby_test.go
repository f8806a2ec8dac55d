package printing

import (
	"cmp"
	"strings"
	"testing"
)

type row struct {
	Name  string  `json:"name"`
	Count int     `json:"count,omitempty"`
	Share float64 `json:"share"`
	Ready bool    `json:"ready"`
	Inner *inner  `json:"inner,omitempty"`
	List  []inner `json:"list"`
}

type inner struct {
	Version string `json:"version"`
}

func example() *row { return &row{Inner: &inner{}} }

func TestTheValueToSortBy(t *testing.T) {
	full := &row{Name: "a", Count: 3, Share: 0.5, Ready: true, Inner: &inner{Version: "1.22.0"}}
	for _, c := range []struct {
		expression string
		object     *row
		want       Value
	}{
		{".name", full, "a"}, {"name", full, "a"}, {"{.name}", full, "a"}, {"{name}", full, "a"},
		{".count", full, 3.0}, {".share", full, 0.5}, {".ready", full, true},
		{".inner.version", full, "1.22.0"}, {".inner.version", &row{}, nil}, {".name", &row{}, ""},
	} {
		key, err := NewSortKey(c.expression, example())
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		if got, err := key.Of(c.object); got != c.want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", c.expression, got, err, c.want)
		}
	}
}

func TestWhatCannotBeSortedByIsRefusedBeforeThereIsAnything(t *testing.T) {
	for expression, want := range map[string]string{
		".nmae":          "nmae is not found; see an item's fields with -o json",
		".inner.nothing": "nothing is not found; see an item's fields with -o json",
		".inner":         ".inner is a struct, which cannot be sorted by: name one of its fields",
		".list":          ".list is a slice, which cannot be sorted by: name one of its fields",
		"{.name":         "unexpected path string",
		"{.name[}":       "unterminated array",
	} {
		if _, err := NewSortKey(expression, example()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", expression, err, want)
		}
	}
}

func TestCompareOrdersValues(t *testing.T) {
	sorted := []Value{nil, false, true, -1.0, 2.0, 10.0, "", "b", "latest", "1.9.0", "1.10.0-rc.1", "1.10.0", "1.10.0-asm.2"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got, want := Compare(a, b), cmp.Compare(i, j); got != want {
				t.Errorf("%v and %v: %d, want %d", a, b, got, want)
			}
		}
	}
}
