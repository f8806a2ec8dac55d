package v1alpha1

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// texts are the values of a type of the package, in the order in which they are listed.
func texts[T ~string](values ...T) []string {
	var out []string
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

// enums are the types whose values are listed.
var enums = map[reflect.Type][]string{
	reflect.TypeFor[Status]():    texts(Statuses()...),
	reflect.TypeFor[Outcome]():   texts(Outcomes()...),
	reflect.TypeFor[Action]():    texts(Restart, Await, PutBack, Skip),
	reflect.TypeFor[TagState]():  texts(TagStates()...),
	reflect.TypeFor[TagAction](): texts(TagActions()...),
	reflect.TypeFor[NeedKind]():  texts(NeedKinds()...),
	reflect.TypeFor[Method]():    texts(ByRestart, ByGracePeriod, ByEviction, ByRestartAt, ByRecreation),
	reflect.TypeFor[Severity]():  texts(Severities()...),
	reflect.TypeFor[Category]():  texts(Categories()...),
	reflect.TypeFor[Phase]():     texts(Phases()...),
	reflect.TypeFor[Form]():      texts(Forms()...),
}

// TestTheSchemasInTheDocsAreTheTypes compares field by field; that what is printed satisfies them is for the tests with a
// real mesh.
func TestTheSchemasInTheDocsAreTheTypes(t *testing.T) {
	for file, goType := range map[string]reflect.Type{
		"proxyreport.json":    reflect.TypeFor[ProxyReport](),
		"proxyevent.json":     reflect.TypeFor[ProxyEvent](),
		"restartplan.json":    reflect.TypeFor[RestartPlan](),
		"restartreport.json":  reflect.TypeFor[RestartReport](),
		"taglist.json":        reflect.TypeFor[TagList](),
		"tagchange.json":      reflect.TypeFor[TagChange](),
		"retirement.json":     reflect.TypeFor[Retirement](),
		"checkreport.json":    reflect.TypeFor[CheckReport](),
		"revisionreport.json": reflect.TypeFor[RevisionReport](),
		"canaryupgrade.json":  reflect.TypeFor[CanaryUpgrade](),
	} {
		t.Run(file, func(t *testing.T) { compare(t, goType.Name(), load(t, file), goType) })
	}
}

func compare(t *testing.T, where string, s *schema, goType reflect.Type) {
	t.Helper()
	if s == nil {
		t.Errorf("%s is not in the schema", where)
		return
	}
	s = s.target(t)
	for goType.Kind() == reflect.Pointer {
		goType = goType.Elem()
	}
	if want := jsonType(goType); s.Type != want && s.Enum == nil && s.Const == "" {
		t.Errorf("%s is a %q in the schema, want %q", where, s.Type, want)
	}
	switch {
	case goType == reflect.TypeFor[metav1.Time]():
		if s.Format != "date-time" {
			t.Errorf("%s is no time in the schema", where)
		}
	case goType.Kind() == reflect.Slice:
		compare(t, where+"[]", s.child(s.Items), goType.Elem())
	case goType.Kind() == reflect.Map:
		compareMap(t, where, s, goType)
	case goType.Kind() == reflect.Struct:
		compareFields(t, where, s, goType)
	case enums[goType] != nil && !slices.Equal(s.Enum, enums[goType]):
		t.Errorf("%s is one of %q in the schema, want %q", where, s.Enum, enums[goType])
	}
}

// jsonType is the type as JSON has it.
func jsonType(goType reflect.Type) string {
	if goType == reflect.TypeFor[metav1.Time]() {
		return "string"
	}
	return map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int32: "integer", reflect.Int64: "integer",
		reflect.Float64: "number", reflect.Slice: "array", reflect.Map: "object", reflect.Struct: "object",
	}[goType.Kind()]
}

func compareMap(t *testing.T, where string, s *schema, goType reflect.Type) {
	t.Helper()
	if s.AdditionalProperties == nil {
		t.Errorf("%s may have values of any type in the schema", where)
		return
	}
	compare(t, where+"{}", s.child(s.AdditionalProperties.values), goType.Elem())
	if enums[goType.Key()] != nil {
		compare(t, where+"'s keys", s.child(s.PropertyNames), goType.Key())
	}
}

func compareFields(t *testing.T, where string, s *schema, goType reflect.Type) {
	t.Helper()
	if s.AdditionalProperties == nil || s.AdditionalProperties.values != nil {
		t.Errorf("%s may have other fields in the schema", where)
	}
	fields := map[string]bool{}
	for _, field := range reflect.VisibleFields(goType) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous || !field.IsExported() {
			continue
		}
		fields[name] = true
		// Kind and apiVersion may be left out in Kubernetes' own types, and never are here.
		always := !strings.Contains(options, "omitempty") || name == "kind" || name == "apiVersion"
		if required := slices.Contains(s.Required, name); required != always {
			t.Errorf("%s.%s: required is %v in the schema", where, name, required)
		}
		compare(t, where+"."+name, s.child(s.Properties[name]), field.Type)
	}
	for name := range s.Properties {
		if !fields[name] {
			t.Errorf("%s.%s is in the schema only", where, name)
		}
	}
}

func TestTheSchemasDescribeEveryField(t *testing.T) {
	for _, file := range []string{"restartplan.json", "restartreport.json", "taglist.json", "tagchange.json", "checkreport.json", "revisionreport.json", "canaryupgrade.json"} {
		t.Run(file, func(t *testing.T) { described(t, file, load(t, file)) })
	}
}

func described(t *testing.T, where string, s *schema) {
	t.Helper()
	for name, field := range s.Properties {
		if s.child(field).description(t) == "" {
			t.Errorf("%s.%s is not described", where, name)
		}
		described(t, where+"."+name, field)
	}
	for name, def := range s.Defs {
		described(t, name, s.child(def))
	}
}
