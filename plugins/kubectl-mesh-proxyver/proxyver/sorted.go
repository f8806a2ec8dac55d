package proxyver

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// sorted hands the items on in the order that --sort-by asks for. Rows that stand for several items come where their
// first one does.
type sorted struct {
	output
	key   *printing.SortKey
	items []sortable
}

type sortable struct {
	scan.Item
	value printing.Value
}

func (s *sorted) add(item scan.Item) error {
	row := item.Report()
	value, err := s.key.Of(&row)
	if err != nil {
		return fmt.Errorf("--sort-by: %w", err)
	}
	s.items = append(s.items, sortable{item, value})
	return nil
}

func (s *sorted) finish() error {
	if err := s.settle(); err != nil {
		return err
	}
	return s.output.finish()
}

// settle hands the items on.
func (s *sorted) settle() error {
	if len(s.items) > 0 && !slices.ContainsFunc(s.items, func(i sortable) bool { return i.value != nil }) {
		return fmt.Errorf("--sort-by %s: no item has such a field; see an item's fields with -o json", s.key)
	}
	slices.SortStableFunc(s.items, func(a, b sortable) int { return printing.Compare(a.value, b.value) })
	for _, item := range s.items {
		if err := s.output.add(item.Item); err != nil {
			return err
		}
	}
	return nil
}
