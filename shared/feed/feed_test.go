package feed

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// The handlers of errors hold the time of the last one, which no other clock can read; ours are told apart from them.
func TestMain(m *testing.M) {
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

var (
	things    = schema.GroupResource{Resource: "things"}
	missing   = apierrors.NewNotFound(things, "")
	forbidden = apierrors.NewForbidden(things, "", errors.New("not yours"))
	expired   = apierrors.NewResourceExpired("too old")
	errBroken = errors.New("connection refused")
)

// slim is a pod of a list of one's own, as far as it matters.
type slim struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	node string
}

func (s *slim) DeepCopyObject() runtime.Object {
	c := *s
	return &c
}

type slimList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []slim
}

func (l *slimList) DeepCopyObject() runtime.Object {
	c := *l
	return &c
}

func thing(name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: "8"}}
}

// stage is a source that is followed, in a bubble with a clock of its own.
type stage struct {
	*testing.T
	// turns orders what the source's goroutine writes and the test's reads: that the clock stands still meanwhile is nothing that
	// the race detector knows.
	turns sync.Mutex
	// listErr and watchErr are what the server answers, list what it lists.
	listErr, watchErr error
	list              runtime.Object
	// lists and from are the requests that were made, the latter with the resource versions of watches.
	lists   int
	from    []string
	watches *watch.FakeWatcher
	events  []Event
	seen    int
}

func (s *stage) source() *Source {
	return &Source{
		What: "things",
		List: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			s.turns.Lock()
			defer s.turns.Unlock()
			s.lists++
			return s.list, s.listErr
		},
		Watch: func(_ context.Context, o metav1.ListOptions) (watch.Interface, error) {
			s.turns.Lock()
			defer s.turns.Unlock()
			s.from = append(s.from, o.ResourceVersion)
			if s.watchErr != nil {
				return nil, s.watchErr
			}
			s.watches = watch.NewFakeWithOptions(watch.FakeOptions{ChannelSize: 10})
			return s.watches, nil
		},
	}
}

// play follows the source in a bubble, while steps go on.
func play(t *testing.T, steps func(*stage, *Source)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, list: &slimList{ListMeta: metav1.ListMeta{ResourceVersion: "7"}, Items: []slim{
			{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "a"}, node: "n"},
		}}}
		steps(s, s.source())
	})
}

func (s *stage) run(source *Source) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		source.Run(ctx, 0, func(e Event) {
			s.turns.Lock()
			defer s.turns.Unlock()
			s.events = append(s.events, e)
		})
	}()
	s.Cleanup(func() {
		cancel()
		<-done
	})
	s.wait(time.Second)
}

// turn puts what was read before it before what is written after it, and the other way round.
func (s *stage) turn() {
	s.turns.Lock()
	defer s.turns.Unlock()
}

func (s *stage) wait(d time.Duration) {
	s.turn()
	time.Sleep(d)
	synctest.Wait()
	s.turn()
}

// news are the events since the last time.
func (s *stage) news() []Event {
	news := s.events[s.seen:]
	s.seen = len(s.events)
	return news
}

func (s *stage) want(events []Event, kinds ...Kind) {
	s.Helper()
	var got []Kind
	for _, e := range events {
		got = append(got, e.Kind)
	}
	if !slices.Equal(got, kinds) {
		s.Errorf("got %v, want %v", got, kinds)
	}
}

func TestAListOfOnesOwnIsFollowedByAWatchOfTypedObjects(t *testing.T) {
	play(t, func(s *stage, source *Source) {
		s.run(source)
		first := s.news()
		s.want(first, Listed, Working)
		if len(first[0].Objects) != 1 || first[0].Objects[0].(*slim).node != "n" {
			t.Errorf("got %+v", first)
		}
		if !slices.Equal(s.from, []string{"7"}) {
			t.Errorf("watched from %q", s.from)
		}
		s.watches.Add(thing("b"))
		s.watches.Modify(thing("a"))
		s.watches.Delete(thing("b"))
		s.wait(time.Second)
		then := s.news()
		s.want(then, Changed, Changed, Deleted)
		if then[1].Objects[0].(*corev1.Pod).Name != "a" {
			t.Errorf("got %+v", then)
		}
	})
}

func TestAWatchThatEndsGoesOnWhereItWas(t *testing.T) {
	play(t, func(s *stage, source *Source) {
		s.run(source)
		s.watches.Add(thing("b"))
		s.wait(time.Second)
		s.watches.Stop()
		s.wait(10 * time.Second)
		s.want(s.news(), Listed, Working, Changed, Working)
		if s.lists != 1 || !slices.Equal(s.from, []string{"7", "8"}) {
			t.Errorf("listed %d times, watched from %q", s.lists, s.from)
		}
	})
}

func TestASilentWatchIsBegunAnew(t *testing.T) {
	play(t, func(s *stage, source *Source) {
		s.run(source)
		for range 9 {
			s.wait(time.Minute)
			s.watches.Action(watch.Bookmark, thing(""))
		}
		s.want(s.news(), Listed, Working)
		s.wait(3*Silence + time.Second)
		s.want(s.news(), Working, Working, Working)
		if s.lists != 1 {
			t.Errorf("listed %d times", s.lists)
		}
	})
}

func TestWhatTheServerAnswersIsTold(t *testing.T) {
	for _, c := range []struct {
		rule        string
		optional    bool
		list, watch error
		want        []Kind
	}{
		{"a list that fails", false, errBroken, nil, []Kind{Failed}},
		{"a list that is refused", true, forbidden, nil, []Kind{Failed}},
		{"a kind that is not found", false, missing, nil, []Kind{Failed}},
		{"an optional kind that is not found has no objects", true, missing, nil, []Kind{Listed, Working}},
		{"a watch that fails", false, nil, errBroken, []Kind{Listed, Failed}},
		{"a watch that is refused", false, nil, forbidden, []Kind{Listed, Unwatched}},
		{"an optional kind that is gone before it is watched", true, nil, missing, []Kind{Listed}},
		{"a watch that has expired", false, nil, expired, []Kind{Listed}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			play(t, func(s *stage, source *Source) {
				source.Optional, s.listErr, s.watchErr = c.optional, c.list, c.watch
				s.run(source)
				// What is tried again is told again.
				first := s.news()
				first = first[:min(len(first), len(c.want))]
				s.want(first, c.want...)
				for _, e := range first {
					if (e.Err == nil) != (e.Kind == Listed || e.Kind == Working) {
						t.Errorf("got %v", e.Err)
					}
				}
			})
		})
	}
}

func TestWhatCannotBeWatchedIsListedEachMinute(t *testing.T) {
	for rule, set := range map[string]func(*stage, *Source){
		"it may not be watched": func(s *stage, _ *Source) { s.watchErr = forbidden },
		"it is not there":       func(s *stage, source *Source) { s.listErr, source.Optional = missing, true },
	} {
		t.Run(rule, func(t *testing.T) {
			play(t, func(s *stage, source *Source) {
				set(s, source)
				s.run(source)
				s.wait(5 * time.Minute)
				if s.lists < 5 || s.lists > 6 {
					t.Errorf("listed %d times in five minutes", s.lists)
				}
			})
		})
	}
}

func TestAWatchThatIsNotAnsweredIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := begin(t.Context(), metav1.ListOptions{}, func(ctx context.Context, _ metav1.ListOptions) (watch.Interface, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		if err != errSlow || time.Since(start) != answer {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
	})
}
