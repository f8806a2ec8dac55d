package printing

import (
	"cmp"
	"fmt"
	"reflect"

	"k8s.io/client-go/util/jsonpath"
	"k8s.io/kubectl/pkg/cmd/get"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// SortKey finds in an object the value by which `--sort-by` sorts it. kubectl's own sorter ends the process at a boolean,
// and puts version 1.9 behind 1.10.
type SortKey struct {
	expression string
	path       *jsonpath.JSONPath
}

// NewSortKey reads a JSONPath expression as kubectl does: `.status`, `status` and `{.status}` are the same. example is an
// object that has every field. The error says what is wrong with the expression: that it cannot be read, that there is no
// such field, or that what is there cannot be sorted by.
func NewSortKey(expression string, example any) (*SortKey, error) {
	relaxed, err := get.RelaxedJSONPathExpression(expression)
	if err != nil {
		return nil, err
	}
	k := &SortKey{expression: expression, path: jsonpath.New("sorting")}
	if err := k.path.Parse(relaxed); err != nil {
		return nil, err
	}
	if _, err := k.path.FindResults(example); err != nil {
		return nil, fmt.Errorf("%w; see an item's fields with -o json", err)
	}
	k.path.AllowMissingKeys(true)
	_, err = k.Of(example)
	return k, err
}

// Value is what sorting compares, nil for an object that has nothing there.
type Value any

// Of returns the value in an object, which is read by the names of its JSON. The error says that what is there cannot be
// sorted by.
func (k *SortKey) Of(object any) (Value, error) {
	found, err := k.path.FindResults(object)
	if err != nil || len(found) == 0 || len(found[0]) == 0 {
		return nil, err
	}
	v := reflect.Indirect(found[0][0])
	for v.Kind() == reflect.Interface {
		v = reflect.Indirect(v.Elem())
	}
	switch {
	case !v.IsValid():
		return nil, nil
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	case v.CanInt():
		return float64(v.Int()), nil
	case v.CanFloat():
		return v.Float(), nil
	default:
		return nil, fmt.Errorf("%s is a %s, which cannot be sorted by: name one of its fields", k.expression, v.Kind())
	}
}

// Compare orders two values: nothing first, then false before true, numbers by size, versions as versions, and other texts
// by their letters. It returns -1, 0 or +1.
func Compare(a, b Value) int {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return compareTexts(x, y)
		}
	case float64:
		if y, ok := b.(float64); ok {
			return cmp.Compare(x, y)
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(number(x), number(y))
		}
	}
	return cmp.Compare(rank(a), rank(b))
}

func compareTexts(a, b string) int {
	return cmp.Or(proxy.ParseVersion(a).Order(proxy.ParseVersion(b)), cmp.Compare(a, b))
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// rank keeps values of different kinds apart, which one field does not have in practice.
func rank(v Value) int {
	switch v.(type) {
	case nil:
		return 0
	case bool:
		return 1
	case float64:
		return 2
	default:
		return 3
	}
}
