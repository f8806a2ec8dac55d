package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var tour = strings.Join([]string{
	"# A tour", "",
	"```console", "$ list -A", "NAME  STATUS", "a     outdated", "b     missing", "", "c     current", "```", "",
	"```console", "$ list -A --by version", "1.22.0", "```", "",
	"```console", "$ move a --to 1-23", "==> label a", "Done: a.", "```", "",
	"```console", "$ list -A", "NAME  STATUS", "a     current", "```", "",
}, "\n")

func TestTell(t *testing.T) {
	long := strings.Repeat("x", 60)
	for _, test := range []struct {
		name  string
		tour  string
		scene scene
		want  []string
		err   string
	}{
		{"all of it", tour, scene{command: "list -A", keep: []string{"NAME", "a", "b", "c"}},
			[]string{"$ list -A", "NAME  STATUS", "a     outdated", "b     missing", "c     current"}, ""},
		{"what is left out is marked, once", tour, scene{command: "list -A", keep: []string{"c"}}, []string{"$ list -A", "⋯", "c     current"}, ""},
		{"also at the end", tour, scene{command: "list -A", keep: []string{"NAME"}}, []string{"$ list -A", "NAME  STATUS", "⋯"}, ""},
		{"the last time", tour, scene{command: "list -A", last: true, keep: []string{"a"}}, []string{"$ list -A", "⋯", "a     current"}, ""},
		{"by how it begins", tour, scene{command: "move ", keep: []string{"Done"}}, []string{"$ move a --to 1-23", "⋯", "Done: a."}, ""},
		{"a long command line goes on below", "```console\n$ run " + long + " --for " + long + "\ndone\n```\n", scene{command: "run ", keep: []string{"done"}},
			[]string{"$ run " + long + ` --for \`, "    " + long, "done"}, ""},
		{"a command that is not shown", tour, scene{command: "drop", keep: []string{"a"}}, nil, "`drop` is not shown"},
		{"a line that is not printed", tour, scene{command: "list -A", keep: []string{"d"}}, nil, "`list -A` prints no line that begins with \"d\""},
		{"a line that is too wide", "```console\n$ say\n" + long + long + "\n```\n", scene{command: "say", keep: []string{"x"}}, nil,
			"a line of 120 columns does not fit 100: " + long + long},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines, err := tell(test.tour, []scene{test.scene})
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Fatalf("error %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for i, l := range lines {
				got = append(got, l.text)
				if want := i == 0 || strings.HasPrefix(l.text, "    "); l.typed != want {
					t.Errorf("typed is %v of %q", l.typed, l.text)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%q, want\n%q", got, test.want)
			}
		})
	}
}

func TestColoursGoByWords(t *testing.T) {
	for _, test := range []struct {
		text string
		want []piece
	}{
		{"a  1.22.0 -> 1.23.0  outdated", []piece{{0, "a", ""}, {3, "1.22.0 -> 1.23.0", ""}, {21, "outdated", "y"}}},
		{"b  missing", []piece{{0, "b", ""}, {3, "missing", "r"}}},
		{"b  orphaned", []piece{{0, "b", ""}, {3, "orphaned", "r"}}},
		{"c  current", []piece{{0, "c", ""}, {3, "current", "g"}}},
		{"NAME  WANT", []piece{{0, "NAME", "d"}, {6, "WANT", "d"}}},
		{"==> label a", []piece{{0, "==> label a", "c"}}},
		{"  http://a: 12 requests, 0 errors; 200: 12", []piece{{2, "http://a: 12 requests,", ""}, {25, "0 errors", "g"}, {33, "; 200: 12", ""}}},
		{"  http://a: 12 requests, 10 errors; 200: 2", []piece{{2, "http://a: 12 requests, 10 errors; 200: 2", ""}}},
		{"Next: go on   # why", []piece{{0, "Next:", "c"}, {6, "go on", ""}, {14, "# why", "d"}}},
		{"⋯", []piece{{0, "⋯", "d"}}},
		{"", nil},
	} {
		got := split(line{text: test.text})
		for i := range got {
			got[i].text = strings.TrimRight(got[i].text, " ")
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%q is %+v, want %+v", test.text, got, test.want)
		}
	}
	if got, want := split(line{typed: true, text: "$ kubectl current"}), []piece{{0, "$ kubectl current", "b"}}; !slices.Equal(got, want) {
		t.Errorf("a command line is %+v, want %+v", got, want)
	}
}

// TestThePictureIsXML: whatever a line holds, the picture is well formed, says it, and is the same each time.
func TestThePictureIsXML(t *testing.T) {
	lines := []line{{typed: true, text: `$ say "<b>" & 'c'`}, {text: "a <- b && c"}, {}, {text: "end"}}
	picture := svg(lines)
	if svg(lines) != picture {
		t.Error("it is not the same the second time")
	}
	texts := shown(t, picture)
	for _, l := range lines {
		if l.text != "" && !slices.Contains(texts, l.text) {
			t.Errorf("it does not show %q, but %q", l.text, texts)
		}
	}
	if !slices.Contains(texts, title) || !slices.Contains(texts, description) {
		t.Errorf("title and description are missing: %q", texts)
	}
}

// TestTheStoryIsInTheTour draws the picture as `make picture` does.
func TestTheStoryIsInTheTour(t *testing.T) {
	file := filepath.Join(t.TempDir(), "picture.svg")
	if err := draw(filepath.Join("..", "..", "..", "docs", "tour.md"), file); err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	texts := shown(t, string(picture))
	for _, want := range []string{"$ kubectl mesh-proxyver -A", "outdated", "$ kubectl mesh-canary status", "moved", "current"} {
		if !slices.Contains(texts, want) {
			t.Errorf("it does not show %q, but %q", want, texts)
		}
	}
}

// shown returns the texts of a picture, and fails where it is not well formed.
func shown(t *testing.T, picture string) []string {
	t.Helper()
	var texts []string
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return texts
		}
		if err != nil {
			t.Fatal(err)
		}
		if text, is := token.(xml.CharData); is {
			texts = append(texts, string(text))
		}
	}
}
