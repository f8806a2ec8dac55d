package restart

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// small is what is kept of an object of a list.
type small struct {
	metav1.TypeMeta
	metav1.ObjectMeta
	value any
}

// smallList is what reflectors take for a list.
type smallList struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []small
}

// DeepCopyObject is what makes an object of it; nobody changes one.
func (s *small) DeepCopyObject() runtime.Object {
	c := *s
	return &c
}

// DeepCopyObject is what makes an object of it; nobody changes one.
func (l *smallList) DeepCopyObject() runtime.Object {
	c := *l
	return &c
}

type lister func(context.Context, metav1.ListOptions) (runtime.Object, error)

// slimmed keeps of a page of a list only what matters, so that the pages of a large cluster are never held at once.
func slimmed(list lister, slim func(runtime.Object) any) lister {
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		page, err := list(ctx, o)
		if err != nil {
			return nil, err
		}
		kept := &smallList{}
		if l, err := meta.ListAccessor(page); err == nil {
			kept.ResourceVersion, kept.Continue = l.GetResourceVersion(), l.GetContinue()
		}
		return kept, meta.EachListItem(page, func(o runtime.Object) error {
			value := slim(o)
			if m, err := meta.Accessor(o); err == nil && value != nil {
				kept.Items = append(kept.Items, small{
					ObjectMeta: metav1.ObjectMeta{Namespace: m.GetNamespace(), Name: m.GetName(), UID: m.GetUID()}, value: value,
				})
			}
			return nil
		})
	}
}

// valueOf returns what is kept of an object, from a list or from a watch.
func valueOf(o runtime.Object, slim func(runtime.Object) any) any {
	if s, ok := o.(*small); ok {
		return s.value
	}
	return slim(o)
}
