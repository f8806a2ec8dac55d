package dump

import (
	"bytes"
	"compress/gzip"
	"os"
	"slices"
	"strings"
	"testing"
)

func fixtureText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/formats/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stride is coprime to the lengths of lines. Every byte has been tried, but takes long.
const stride = 13

func TestADumpThatIsCutOffAnywhereSaysSoAndGivesWhatIsWhole(t *testing.T) {
	for _, file := range []string{"list.json", "list.yaml", "crlf.yaml", "lists-in-lists.yaml", "list.json.gz", "list.yaml.gz"} {
		t.Run(file, func(t *testing.T) {
			text := fixtureText(t, file)
			whole := read(t, text)
			for n := 0; n < len(text); n += stride {
				r := read(t, text[:n])
				if len(r.texts) > len(whole.texts) || !slices.Equal(r.texts, whole.texts[:len(r.texts)]) {
					t.Fatalf("cut at %d: objects that are not in the dump: %s", n, r.names)
				}
				if r.err != nil && len(r.names) > 0 || r.err == nil && r.Cut == "" && len(r.names) < len(whole.names) {
					t.Fatalf("cut at %d, after %d objects: %v, cut %q", n, len(r.names), r.err, r.Cut)
				}
			}
		})
	}
}

func gzipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write([]byte(text))
	w.Close()
	return out.String()
}

const pod = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-1","namespace":"shop"}}`

func TestADumpThatIsCutOffSaysWhere(t *testing.T) {
	jsonList := `{"apiVersion":"v1","kind":"List","items":[` + pod + `,`
	yamlList := "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: cart-1\n    namespace: shop\n"
	for _, c := range []struct{ rule, text, want string }{
		{"JSON in the first object", `{"apiVersion":"v1","kind":"List","items":[{"kind":"Po`, "it ends in the middle of object 1"},
		{"JSON in an object", jsonList + pod[:30], "it ends in the middle of object 2, after pod shop/cart-1"},
		{"JSON between objects", jsonList, "it ends before its list does, after pod shop/cart-1"},
		{"JSON after the items", jsonList[:len(jsonList)-1] + `],"meta`, "it ends before its list does, after pod shop/cart-1"},
		{"JSON objects one after another", pod + "\n" + pod[:10], "it ends in the middle of object 2, after pod shop/cart-1"},
		{"YAML, where the last item may be whole", yamlList, "it ends in or right after object 1"},
		{"YAML in an item", yamlList + "- apiVersion: v1\n  ki", "it ends in or right after object 2, after pod shop/cart-1"},
		{"YAML in the list's kind", yamlList + "kind: Lis", "it ends before its list does, after pod shop/cart-1"},
		{"YAML in the list's metadata", yamlList + "kind: List\nmetadata:\n  a: b\n  resource", "it ends before its list does, after pod shop/cart-1"},
		{"YAML in a list that bears its kind first", "kind: List\n" + yamlList + "- apiVersion: v1\n  kind", "it ends in the middle of object 2, after pod shop/cart-1"},
		{"YAML in a line of a document", "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: cart-1\n  name", "it ends in the middle of object 1"},
		{"JSON before the list's kind", `{"apiVersion":"v1","items":[{"metadata":{}},{"metadata":{}},{`, "it ends in the middle of object 3; the kind of 2 objects before would follow"},
		{"YAML before the list's kind", "apiVersion: v1\nitems:\n- metadata: {}\n- metadata: {}\n- me", "it ends in or right after object 3; the kind of 2 objects before would follow"},
		{"compressed", gzipped(jsonList)[:len(gzipped(jsonList))-9], "it ends before its list does, after pod shop/cart-1"},
		{"compressed, in the checksum", gzipped(pod)[:len(gzipped(pod))-3], "its data ends early, after pod shop/cart-1"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if r := read(t, c.text); r.err != nil || r.Cut != c.want {
				t.Errorf("got %q, %v; want %q", r.Cut, r.err, c.want)
			}
		})
	}
}

func TestAWholeDumpIsNotSaidToBeCutOff(t *testing.T) {
	for _, text := range []string{
		pod, pod + "\n" + pod, `{"kind":"List","apiVersion":"v1","items":[]}`,
		"kind: List\napiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: cart-1, namespace: shop}",
		"apiVersion: v1\nitems: []\nkind: List\nmetadata:\n  resourceVersion: \"\"\n",
		"apiVersion: v1\nitems:\nkind: List\n",
	} {
		if r := read(t, text); r.err != nil || r.Cut != "" {
			t.Errorf("%s: cut %q, %v", text, r.Cut, r.err)
		}
	}
}

func TestDamagedCompressionIsAnError(t *testing.T) {
	text := []byte(gzipped(strings.Repeat(pod+"\n", 100)))
	text[len(text)-6] ^= 0xff
	if r := read(t, string(text)); r.err == nil || !strings.Contains(r.err.Error(), "reading the dump, after pod shop/cart-1: gzip: invalid checksum") {
		t.Error(r.err)
	}
}
