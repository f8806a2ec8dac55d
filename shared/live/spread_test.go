package live

import (
	"errors"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
)

// A namespace may be deleted after it was refused and before that was told.
func TestANamespaceThatIsGoneIsNotToldAsRefused(t *testing.T) {
	for _, c := range []struct {
		name          string
		refused, gone []string
		want          string
	}{
		{"all", []string{"a", "b", "c"}, nil, "cannot read gateways: no"},
		{"all that are left", []string{"a", "b", "c"}, []string{"b"}, "cannot read gateways: no"},
		{"some", []string{"a"}, nil, "cannot read gateways in namespace a: no"},
		{"some of those that are left", []string{"a", "b"}, []string{"b"}, "cannot read gateways in namespace a: no"},
		{"none that are left", []string{"b"}, []string{"b"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := ""
			s := &spread{what: "gateways", err: errors.New("no"), feeds: map[string]*meshFeed{"a": nil, "b": nil, "c": nil}, refused: c.refused}
			s.lack = func(g cluster.Gap) error {
				told += g.Error()
				return nil
			}
			for _, name := range c.gone {
				s.leave(name)
			}
			if err := s.settle(); err != nil || told != c.want {
				t.Errorf("told %q, %v, want %q", told, err, c.want)
			}
		})
	}
}
