package feed

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// Client is what all of Kubernetes' clients can do with a kind whose lists are L.
type Client[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// Of returns a source of what a client lists, limited by the selectors of limits; what names the objects.
func Of[L runtime.Object](what string, c Client[L], limits metav1.ListOptions) Source {
	limit := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector, o.FieldSelector = limits.LabelSelector, limits.FieldSelector
		return o
	}
	return Source{
		What: what,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, limit(o)) },
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, limit(o))
		},
	}
}
