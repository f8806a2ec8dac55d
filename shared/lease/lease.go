// Package lease keeps others from changing the same thing at the same time, by a Lease in the cluster.
package lease

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
)

// Options says which Lease, and for whom.
type Options struct {
	Leases          coordinationclient.LeasesGetter
	Namespace, Name string
	// Holder names who holds it, so that others know whom to ask. It is another one for each process.
	Holder string
	// Duration is for how long it holds without being renewed; it is renewed three times as often.
	Duration time.Duration
	// Waiting is told that another's Lease is waited for to run out; nil for nobody.
	Waiting func(holder string, longest time.Duration)
}

// Lease is held until it is released, or lost.
type Lease struct {
	o      Options
	cancel context.CancelFunc
	done   chan struct{}

	mutex sync.Mutex
	// renewed is when the server last took a renewal that was asked for then, lost why it is no longer held.
	renewed moment
	lost    error
}

// moment is a point in time by both clocks: the one stands still while a machine sleeps, the other may be set.
type moment struct{ steady, wall time.Time }

func now() moment {
	t := time.Now()
	return moment{t, t.Round(0)}
}

// since is the longer of what both clocks say.
func (m moment) since() time.Duration {
	n := now()
	return max(n.steady.Sub(m.steady), n.wall.Sub(m.wall))
}

// HeldError says that somebody else holds the Lease.
type HeldError struct {
	Namespace, Name, Holder string
	Since                   time.Time
}

// Error names the holder.
func (e *HeldError) Error() string {
	since := ""
	if !e.Since.IsZero() {
		since = " since " + e.Since.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("%s is at it%s (Lease %s in namespace %s): wait until that is done", e.Holder, since, e.Name, e.Namespace)
}

// LostError says that the Lease is no longer held, so that nothing more may be changed.
type LostError struct {
	Namespace, Name string
	// Err says what has become of it.
	Err error
}

// Error says what to do.
func (e *LostError) Error() string {
	return fmt.Sprintf("Lease %s in namespace %s was lost meanwhile, so nothing more is changed: %v; run the same command again", e.Name, e.Namespace, e.Err)
}

// Unwrap returns what has become of it.
func (e *LostError) Unwrap() error { return e.Err }

// Acquire takes the Lease, and keeps renewing it until it is released. Where another holds it, it waits until that is renewed, which
// is a HeldError, or has run out unrenewed: by its own clock alone it cannot tell, for the other's may be wrong.
func Acquire(ctx context.Context, o Options) (*Lease, error) {
	l := &Lease{o: o, done: make(chan struct{})}
	a := attempt{lease: l}
	for {
		asked := now()
		err := a.try(ctx)
		switch {
		case err == nil:
			l.renewed = asked
			l.keep()
			return l, nil
		case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
			continue
		case errors.As(err, new(*HeldError)):
			return nil, err
		case !errors.Is(err, errWait):
			return nil, fmt.Errorf("taking Lease %s in namespace %s: %w", o.Name, o.Namespace, err)
		}
		select {
		case <-ctx.Done():
			return nil, held(a.other)
		case <-time.After(min(time.Second, o.Duration/10)):
		}
	}
}

// attempt is what is known of another's Lease while it is waited for: since when it was not renewed.
type attempt struct {
	lease *Lease
	other *coordinationv1.Lease
	since moment
}

// try takes the Lease if it is free, and says otherwise whether it is to be waited for.
func (a *attempt) try(ctx context.Context) error {
	o, asked := a.lease.o, now()
	found, err := o.Leases.Leases(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return a.lease.create(ctx)
	case err != nil:
		return err
	case free(found):
		return a.lease.take(ctx, found)
	case a.other == nil:
		a.other, a.since = found, asked
		if o.Waiting != nil {
			o.Waiting(*found.Spec.HolderIdentity, durationOf(found))
		}
		return errWait
	case !unchanged(found, a.other):
		return held(found)
	case a.since.since() > durationOf(found):
		return a.lease.take(ctx, found)
	default:
		return errWait
	}
}

var errWait = errors.New("another holds it")

func held(l *coordinationv1.Lease) error {
	e := &HeldError{Namespace: l.Namespace, Name: l.Name, Holder: *l.Spec.HolderIdentity}
	if l.Spec.AcquireTime != nil {
		e.Since = l.Spec.AcquireTime.Time
	}
	return e
}

func free(l *coordinationv1.Lease) bool {
	return l.Spec.HolderIdentity == nil || *l.Spec.HolderIdentity == ""
}

func unchanged(a, b *coordinationv1.Lease) bool {
	return a.UID == b.UID && a.ResourceVersion == b.ResourceVersion && a.Spec.RenewTime.Equal(b.Spec.RenewTime)
}

// durationOf is how long a Lease holds; one that does not say counts as a short one.
func durationOf(l *coordinationv1.Lease) time.Duration {
	if l.Spec.LeaseDurationSeconds == nil || *l.Spec.LeaseDurationSeconds < 1 {
		return time.Second
	}
	return time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
}

func (l *Lease) spec() coordinationv1.LeaseSpec {
	seconds, time := int32(max(1, l.o.Duration/time.Second)), metav1.NowMicro()
	return coordinationv1.LeaseSpec{HolderIdentity: &l.o.Holder, LeaseDurationSeconds: &seconds, AcquireTime: &time, RenewTime: &time}
}

func (l *Lease) create(ctx context.Context) error {
	_, err := l.o.Leases.Leases(l.o.Namespace).Create(ctx,
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: l.o.Namespace, Name: l.o.Name}, Spec: l.spec()}, metav1.CreateOptions{})
	return err
}

// take makes another's Lease ours, if nobody has changed it since it was read.
func (l *Lease) take(ctx context.Context, found *coordinationv1.Lease) error {
	found = found.DeepCopy()
	transitions := int32(1)
	if found.Spec.LeaseTransitions != nil {
		transitions += *found.Spec.LeaseTransitions
	}
	found.Spec = l.spec()
	found.Spec.LeaseTransitions = &transitions
	_, err := l.o.Leases.Leases(l.o.Namespace).Update(ctx, found, metav1.UpdateOptions{})
	return err
}

// keep renews the Lease until it is released or lost.
func (l *Lease) keep() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go func() {
		defer close(l.done)
		ticker := time.NewTicker(l.o.Duration / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				limited, cancel := context.WithTimeout(ctx, l.o.Duration/3)
				_ = l.renew(limited)
				cancel()
			}
		}
	}()
}

// renew says to the server that the Lease is still held. A server that cannot be asked does not take it away; another holder does.
func (l *Lease) renew(ctx context.Context) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.lost != nil {
		return l.lost
	}
	asked := now()
	found, err := l.o.Leases.Leases(l.o.Namespace).Get(ctx, l.o.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return l.lose(errors.New("it was deleted"))
	case err != nil:
		return err
	case free(found) || *found.Spec.HolderIdentity != l.o.Holder:
		if !free(found) {
			return l.lose(held(found))
		}
		return l.lose(errors.New("another has held it since, and is done"))
	}
	time := metav1.NowMicro()
	found.Spec.RenewTime = &time
	if _, err = l.o.Leases.Leases(l.o.Namespace).Update(ctx, found, metav1.UpdateOptions{}); err == nil {
		l.renewed = asked
	}
	return err
}

func (l *Lease) lose(err error) error {
	l.lost = &LostError{l.o.Namespace, l.o.Name, err}
	return l.lost
}

// Check returns an error unless the Lease is certainly still held: it asks the server where the last renewal is so long ago that
// another may have taken it, because this process, or its machine, slept. It is to be called before every change.
func (l *Lease) Check(ctx context.Context) error {
	l.mutex.Lock()
	lost, age := l.lost, l.renewed.since()
	l.mutex.Unlock()
	switch {
	case lost != nil:
		return lost
	case age < l.o.Duration*2/3:
		return nil
	}
	if err := l.renew(ctx); err != nil {
		return fmt.Errorf("whether Lease %s in namespace %s is still held: %w", l.o.Name, l.o.Namespace, err)
	}
	return nil
}

// Release gives the Lease back, if it is still held.
func (l *Lease) Release(ctx context.Context) error {
	l.cancel()
	<-l.done
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.lost != nil {
		return nil
	}
	l.lost = errors.New("the Lease was released")
	found, err := l.o.Leases.Leases(l.o.Namespace).Get(ctx, l.o.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("releasing Lease %s in namespace %s: %w", l.o.Name, l.o.Namespace, err)
	case free(found) || *found.Spec.HolderIdentity != l.o.Holder:
		return nil
	}
	nobody := ""
	found.Spec.HolderIdentity = &nobody
	if _, err = l.o.Leases.Leases(l.o.Namespace).Update(ctx, found, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("releasing Lease %s in namespace %s: %w", l.o.Name, l.o.Namespace, err)
	}
	return nil
}
