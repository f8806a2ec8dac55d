package dump

import (
	"strings"
	"testing"
)

func TestJSONIsPrunedToWhatIsKept(t *testing.T) {
	tree := keep{"a": nil, "b": {"c": nil}}
	for _, c := range []struct{ rule, text, want string }{
		{"fields that are not kept", `{"a":1,"x":{"a":[{}]},"b":{"c":"}","d":2}}`, `{"a":1,"b":{"c":"}"}}`},
		{"every element of a list", `{"b":[{"c":1,"d":2},{"d":3}]}`, `{"b":[{"c":1},{}]}`},
		{"a list in a list stays as it is", `{"b":[[{"d":1}]]}`, `{"b":[[{"d":1}]]}`},
		{"a value of another type stays, so that decoding objects to it", `{"b":"text","a":null}`, `{"b":"text","a":null}`},
		{"names with escapes", `{"\u0061":1,"x\"":2}`, `{"a":1}`},
		{"names in other letters are other names", `{"A":1}`, `{}`},
		{"white space", " { \"a\" :\n1 , \"b\" : { } } ", `{"a":1,"b":{}}`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got, err := prune(nil, []byte(c.text), tree); err != nil || string(got) != c.want {
				t.Errorf("got %s, %v; want %s", got, err, c.want)
			}
		})
	}
}

func TestYAMLIsPrunedByItsIndentation(t *testing.T) {
	const start = "kind: Pod\napiVersion: v1\n"
	for _, c := range []struct{ rule, text, want string }{
		{"fields that are not kept", "metadata:\n  managedFields:\n  - a: b\n    c: d\n  name: x\n", "metadata:\n  name: x\n"},
		{"text that looks like fields", "metadata:\n  x: |\n    labels:\n\n    - a\n  # no text\n  name: x\n", "metadata:\n  name: x\n"},
		{"text that is kept", "metadata:\n  annotations:\n    x: |\n      # text\n\n      end\n", "metadata:\n  annotations:\n    x: |\n      # text\n\n      end\n"},
		{"elements whose first field is not kept", "spec:\n  containers:\n  - env:\n    - name: X\n    name: app\n", "spec:\n  containers:\n  -\n    name: app\n"},
		{"elements that are indented", "spec:\n  containers:\n    -   name: app\n        env: []\n", "spec:\n  containers:\n    -\n        name: app\n"},
		{"lists that are kept", "spec:\n  containers:\n  - args:\n    - a\n    - - b\n    env: []\n", "spec:\n  containers:\n  -\n    args:\n    - a\n    - - b\n"},
		{"values in braces", "metadata: {name: x, managedFields: []}\n", "metadata: {name: x, managedFields: []}\n"},
		{"keys in quotes are not seen through", "\"metadata\":\n  x: y\n", "\"metadata\":\n  x: y\n"},
		{"nor is a wrong indentation", "metadata:\n    name: x\n  y: z\n", "metadata:\n    name: x\n  y: z\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := string(pruneYAML([]byte(start+c.text), head{})); got != start+c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, start+c.want)
			}
		})
	}
}

func TestQuotedTextThatIsNotIndentedIsReadAllTheSame(t *testing.T) {
	r := read(t, "apiVersion: v1\nkind: Pod\nmetadata:\n  name: cart-1\n  namespace: shop\nspec:\n  containers:\n  - image: \"a\n b\"\n    env: []\n")
	if r.err != nil || len(r.names) != 1 || !strings.Contains(r.texts[0], `"image": "a b"`) {
		t.Errorf("%v, %v", r.texts, r.err)
	}
}

func TestAHostileDumpIsAnErrorAndNothingWorse(t *testing.T) {
	const million = 1_000_000
	bomb := "apiVersion: v1\nkind: Pod\nmetadata:\n  a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := range 9 {
		n, m := string(rune('1'+i)), string(rune('0'+i))
		bomb += "  \"a" + n + "\": &a" + n + " [" + strings.Repeat("*a"+m+",", 9) + "]\n"
	}
	for rule, text := range map[string]string{
		"lists in lists in a kept field":      `{"apiVersion":"v1","kind":"Pod","spec":{"containers":` + strings.Repeat("[", million),
		"lists in lists, all closed":          `{"apiVersion":"v1","kind":"Pod","spec":{"containers":` + strings.Repeat("[", million) + strings.Repeat("]", million) + "}}",
		"plain lists in lists":                strings.Repeat("[", million),
		"YAML lists in lists":                 "a: " + strings.Repeat("[", million),
		"YAML dashes":                         "- " + strings.Repeat("- ", million),
		"YAML whose aliases double each time": bomb,
	} {
		t.Run(rule, func(t *testing.T) {
			if r := read(t, text); r.err == nil && r.Cut == "" || len(r.names) > 0 {
				t.Errorf("%+v", r.Contents)
			}
		})
	}
}
