package live

import (
	"errors"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

// pod is one with a proxy in a namespace that asks for none.
func podIn(namespace string) *corev1.Pod {
	return fixture.Pod(namespace+"/of-"+namespace, fixture.Injected("1-22", image+"1.22.0"))
}

func (s *stage) gaps() []string {
	var words []string
	for _, g := range s.updates[len(s.updates)-1].Gaps {
		words = append(words, g.Missing)
	}
	return words
}

func TestNamespacesAreFollowedOneByOneWhereAllMayNotBeListed(t *testing.T) {
	for _, resource := range []string{"pods", "gateways", "proxyconfigs", "replicasets", "jobs"} {
		t.Run(resource, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := shop(t, cart("a"), podIn("theirs"))
				s.AddNamespaces("theirs", "others")
				s.Refuse(resource, "", "theirs", "others", "third")
				s.follow(Options{})
				if len(s.updates) != 1 {
					t.Fatalf("%d updates, %v", len(s.updates), s.err)
				}
				if want := []string{resource + " in namespaces others, theirs"}; !slices.Equal(s.gaps(), want) {
					t.Errorf("gaps %q, want %q", s.gaps(), want)
				}
				if !slices.Equal(s.updates[0].Gaps[0].Namespaces, []string{"others", "theirs"}) || !apierrors.IsForbidden(s.updates[0].Gaps[0].Err) {
					t.Errorf("got %+v", s.updates[0].Gaps[0])
				}
				s.watches.Send("namespaces", watch.Added, namespace("third", ""))
				s.wait(soon)
				if want := []string{resource + " in namespaces others, theirs", resource + " in namespace third"}; !slices.Equal(s.gaps(), want) {
					t.Errorf("gaps %q, want %q", s.gaps(), want)
				}
			})
		})
	}
}

func TestPodsOfNamespacesThatComeAndGoAreFollowed(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), podIn("theirs"), podIn("later"))
		s.AddNamespaces("theirs")
		s.Refuse("pods", "", "theirs")
		s.follow(Options{})
		s.want("+a current pod/a")
		s.watches.Send("namespaces", watch.Added, namespace("later", ""))
		s.wait(soon)
		s.want("+of-later unexpected pod/of-later")
		s.watches.Send("pods", watch.Modified, fixture.Pod("shop/a", fixture.Injected("1-22", image+"1.21.0")))
		s.wait(soon)
		s.want("a outdated pod/a")
		// The pod's own watch may be behind.
		s.watches.Send("namespaces", watch.Deleted, namespace("later", ""))
		s.wait(soon)
		s.want("-of-later unexpected pod/of-later")
		s.Refuse("pods", "later")
		s.wait(10 * time.Minute)
		s.want()
	})
}

func TestWhereEveryNamespaceIsRefusedItIsAsIfAllWere(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.AddNamespaces("theirs")
		s.Refuse("gateways", "", "shop", "theirs")
		s.follow(Options{})
		if want := []string{"gateways"}; !slices.Equal(s.gaps(), want) || s.updates[0].Gaps[0].Namespaces != nil {
			t.Errorf("gaps %q, want %q", s.gaps(), want)
		}
	})
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.Refuse("pods", "", "shop")
		s.follow(Options{})
		if len(s.updates) > 0 || !apierrors.IsForbidden(s.err) {
			t.Errorf("%v, %d updates", s.err, len(s.updates))
		}
	})
}

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
