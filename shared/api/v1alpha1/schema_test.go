package v1alpha1

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// schema is what is looked at of a JSON schema: which fields an object may and must have.
type schema struct {
	Ref        string             `json:"$ref"`
	Defs       map[string]*schema `json:"$defs"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Enum       []string           `json:"enum"`
}

func load(t *testing.T, file string) *schema {
	t.Helper()
	text, err := os.ReadFile("../../../docs/schema/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return &s
}

// TestTheSchemasInTheDocsAreTheTypes compares field by field; that what is printed satisfies them is for the tests with a
// real mesh.
func TestTheSchemasInTheDocsAreTheTypes(t *testing.T) {
	report := load(t, "proxyreport.json")
	compare(t, "ProxyReport", report, report.Defs, reflect.TypeFor[ProxyReport]())
	compare(t, "ProxyEvent", load(t, "proxyevent.json"), report.Defs, reflect.TypeFor[ProxyEvent]())
	var statuses []string
	for _, s := range Statuses() {
		statuses = append(statuses, string(s))
	}
	if got := report.Defs["status"].Enum; !slices.Equal(got, statuses) {
		t.Errorf("the statuses of the schema are %q", got)
	}
}

func compare(t *testing.T, where string, s *schema, defs map[string]*schema, goType reflect.Type) {
	t.Helper()
	if s == nil {
		t.Errorf("%s is not in the schema", where)
		return
	}
	if i := strings.LastIndex(s.Ref, "/"); i >= 0 {
		s = defs[s.Ref[i+1:]]
	}
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	switch goType.Kind() {
	case reflect.Slice:
		compare(t, where+"[]", s.Items, defs, goType.Elem())
	case reflect.Struct:
		compareFields(t, where, s, defs, goType)
	}
}

func compareFields(t *testing.T, where string, s *schema, defs map[string]*schema, goType reflect.Type) {
	t.Helper()
	var names []string
	for _, field := range reflect.VisibleFields(goType) {
		if field.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
		// Kind and apiVersion may be left out in Kubernetes' own types, and never are here.
		always := !strings.Contains(options, "omitempty") || len(field.Index) > 1
		if required := slices.Contains(s.Required, name); required != always {
			t.Errorf("%s.%s: required is %v in the schema", where, name, required)
		}
		compare(t, where+"."+name, s.Properties[name], defs, field.Type)
	}
	for name := range s.Properties {
		if !slices.Contains(names, name) {
			t.Errorf("%s.%s is in the schema only", where, name)
		}
	}
}
