package guide

import (
	"reflect"
	"strings"
	"testing"
)

// page writes fences as ”', which a Go literal can hold.
func page(lines ...string) string {
	return strings.ReplaceAll(strings.Join(lines, "\n"), "'''", "```")
}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		page string
		want []Block
	}{
		"a block": {
			page("# Title", "", "'''sh", "kubectl get pods", "  more", "'''", "end"),
			[]Block{{Line: 3, Script: "kubectl get pods\n  more\n"}},
		},
		"what it says": {
			page("'''sh", "a", "'''", "which says", "'''text", "b", "", "c", "'''"),
			[]Block{{Line: 1, Script: "a\n", Output: &Output{Line: 5, Text: "b\n\nc\n"}}},
		},
		"only the first block after it is what it says": {
			page("'''sh", "a", "'''", "'''console", "b", "'''", "'''text", "c", "'''"),
			[]Block{{Line: 1, Script: "a\n", Output: &Output{Line: 4, Text: "b\n"}}},
		},
		"another language is neither": {
			page("'''sh", "a", "'''", "'''yaml", "kind: List", "'''", "'''console", "b", "'''"),
			[]Block{{Line: 1, Script: "a\n", Output: &Output{Line: 7, Text: "b\n"}}},
		},
		"a quotation is nobody's output": {
			page("'''sh", "a", "'''", "'''console", "$ b", "c", "'''"),
			[]Block{{Line: 1, Script: "a\n"}},
		},
		"text that follows nothing": {page("'''text", "a drawing", "'''"), nil},
		"an output that is still to be filled in": {
			page("'''sh", "a", "'''", "'''console", "'''"),
			[]Block{{Line: 1, Script: "a\n", Output: &Output{Line: 4}}},
		},
		"not run": {
			page("<!-- not run: it costs money -->", "", "'''sh", "az", "'''"),
			[]Block{{Line: 3, Script: "az\n", NotRun: "it costs money"}},
		},
		"a reason of several lines, and an exit code": {
			page("<!-- not run: it", "costs -->", "<!-- expect exit 2 -->", "'''sh", "az", "'''"),
			[]Block{{Line: 4, Script: "az\n", NotRun: "it\ncosts", Exit: 2}},
		},
		"hidden": {
			page("<!-- run: kubectl create namespace shop", "kubectl get ns -->", "'''sh", "a", "'''"),
			[]Block{{Line: 1, Script: "kubectl create namespace shop\nkubectl get ns\n"}, {Line: 3, Script: "a\n"}},
		},
		"what happens to the lab": {page("<!-- lab: outage 1-23 -->"), []Block{{Line: 1, Lab: "outage 1-23"}}},
		"other comments":          {page("<!-- a remark", "of two lines -->", "text"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Parse(c.page); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v, got %+v, want %+v", err, got, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ page, want string }{
		"a block without end":             {page("text", "'''sh", "a"), "line 2: this never ends"},
		"a comment without end":           {page("<!-- run: a", "text"), "line 1: this comment never ends"},
		"an indented block":               {page("- item", "  '''sh", "  a", "  '''"), "line 2: a fence is indented"},
		"a shell that would not be typed": {page("'''bash", "a", "'''"), "line 1: write ```sh for what is typed"},
		"a language that is not named":    {page("'''", "a", "'''"), "line 1: write ```sh for what is typed"},
		"a reason that is none":           {page("<!-- not run: -->", "'''sh", "a", "'''"), `line 1: "not run:" says nothing more`},
		"a reason of no block":            {page("<!-- not run: why -->", "text", "'''sh", "a", "'''"), "line 1: no ```sh block follows this comment"},
		"a reason at the end":             {page("<!-- not run: why -->", ""), "line 1: no ```sh block follows this comment"},
		"a reason of what is shown":       {page("'''sh", "a", "'''", "<!-- not run: why -->", "'''text", "'''"), "line 4: no ```sh block follows this comment"},
		"an exit code that is none":       {page("<!-- expect exit two -->", "'''sh", "a", "'''"), `line 1: "two" is no exit code`},
		"an output of nothing":            {page("'''console", "a", "'''"), "line 1: this shows the output of nothing"},
		"a fence of tildes":               {page("~~~sh", "a", "~~~"), "line 1: a fence is made of tildes"},
		"a misspelt comment":              {page("<!-- not-run: why -->", "'''sh", "a", "'''"), "line 1: write `not run: REASON`"},
		"an exit code of several":         {page("<!-- expect exit 1 -->", "'''sh", "a", "b", "'''"), "line 2: one command alone"},
		"a second output":                 {page("'''sh", "a", "'''", "'''console", "'''", "'''console", "'''"), "line 6: this shows the output of nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Parse(c.page); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %+v, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestShows(t *testing.T) {
	for name, c := range map[string]struct {
		shown, said string
		want        bool
	}{
		"all of it":                {"a\nb\n", "a\nb\n", true},
		"space at the ends":        {"a\n\nb\n", "a  \n\nb\n\n", true},
		"nothing":                  {"", "\n", true},
		"a line too many":          {"a\nb\n", "a\n", false},
		"a line too few":           {"a\n", "a\nb\n", false},
		"another order":            {"a\nb\n", "b\na\n", false},
		"left out at the end":      {"a\n...\n", "a\nb\nc\n", true},
		"left out at the start":    {"...\nc\n", "a\nb\nc\n", true},
		"left out in the middle":   {"a\n...\nc\n...\ne\n", "a\nb\nc\nd\ne\n", true},
		"nothing left out":         {"a\n...\nb\n", "a\nb\n", true},
		"another beginning":        {"b\n...\n", "a\nb\n", false},
		"another end":              {"...\na\n", "a\nb\n", false},
		"a middle that is missing": {"a\n...\nx\n...\nc\n", "a\nb\nc\n", false},
		"an end that is used up":   {"...\na\n...\na\n", "a\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Shows(c.shown, c.said); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestReplace(t *testing.T) {
	before := page("'''sh", "a", "'''", "'''console", "old", "older", "'''", "'''text", "'''", "end", "")
	want := page("'''sh", "a", "'''", "'''console", "new", "'''", "'''text", "x", "", "y", "'''", "end", "")
	if got := Replace(before, map[int]string{4: "new\n", 8: "x\n\ny\n"}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := Replace(before, nil); got != before {
		t.Errorf("with nothing to replace:\n%s", got)
	}
}
