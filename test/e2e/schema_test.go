package e2e

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaBase = "https://mesh.kubectl.dev/v1alpha1/"

// schemas are those that the docs give to users.
var schemas = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	kinds := []string{"proxyreport", "proxyevent", "restartplan", "restartreport", "taglist", "tagchange", "retirement", "checkreport", "revisionreport", "canaryupgrade"}
	for _, kind := range kinds {
		text, err := os.ReadFile("../../docs/schema/" + kind + ".json")
		if err != nil {
			return nil, err
		}
		schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if err := compiler.AddResource(schemaBase+kind+".json", schema); err != nil {
			return nil, err
		}
	}
	compiled := map[string]*jsonschema.Schema{}
	for _, kind := range kinds {
		var err error
		if compiled[kind], err = compiler.Compile(schemaBase + kind + ".json"); err != nil {
			return nil, err
		}
	}
	return compiled, nil
})

// satisfies fails the test where the JSON is not as the schema in the docs says.
func satisfies(t *testing.T, kind, text string) {
	t.Helper()
	all, err := schemas()
	if err != nil {
		t.Fatalf("compiling the schemas: %v", err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("reading JSON: %v\n%s", err, text)
	}
	if err := all[kind].Validate(value); err != nil {
		t.Errorf("not as docs/schema/%s.json says: %v\n%s", kind, err, text)
	}
}

func TestTheSchemaRefusesWhatIsNoReport(t *testing.T) {
	all, err := schemas()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{}`,
		`{"kind":"ProxyReport","apiVersion":"mesh.kubectl.dev/v1alpha1","items":[{}],"summary":{"pods":0,"byStatus":{},"byVersion":{},"byRevision":{}}}`,
		`{"kind":"ProxyReport","apiVersion":"mesh.kubectl.dev/v1alpha1","items":[],"summary":{"pods":0,"byStatus":{"stale":1},"byVersion":{},"byRevision":{}}}`,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if all["proxyreport"].Validate(value) == nil {
			t.Errorf("the schema takes %s", text)
		}
	}
}
