package proxyver

import (
	"io"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// standing is the tally that a view keeps from one update to the next, so that an update costs what has changed, and not
// what there is.
type standing struct {
	*tally
	statuses counts[v1alpha1.Status]
	pods     int
}

// follow takes over the changes, and returns the keys of the rows that may have changed.
func (t *standing) follow(o *Options, s state) map[groupKey]bool {
	if t.tally == nil {
		t.tally, t.statuses = o.tally(), counts[v1alpha1.Status]{}
	}
	touched := map[groupKey]bool{}
	if o.By == byRevision {
		t.touchAll(touched)
		t.dropEmpty(touched)
	}
	for _, c := range s.changes {
		t.count(c.Before, -1, touched)
		t.count(c.After, 1, touched)
	}
	t.dropEmpty(touched)
	if o.By == byRevision {
		o.addInstalled(t.tally, s.mesh)
		// What is installed may have changed in any of these few rows.
		t.touchAll(touched)
	}
	return touched
}

func (t *standing) touchAll(touched map[groupKey]bool) {
	for key := range t.groups {
		touched[key] = true
	}
}

func (t *standing) count(item *scan.Item, n int, touched map[groupKey]bool) {
	if item == nil {
		return
	}
	touched[t.grouping.key(*item)] = true
	t.sum(*item, n)
	t.statuses.add(item.Verdict.Status, n)
	t.pods += n
}

// dropEmpty forgets those of the rows that have no pods.
func (t *standing) dropEmpty(touched map[groupKey]bool) {
	for key := range touched {
		if g := t.groups[key]; g != nil && g.pods == 0 {
			delete(t.groups, key)
		}
	}
}

// sortedOf returns the rows there are of those with the keys, in the order of the table.
func (t *standing) sortedOf(keys map[groupKey]bool) []*group {
	var groups []*group
	for key := range keys {
		if g := t.groups[key]; g != nil {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b *group) int { return t.grouping.compare(a.key, b.key) })
	return groups
}

// settled returns the tally of a view's state. One that --sort-by orders depends on all items, and is made anew.
func (o *Options) settled(s state) (*tally, error) {
	out, err := o.filled(io.Discard, s)
	if err != nil {
		return nil, err
	}
	if all, ok := out.(*sorted); ok {
		if err := all.settle(); err != nil {
			return nil, err
		}
	}
	return tallyOf(out), nil
}
