package cluster

import (
	"context"
	"errors"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// ErrCircle says that a list would never end.
var ErrCircle = errors.New("the list never ends, for the server sends a page again: does a proxy in between ignore the continue token?")

// Course watches a list get on from page to page. Its zero value is that of a list that begins. A page may be asked for
// more than once; what may not be is that another token leads to the same place.
type Course struct {
	// tokens and starts hold the token of the page that named a token, and that of the page that began with an item.
	tokens, starts map[string]string
}

// Turn notes that the page of a token names the next page's. It returns ErrCircle if that page was there before.
func (c *Course) Turn(token, next string) error {
	if next == token && token != "" {
		return ErrCircle
	}
	return note(&c.tokens, next, token)
}

// Start notes the item that the page of a token begins with. It returns ErrCircle if another page began with it.
func (c *Course) Start(token, item string) error { return note(&c.starts, item, token) }

func note(to *map[string]string, place, token string) error {
	if place == "" {
		return nil
	}
	if *to == nil {
		*to = map[string]string{}
	}
	if before, been := (*to)[place]; been && before != token {
		return ErrCircle
	}
	(*to)[place] = token
	return nil
}

// onCourse returns pages of the list until they come again.
func onCourse(list pager.ListPageFunc) pager.ListPageFunc {
	var course Course
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		page, err := list(ctx, o)
		if err != nil {
			return page, err
		}
		if l, err := meta.ListAccessor(page); err == nil {
			if err := course.Turn(o.Continue, l.GetContinue()); err != nil {
				return nil, err
			}
		}
		return page, course.Start(o.Continue, firstOf(page))
	}
}

var errEnough = errors.New("one is enough")

// firstOf returns the first item of a page as "namespace/name", empty where there is none.
func firstOf(page runtime.Object) string {
	first := ""
	_ = meta.EachListItem(page, func(o runtime.Object) error {
		if item, err := meta.Accessor(o); err == nil {
			first = item.GetNamespace() + "/" + item.GetName()
		}
		return errEnough
	})
	return first
}
