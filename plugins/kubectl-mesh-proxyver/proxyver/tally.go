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
}

// groupKey tells groups apart; which of its fields are set depends on the grouping.
type groupKey struct {
	namespace, kind, name string
}

// group is one row of the table.
type group struct {
	key  groupKey
	pods int
	// The values that the group's pods have, with the number of pods.
	statuses                                 counts[v1alpha1.Status]
	versions, wants, revisions               counts[string]
	images, types, nodes, tags, reasons, ups counts[string]
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
			revisions: counts[string]{}, images: counts[string]{}, types: counts[string]{}, nodes: counts[string]{},
			tags: counts[string]{}, reasons: counts[string]{}, ups: counts[string]{},
		}
		t.groups[key] = g
	}
	return g
}

func (t *tally) add(item scan.Item) {
	g := t.at(t.grouping.key(item))
	v := item.Verdict
	g.pods++
	g.statuses[v.Status]++
	g.types[string(item.Pod.Type)]++
	g.nodes[item.Pod.Node]++
	g.tags[v.Expected.Tag]++
	g.reasons[v.Reason]++
	if above, ok := item.Chain.Above(); ok {
		g.ups[above.String()]++
	}
	if v.Proxy != nil {
		g.versions[cmp.Or(v.Proxy.Version, shortImage(v.Proxy.Image))]++
		g.images[v.Proxy.Image]++
	}
	if v.Expected.Image != "" {
		g.wants[cmp.Or(v.Expected.Version, shortImage(v.Expected.Image))]++
	}
	g.revisions[revisions(v.Proxy, v.Expected)]++
}

// revisions shows the revision that a pod has and, where it would get another, that one too.
func revisions(p *v1alpha1.Proxy, e v1alpha1.Expected) string {
	switch {
	case p == nil:
		return e.Revision
	case p.Revision == "" || e.Revision == "" || p.Revision == e.Revision:
		return p.Revision
	default:
		return p.Revision + " -> " + e.Revision
	}
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
	return slices.SortedFunc(maps.Values(t.groups), func(a, b *group) int { return t.grouping.compare(a.key, b.key) })
}

func compareKeys(a, b groupKey) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind), cmp.Compare(a.name, b.name))
}

// compareVersions sorts as versions where they are some, and as text where not.
func compareVersions(a, b groupKey) int {
	if order, ok := proxy.ParseVersion(a.name).Compare(proxy.ParseVersion(b.name)); ok && order != 0 {
		return order
	}
	return cmp.Compare(a.name, b.name)
}

// list returns the values, sorted, without counts.
func (c counts[K]) list() string {
	var values []string
	for _, v := range slices.Sorted(maps.Keys(c)) {
		if v != "" {
			values = append(values, string(v))
		}
	}
	return strings.Join(values, ",")
}

// reasonList joins sentences, which have commas of their own.
func reasonList(c counts[string]) string {
	return strings.Join(slices.Sorted(maps.Keys(c)), " | ")
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
