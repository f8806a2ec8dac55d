package printing

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/kubectl-mesh/kubectl-mesh/shared/golden"
)

var columns = []Column[[3]string]{
	{Header: "NAME", Extract: func(r [3]string) string { return r[0] }},
	{Header: "STATUS", Extract: func(r [3]string) string { return r[1] }},
	{Header: "REASON IN WORDS", Wide: true, Extract: func(r [3]string) string { return r[2] }},
}

func TestATableForPeople(t *testing.T) {
	rows := [][3]string{
		{"deployment/cart", "current", "namespace label istio.io/rev=1-22 -> revision 1-22"},
		{"a", "outdated (12), current", ""},
	}
	hostile := [][3]string{
		{"\x1b[2J\x1b[31mred", "two\nlines", "tab\tand bell\a"},
		{"\u202eright to left", "zero\u200bwidth", "\xff\xfe"},
		{"after", "current", "in its column"},
	}
	for _, c := range []struct {
		file  string
		table Table[[3]string]
		rows  [][3]string
	}{
		{"plain.txt", Table[[3]string]{}, rows},
		{"wide.txt", Table[[3]string]{Wide: true}, rows},
		{"no-headers.txt", Table[[3]string]{NoHeaders: true}, rows},
		{"empty-cells.txt", Table[[3]string]{Wide: true}, [][3]string{{"", "", ""}, {"a", "", "c"}}},
		{"hostile.txt", Table[[3]string]{Wide: true}, hostile},
		{"wide-characters.txt", Table[[3]string]{Wide: true}, [][3]string{{"カート", "é", "日本"}, {"cart", "current", "x"}, {"🚀", "a", "b"}}},
		{"nothing.txt", Table[[3]string]{}, nil},
		{"spaces.txt", Table[[3]string]{Wide: true}, [][3]string{{"  in front", "behind  ", "  both  "}, {"a", "b", "c"}}},
	} {
		t.Run(c.file, func(t *testing.T) {
			var out strings.Builder
			c.table.Columns = columns
			if err := c.table.Print(&out, c.rows); err != nil {
				t.Fatal(err)
			}
			golden.Equal(t, c.file, out.String())
		})
	}
}

type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTheErrorOfATableIsTheWriters(t *testing.T) {
	if err := (Table[[3]string]{Columns: columns}).Print(full{}, [][3]string{{"a", "b", "c"}}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

func TestEscape(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{"plain text stays", "deployment/cart (2) -> é 日本 🚀", "deployment/cart (2) -> é 日本 🚀"},
		{"a terminal's escape", "\x1b[31mred", `\x1b[31mred`},
		{"the one-byte escape of 8-bit terminals", "\u009b31m", `\u009b31m`},
		{"line breaks and tabs", "a\r\nb\tc", `a\r\nb\tc`},
		{"a null and a delete", "\x00\x7f", `\x00\x7f`},
		{"what is no UTF-8", "a\xff\xc3b", `a\xff\xc3b`},
		{"a change of direction", "\u202e", `\u202e`},
		{"no width", "\u200b\ufeff", `\u200b\ufeff`},
		{"separators of lines", "\u2028\u0085", `\u2028\u0085`},
		{"nothing", "", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := Escape(c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzEscape(f *testing.F) {
	for _, text := range []string{"", "plain", "\x1b]0;title\a", "a\nb", "\xff", "\u202e", "\ufffd", "é\u0301", `\x1b`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := Escape(text)
		if !utf8.ValidString(got) || strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) >= 0 {
			t.Errorf("%q is not safe to print", got)
		}
		if again := Escape(got); !strings.ContainsRune(got, utf8.RuneError) && again != got {
			t.Errorf("%q became %q", got, again)
		}
	})
}
