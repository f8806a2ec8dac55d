package tag

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
)

// Run says how a plan is carried out.
type Run struct {
	// Before is called before each request that changes anything, also before one that is sent again. Its error ends the
	// run, and is returned. Nil is never asked.
	Before func(context.Context, Write) error
	// Done is called after each write; nil for nobody.
	Done func(Write)
}

// ErrMoved is in the error of a run that met somebody else's change of the tag.
var ErrMoved = errors.New("somebody else has changed it meanwhile")

// finishTime is how long a tag that is begun to be moved may take although its command is to end.
const finishTime = time.Minute

// rereads is how often the objects are read again because one of them has changed.
const rereads = 20

// Apply makes the wish come true, write by write, beginning with objects as they were read, and returns them as they are
// then. After each write it plans anew, so that it goes on from wherever it, or a run that died, has come to. What istiod
// changes meanwhile does not matter; where somebody else moves the tag, Apply ends with ErrMoved and leaves it. Failures that
// pass are tried again for a while. Once one write is done, the context ends it no more. What Sight asks for is seen before the write.
func Apply(ctx context.Context, clients *cluster.Clients, o *Objects, w Wish, run Run) (*Objects, error) {
	begun := false
	for reread := 0; ; {
		writes, err := Plan(o, w)
		if err != nil || len(writes) == 0 {
			return o, err
		}
		next, err := one(ctx, clients, o, writes[0], run)
		if overtaken(err) && reread < rereads {
			reread++
			if o, err = readAgain(ctx, clients, o, writes[0], w); err != nil {
				return o, err
			}
			continue
		}
		if err != nil {
			return o, err
		}
		o = next
		if !begun {
			// A tag of which half is moved is worse than a command that ends a little later.
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), finishTime)
			defer cancel()
			begun = true
		}
		if run.Done != nil {
			run.Done(writes[0])
		}
		if writes[0].Sight != nil && w.Injector == Off {
			if o, err = takeBack(ctx, clients, o, *writes[0].Sight, run); err != nil {
				return o, err
			}
		}
	}
}

// takeBack switches an injector on again that was just switched off, unless the tag is now seen to inject by itself. The
// error says why that was not seen.
func takeBack(ctx context.Context, clients *cluster.Clients, o *Objects, s Sight, run Run) (*Objects, error) {
	failure := See(ctx, clients, o, Sight{Tag: s.Tag, Revision: s.Revision, Namespace: s.Namespace})
	own := o.injector(s.Namespace)
	if failure == nil || ctx.Err() != nil || own == nil {
		return o, failure
	}
	on := Write{Verb: Update, Kind: webhookKind, Object: activate(own, recorded(own)), Text: "the injector without a revision selects again what it did"}
	next, err := one(ctx, clients, o, on, run)
	if err != nil {
		return o, fmt.Errorf("%w; and it could not be switched on again: %w", failure, err)
	}
	if run.Done != nil {
		run.Done(on)
	}
	return next, fmt.Errorf("%w; so the injector without a revision was switched on again", failure)
}

// one does one write.
func one(ctx context.Context, clients *cluster.Clients, o *Objects, write Write, run Run) (*Objects, error) {
	if write.Sight != nil {
		if err := See(ctx, clients, o, *write.Sight); err != nil {
			return nil, fmt.Errorf("%w; what injected until now stays as it is", err)
		}
	}
	var object Object
	err := persist(ctx, func(ctx context.Context) error {
		if run.Before != nil {
			if err := run.Before(ctx, write); err != nil {
				return err
			}
		}
		var err error
		object, err = send(ctx, clients, write, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o.With(write, object), nil
}

// readAgain reads the objects because one was not as it had been. The error says that the tag is neither as it was nor as the
// write would have made it.
func readAgain(ctx context.Context, clients *cluster.Clients, o *Objects, write Write, w Wish) (*Objects, error) {
	fresh, gaps, err := Read(ctx, clients, o.Named)
	if err != nil {
		return o, err
	}
	if len(gaps) > 0 {
		return o, gaps[0]
	}
	now := fresh.standing(w)
	if !reflect.DeepEqual(now, o.standing(w)) && !reflect.DeepEqual(now, o.With(write, write.Object).standing(w)) {
		return fresh, fmt.Errorf("%s: %w: it %s now, and stays so; see `kubectl mesh-canary tag list`", title(w.Namespace, w.Name), ErrMoved,
			stands(fresh.Record(w.Namespace, w.Name)))
	}
	return fresh, nil
}

// standing is what nobody else may change while a plan is carried out.
type standing struct {
	webhooks, services []Claim
	validator          Validating
	injector, off      bool
}

func (o *Objects) standing(w Wish) standing {
	t := o.Tag(w.Namespace, w.Name)
	s := standing{webhooks: t.Webhooks, services: t.Services}
	if w.Validator != nil {
		s.validator = o.validating()
	}
	if own := o.injector(w.Namespace); own != nil && w.Injector != Leave {
		s.injector, s.off = true, deactivated(own)
	}
	return s
}

// Rehearse sends every write of a plan as a dry run, and returns the first refusal.
func Rehearse(ctx context.Context, clients *cluster.Clients, writes []Write) error {
	deleted := map[string]bool{}
	for _, w := range writes {
		id := w.Kind + " " + w.Object.GetName()
		err := persist(ctx, func(ctx context.Context) error {
			_, err := send(ctx, clients, w, []string{metav1.DryRunAll})
			return err
		})
		// What a dry run has deleted is still there.
		if err != nil && !(deleted[id] && apierrors.IsAlreadyExists(err)) {
			return err
		}
		deleted[id] = w.Verb == Delete
	}
	return nil
}

// writer is a typed client of one kind.
type writer[T Object] interface {
	Create(context.Context, T, metav1.CreateOptions) (T, error)
	Update(context.Context, T, metav1.UpdateOptions) (T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

// send sends one write, and returns what the server made of the object.
func send(ctx context.Context, clients *cluster.Clients, w Write, dryRun []string) (Object, error) {
	var made Object
	var err error
	admission := clients.Kube.AdmissionregistrationV1()
	switch object := w.Object.(type) {
	case *admissionv1.MutatingWebhookConfiguration:
		made, err = sendTo(ctx, admission.MutatingWebhookConfigurations(), w, object, dryRun)
	case *admissionv1.ValidatingWebhookConfiguration:
		made, err = sendTo(ctx, admission.ValidatingWebhookConfigurations(), w, object, dryRun)
	case *corev1.Service:
		made, err = sendTo(ctx, clients.Kube.CoreV1().Services(object.Namespace), w, object, dryRun)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s %s: %w", w.Verb, w.Kind, w.Object.GetName(), err)
	}
	return made, nil
}

func sendTo[T Object](ctx context.Context, client writer[T], w Write, object T, dryRun []string) (Object, error) {
	switch w.Verb {
	case Create:
		return client.Create(ctx, object, metav1.CreateOptions{DryRun: dryRun, FieldManager: dryrun.FieldManager})
	case Update:
		return client.Update(ctx, object, metav1.UpdateOptions{DryRun: dryRun, FieldManager: dryrun.FieldManager})
	default:
		uid, version := object.GetUID(), object.GetResourceVersion()
		return object, client.Delete(ctx, object.GetName(), metav1.DeleteOptions{
			DryRun: dryRun, Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
		})
	}
}

// overtaken says whether a write was refused because the object is not as it was read.
func overtaken(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

// backoff bounds the retries of what passes by itself: about half a minute. Tests shorten it.
var backoff = wait.Backoff{Duration: 200 * time.Millisecond, Factor: 1.5, Jitter: 0.2, Steps: 12}

// persist makes a call again for as long as it fails for a reason that passes, and returns its last error.
func persist(ctx context.Context, call func(context.Context) error) error {
	var last error
	err := wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		if last = call(ctx); cluster.Passes(last) {
			return false, nil
		}
		return true, last
	})
	if wait.Interrupted(err) && last != nil && ctx.Err() == nil {
		return last
	}
	return err
}
