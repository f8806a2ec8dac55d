package proxyver

import (
	"fmt"
	"slices"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
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
	slices.SortStableFunc(s.items, func(a, b sortable) int { return printing.Compare(a.value, b.value) })
	for _, item := range s.items {
		if err := s.output.add(item.Item); err != nil {
			return err
		}
	}
	return nil
}

// sortKey returns the key of --sort-by, nil where there is none.
func (o *Options) sortKey() (*printing.SortKey, error) {
	if o.SortBy == "" {
		return nil, nil
	}
	key, err := printing.NewSortKey(o.SortBy, &v1alpha1.ProxyItem{Proxy: &v1alpha1.Proxy{}, Verified: &v1alpha1.Verified{Agrees: new(bool)}})
	if err != nil {
		return nil, fmt.Errorf("--sort-by %q: %w", o.SortBy, err)
	}
	return key, nil
}
