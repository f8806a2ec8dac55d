package live

import (
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-mesh/kubectl-mesh/shared/feed"
)

func TestAKindOfEveryClusterThatIsNotFoundIsLost(t *testing.T) {
	for _, resource := range []string{"pods", "namespaces", "mutatingwebhookconfigurations", "replicasets"} {
		t.Run(resource, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := shop(t, cart("a"))
				s.follow(Options{})
				s.told()
				var missing atomic.Bool
				missing.Store(true)
				s.OnList(resource, func() error {
					if missing.Load() {
						return apierrors.NewGenericServerResponse(404, "list", corev1.Resource(resource), "", "", 0, true)
					}
					return nil
				})
				s.watches.Break(resource, apierrors.NewResourceExpired("too old"))
				s.wait(time.Minute)
				s.want("lost")
				missing.Store(false)
				s.watches.Mend(resource)
				s.wait(10 * time.Second)
				s.want("nothing")
			})
		})
	}
}

func TestASilentWatchIsBegunAnewAndNothingListed(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		lists := s.countLists("namespaces", nil)
		s.follow(Options{})
		s.told()
		listed, begun := lists.Load(), s.watches.Begun("namespaces")
		for range 9 {
			s.wait(time.Minute)
			s.watches.Send("namespaces", watch.Bookmark, namespace("", ""))
		}
		if n := s.watches.Begun("namespaces") - begun; n != 0 {
			t.Errorf("begun anew %d times in spite of bookmarks", n)
		}
		s.wait(3*feed.Silence + time.Second)
		if n := s.watches.Begun("namespaces") - begun; n != 3 || lists.Load() != listed {
			t.Errorf("begun anew %d times, listed %d times", n, lists.Load()-listed)
		}
		s.watches.Send("namespaces", watch.Modified, namespace("shop", ""))
		s.wait(soon)
		s.want("a unexpected pod/a")
	})
}
