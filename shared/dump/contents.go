package dump

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Contents is what a dump covers.
type Contents struct {
	// Objects counts the objects of each kind, those that are not read included. A kind that the dump shows to have none,
	// by an empty PodList say, counts zero; one that it says nothing about is absent. The group `extensions` of old
	// clusters counts as `apps`.
	Objects map[schema.GroupKind]int
	// Partial are the kinds of which the dump has a list's first pages only: it names a next page.
	Partial []schema.GroupKind
	// Repeated counts the objects that were there before, in the same state.
	Repeated int
	// Cut says where the dump ends early, as `it ends in the middle of object 318, after pod shop/cart-1`. It is empty where
	// nothing shows that anything is missing: YAML that breaks off between documents shows nothing.
	Cut string
}

// Covers says whether the dump says anything about a kind: it has objects of it, or a list that shows there are none.
func (c Contents) Covers(kind schema.GroupKind) bool {
	_, ok := c.Objects[kind]
	return ok
}

// String says which kinds the dump has, with their counts, by name: `12 ConfigMap, 3 Gateway.networking.istio.io`. The
// groups apps, batch and those without a dot are left out, as is that of the webhooks.
func (c Contents) String() string {
	kinds := make([]schema.GroupKind, 0, len(c.Objects))
	for kind := range c.Objects {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b schema.GroupKind) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Group, b.Group))
	})
	parts := make([]string, 0, len(kinds))
	for _, kind := range kinds {
		name := kind.Kind
		if strings.Contains(kind.Group, ".") && kind.Group != MutatingWebhooks.Group {
			name = kind.String()
		}
		parts = append(parts, fmt.Sprintf("%d %s", c.Objects[kind], name))
	}
	return cmp.Or(strings.Join(parts, ", "), "no objects")
}
