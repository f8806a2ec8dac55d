package tag

import (
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Verb is what a write does.
type Verb string

// What a write can do.
const (
	Create Verb = "create"
	Update Verb = "update"
	Delete Verb = "delete"
)

// Object is one that tags are made of.
type Object interface {
	runtime.Object
	metav1.Object
}

// Write is one change of one object.
type Write struct {
	Verb Verb
	// Kind is the object's, as its manifest has it.
	Kind string
	// Object is the object as it is to be; for a deletion, as it is. Updates and deletions hold for its resource version
	// alone.
	Object Object
	// Text says in words what the write is for.
	Text string
	// Sight is what has to be seen of the real injector before; nil where nothing has to be.
	Sight *Sight
}

// Sight is what a dry run has to show before the injector that did the work until now is taken away.
type Sight struct {
	Tag string
	// Revision is the one that has to inject.
	Revision string
	// Namespace is Istio's.
	Namespace string
	// Replaced is a revision whose injector selects the same pods as the tag's, and may be called after it.
	Replaced string
}

// With returns the objects as they are once the write is done. object is what the server made of it.
func (o *Objects) With(w Write, object Object) *Objects {
	next := *o
	remove := w.Verb == Delete
	switch object := object.(type) {
	case *admissionv1.MutatingWebhookConfiguration:
		next.Webhooks = replaced(o.Webhooks, *object, remove, func(c admissionv1.MutatingWebhookConfiguration) bool { return c.Name == object.Name })
	case *corev1.Service:
		next.Services = replaced(o.Services, *object, remove, func(s corev1.Service) bool {
			return s.Namespace == object.Namespace && s.Name == object.Name
		})
	case *admissionv1.ValidatingWebhookConfiguration:
		next.Validator = object
		if remove {
			next.Validator = nil
		}
	}
	return &next
}

// replaced returns the list with the object in the place of the one that is it, or at the end, or without it.
func replaced[T any](list []T, object T, remove bool, is func(T) bool) []T {
	list = slices.Clone(list)
	i := slices.IndexFunc(list, is)
	switch {
	case i < 0 && remove:
		return list
	case i < 0:
		return append(list, object)
	case remove:
		return slices.Delete(list, i, i+1)
	default:
		list[i] = object
		return list
	}
}
