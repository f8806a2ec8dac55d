package lease

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

type server struct{ *fake.Clientset }

func (s server) options(holder string) Options {
	return Options{Leases: s.CoordinationV1(), Namespace: "istio-system", Name: "kubectl-mesh-canary", Holder: holder, Duration: 15 * time.Second}
}

func (s server) lease(t *testing.T) *coordinationv1.Lease {
	t.Helper()
	l, err := s.CoordinationV1().Leases("istio-system").Get(t.Context(), "kubectl-mesh-canary", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// play runs a test in a bubble with a clock of its own.
func play(t *testing.T, test func(*testing.T, server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, server{fake.NewSimpleClientset()}) })
}

func acquire(t *testing.T, o Options) *Lease {
	t.Helper()
	l, err := Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// die has a holder renew no more, as if its process were killed.
func (l *Lease) die() {
	l.cancel()
	<-l.done
}

func TestALeaseIsTakenRenewedAndGivenBack(t *testing.T) {
	play(t, func(t *testing.T, s server) {
		l := acquire(t, s.options("anna"))
		first := s.lease(t).Spec.RenewTime.Time
		time.Sleep(time.Minute)
		if again := s.lease(t).Spec.RenewTime.Time; again.Sub(first) < 50*time.Second {
			t.Errorf("renewed at %v, taken at %v", again, first)
		}
		if err := l.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if err := l.Release(t.Context()); err != nil || *s.lease(t).Spec.HolderIdentity != "" {
			t.Errorf("released: %v, %v", s.lease(t).Spec, err)
		}
		if err := l.Check(t.Context()); err == nil {
			t.Error("it still counts as held")
		}
		began := time.Now()
		acquire(t, s.options("ben")).die()
		if time.Since(began) > 0 {
			t.Error("one that was given back was waited for")
		}
	})
}

func TestAHolderThatLivesIsNamed(t *testing.T) {
	play(t, func(t *testing.T, s server) {
		l := acquire(t, s.options("anna"))
		defer l.die()
		began := time.Now()
		_, err := Acquire(t.Context(), s.options("ben"))
		var held *HeldError
		if !errors.As(err, &held) || held.Holder != "anna" || !strings.HasPrefix(err.Error(), "anna is at it since 2000-01-01T00:00:00Z (Lease kubectl-mesh-canary in namespace istio-system)") {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(began); waited > 7*time.Second {
			t.Errorf("that took %v", waited)
		}
	})
}

func TestALeaseThatNobodyRenewsIsTakenOnceItHasRunOut(t *testing.T) {
	play(t, func(t *testing.T, s server) {
		acquire(t, s.options("anna")).die()
		told := ""
		o := s.options("ben")
		o.Waiting = func(holder string, longest time.Duration) { told = holder + " " + longest.String() }
		began := time.Now()
		l := acquire(t, o)
		defer l.die()
		if waited := time.Since(began); waited < 15*time.Second || waited > 17*time.Second || told != "anna 15s" {
			t.Errorf("waited %v, told %q", waited, told)
		}
		if spec := s.lease(t).Spec; *spec.HolderIdentity != "ben" || *spec.LeaseTransitions != 1 {
			t.Errorf("got %v", spec)
		}
	})
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	play(t, func(t *testing.T, s server) {
		acquire(t, s.options("anna")).die()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := Acquire(ctx, s.options("ben")); !errors.As(err, new(*HeldError)) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAHolderThatSleptPastItsLeaseMayChangeNothing(t *testing.T) {
	play(t, func(t *testing.T, s server) {
		anna := acquire(t, s.options("anna"))
		anna.die()
		ben := acquire(t, s.options("ben"))
		defer ben.die()
		if err := anna.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "ben is at it") {
			t.Errorf("got %v", err)
		}
		if err := anna.Check(t.Context()); err == nil {
			t.Error("the second time it is held")
		}
		if err := anna.Release(t.Context()); err != nil || *s.lease(t).Spec.HolderIdentity != "ben" {
			t.Errorf("released: %v, %v", s.lease(t).Spec, err)
		}
	})
}

func TestAHolderThatSleptAndWakesInTimeGoesOn(t *testing.T) {
	play(t, func(t *testing.T, s server) {
		anna := acquire(t, s.options("anna"))
		anna.die()
		time.Sleep(time.Minute)
		if err := anna.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if age := time.Since(s.lease(t).Spec.RenewTime.Time); age > time.Second {
			t.Errorf("renewed %v ago", age)
		}
	})
}

func TestALeaseThatIsDeletedIsLost(t *testing.T) {
	play(t, func(t *testing.T, s server) {
		anna := acquire(t, s.options("anna"))
		if err := s.CoordinationV1().Leases("istio-system").Delete(t.Context(), "kubectl-mesh-canary", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		if err := anna.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "it was deleted") {
			t.Errorf("got %v", err)
		}
		anna.die()
	})
}
