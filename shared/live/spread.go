package live

import (
	"context"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
)

// spread is a kind that may not be listed for the whole cluster: it is followed namespace by namespace.
type spread struct {
	what string
	// in returns the feed of one namespace, lack takes over what may not be read; its error ends the following.
	in   func(namespace string) *meshFeed
	lack func(cluster.Gap) error
	// err is why the whole may not be listed.
	err error

	// feeds are those of the namespaces, refused the namespaces that may not be listed and that were not told yet. told is
	// true once it was settled whether anything may be read.
	feeds   map[string]*meshFeed
	refused []string
	told    bool
}

// everywhere returns the feed of the namespace that is asked for, or of all. Where all may not be listed as one, they are
// followed one by one.
func (f *follower) everywhere(in func(namespace string) *meshFeed, lack func(cluster.Gap) error) *meshFeed {
	n := in(f.options.Namespace)
	n.lack = func(err error) error { return lack(cluster.Gap{Missing: n.What, Err: err}) }
	if f.options.Namespace == "" {
		n.lack = func(err error) error {
			f.spreads = append(f.spreads, &spread{what: n.What, in: in, lack: lack, err: err, feeds: map[string]*meshFeed{}})
			return nil
		}
	}
	return n
}

// disperse follows the spread kinds in every namespace there is, and no longer in those that are gone.
func (f *follower) disperse(ctx context.Context) {
	namespaces := f.started[string(mesh.Namespaces)]
	if len(f.spreads) == 0 || namespaces == nil || !namespaces.synced {
		return
	}
	for _, s := range f.spreads {
		for id := range namespaces.known {
			name := strings.TrimPrefix(id, "/")
			if s.feeds[name] == nil {
				s.feeds[name] = s.feed(name)
				f.start(ctx, s.feeds[name])
			}
		}
		for name, n := range s.feeds {
			if _, is := namespaces.known["/"+name]; !is {
				s.leave(name)
				f.end(n)
			}
		}
	}
}

func (s *spread) feed(namespace string) *meshFeed {
	n := s.in(namespace)
	n.What, n.essential = s.what+" in "+namespace, false
	n.lack = func(error) error {
		s.refused = append(s.refused, namespace)
		return nil
	}
	return n
}

// leave forgets a namespace that is gone. That it was refused is nothing to tell any more.
func (s *spread) leave(namespace string) {
	delete(s.feeds, namespace)
	s.refused = slices.DeleteFunc(s.refused, func(name string) bool { return name == namespace })
}

// end stops a feed, and takes back what it brought.
func (f *follower) end(n *meshFeed) {
	n.stop()
	n.ended = true
	for id := range n.known {
		n.drop(id)
	}
	delete(f.started, n.What)
	delete(f.lost, n)
	delete(f.unwatched, n)
	f.feeds = slices.DeleteFunc(f.feeds, func(other *meshFeed) bool { return other == n })
}

// settleSpreads notes as one gap for each kind the namespaces that have turned out not to be readable.
func (f *follower) settleSpreads() error {
	for _, s := range f.spreads {
		if err := s.settle(); err != nil {
			return err
		}
	}
	return nil
}

func (s *spread) settle() error {
	slices.Sort(s.refused)
	refused, first := s.refused, !s.told
	s.refused, s.told = nil, true
	switch {
	case first && len(refused) == len(s.feeds):
		return s.lack(cluster.Gap{Missing: s.what, Err: s.err})
	case len(refused) > 0:
		return s.lack(cluster.Partly(s.what, refused, s.err))
	default:
		return nil
	}
}
