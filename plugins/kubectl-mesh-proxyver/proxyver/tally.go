package proxyver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// tally adds items up into groups. It keeps counts, not items: its size grows with what the table shows.
type tally struct {
	grouping grouping
	groups   map[groupKey]*group
	// asAdded leaves the groups in the order in which their first items came, which order holds.
	asAdded bool
	order   []*group
}

// groupKey tells groups apart; which of its fields are set depends on the grouping.
type groupKey struct {
	namespace, kind, name string
}

// group is one row of the table.
type group struct {
	key  groupKey
	pods int
	// gone is true for a row that --watch showed and that is no more.
	gone bool
	// The values that the group's pods have, with the number of pods.
	statuses                                 counts[v1alpha1.Status]
	versions, wants                          counts[string]
	revisions, wantRevisions                 counts[string]
	images, types, nodes, tags, reasons, ups counts[string]
	verified                                 counts[string]
}

// counts says how often each value occurs.
type counts[K ~string] map[K]int

func newTally(g grouping) *tally { return &tally{grouping: g, groups: map[groupKey]*group{}} }

// at returns the group of that key, making it if it is new.
func (t *tally) at(key groupKey) *group {
	g, ok := t.groups[key]
	if !ok {
		g = &group{
			key: key, statuses: counts[v1alpha1.Status]{}, versions: counts[string]{}, wants: counts[string]{},
			revisions: counts[string]{}, wantRevisions: counts[string]{}, images: counts[string]{}, types: counts[string]{}, nodes: counts[string]{},
			tags: counts[string]{}, reasons: counts[string]{}, ups: counts[string]{}, verified: counts[string]{},
		}
		t.groups[key] = g
		if t.asAdded {
			t.order = append(t.order, g)
		}
	}
	return g
}

// add never fails.
func (t *tally) add(item scan.Item) error {
	t.sum(item, 1)
	return nil
}

// sum adds an item n times, or takes it back where n is negative.
func (t *tally) sum(item scan.Item, n int) {
	g := t.at(t.grouping.key(item))
	v := item.Verdict
	g.pods += n
	g.statuses.add(v.Status, n)
	g.types.add(typeOf(item), n)
	g.nodes.add(item.Pod.Node, n)
	g.tags.add(v.Expected.Tag, n)
	g.reasons.add(v.Reason, n)
	if above, ok := item.Chain.Above(); ok {
		g.ups.add(above.String(), n)
	}
	if v.Proxy != nil {
		g.versions.add(cmp.Or(v.Proxy.Version, shortImage(v.Proxy.Image)), n)
		g.images.add(v.Proxy.Image, n)
		g.revisions.add(v.Proxy.Revision, n)
	}
	if v.Expected.Image != "" {
		g.wants.add(cmp.Or(v.Expected.Version, shortImage(v.Expected.Image)), n)
	}
	g.wantRevisions.add(v.Expected.Revision, n)
	g.verified.add(verifiedWord(item), n)
}

// add counts a value n times more. What is not there any more is no value.
func (c counts[K]) add(value K, n int) {
	if c[value] += n; c[value] == 0 {
		delete(c, value)
	}
}

// revisionList shows the revisions that the pods have and, where they would get others, those too.
func (g *group) revisionList() string {
	running, wanted := g.revisions.list(), g.wantRevisions.list()
	if running == "" || wanted == "" || running == wanted {
		return cmp.Or(running, wanted)
	}
	return running + " -> " + wanted
}

// typeOf is the role of the pod's proxy, and whether it is a native sidecar.
func typeOf(item scan.Item) string {
	if p := item.Verdict.Proxy; p != nil && p.Native {
		return string(item.Pod.Type) + " (native)"
	}
	return string(item.Pod.Type)
}

// shortImage stands for the version of an image without a tag: its digest, cut to what people compare by eye.
func shortImage(ref string) string {
	const digits = 12
	image, err := proxy.ParseImage(ref)
	if err != nil || image.Digest == "" {
		return ref
	}
	algorithm, hash, _ := strings.Cut(image.Digest, ":")
	return algorithm + ":" + hash[:min(digits, len(hash))]
}

func (t *tally) sorted() []*group {
	if t.asAdded {
		return t.order
	}
	return slices.SortedFunc(maps.Values(t.groups), func(a, b *group) int { return t.grouping.compare(a.key, b.key) })
}

func compareKeys(a, b groupKey) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

func compareVersions(a, b groupKey) int { return compareVersionTexts(a.name, b.name) }

func compareVersionTexts(a, b string) int { return proxy.ParseVersion(a).Order(proxy.ParseVersion(b)) }

// sorted returns the values in their order.
func (c counts[K]) sorted() []K { return slices.Sorted(maps.Keys(c)) }

// list returns the values, sorted, without counts.
func (c counts[K]) list() string { return joined(c.sorted()) }

// versionList returns the values sorted as versions, without counts.
func versionList(c counts[string]) string {
	return joined(slices.SortedFunc(maps.Keys(c), compareVersionTexts))
}

func joined[K ~string](values []K) string {
	var words []string
	for _, v := range values {
		if v != "" {
			words = append(words, string(v))
		}
	}
	return strings.Join(words, ",")
}

// shownValues is how many values a wide cell lists before it only counts: a group can have thousands of nodes.
const shownValues = 3

// few returns the first values, sorted, and how many more there are.
func few(c counts[string], separator string) string {
	var values []string
	for _, v := range slices.Sorted(maps.Keys(c)) {
		if v != "" {
			values = append(values, v)
		}
	}
	if more := len(values) - shownValues; more > 0 {
		values = append(values[:shownValues], fmt.Sprintf("+%d", more))
	}
	return strings.Join(values, separator)
}

// statusList returns the statuses in order of precedence, with counts where there are several.
func statusList(c counts[v1alpha1.Status]) string {
	var words []string
	for _, s := range v1alpha1.Statuses() {
		if n := c[s]; n > 0 && len(c) > 1 {
			words = append(words, fmt.Sprintf("%s (%d)", s, n))
		} else if n > 0 {
			words = append(words, string(s))
		}
	}
	return strings.Join(words, ", ")
}
