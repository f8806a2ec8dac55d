package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// NamespaceResource is where namespaces are listed.
var NamespaceResource = corev1.SchemeGroupVersion.WithResource("namespaces")

// EachPage lists page by page and calls do for every item, in the order of the server. A page is fetched while the one
// before it is worked on. A list that expires between two pages goes on as the server offers, with objects as they are by
// then, or is begun anew, as one whole, so do has to bear items that it has had. An error of do ends the listing and is
// returned; ErrCircle where the server sends pages that it has sent.
func EachPage(ctx context.Context, chunk int64, options metav1.ListOptions, list pager.ListPageFunc, do func(runtime.Object) error) error {
	begun := false
	item := func(o runtime.Object) error {
		begun = true
		return do(o)
	}
	err := eachPage(ctx, chunk, options, list, item)
	if chunk > 0 && Expired(err) {
		if options.Continue = Continuation(err); options.Continue == "" {
			chunk = 0
		}
		err = eachPage(ctx, chunk, options, list, item)
	}
	if begun && apierrors.IsNotFound(err) {
		return fmt.Errorf("the list broke off: %v", err)
	}
	return err
}

// Continuation returns the token by which an expired list can be continued, empty where the server offers none.
func Continuation(expired error) string {
	var status apierrors.APIStatus
	if errors.As(expired, &status) {
		return status.Status().Continue
	}
	return ""
}

func eachPage(ctx context.Context, chunk int64, options metav1.ListOptions, list pager.ListPageFunc, do func(runtime.Object) error) error {
	p := pager.New(onCourse(list))
	p.PageSize = chunk
	p.PageBufferSize = 1
	return p.EachListItem(ctx, options, do)
}

// Expired says whether an error means that a list, of which some pages were read, cannot be continued as it was.
func Expired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

// Everywhere calls list for the namespace; for all of them, given as "", with one call or, where that is forbidden,
// namespace by namespace, as far as the caller may. The gap is nil where nothing was refused, and names the namespaces
// that were, none where every one was. The error is that of a list that failed for another reason.
func (c *Clients) Everywhere(ctx context.Context, what, namespace string, list func(namespace string) error) (*Gap, error) {
	first := list(namespace)
	gap, err := Outcome(what, first)
	if gap == nil || namespace != "" {
		return gap, err
	}
	namespaces, err := c.namespaceNames(ctx)
	if err != nil {
		return nil, err
	}
	var refused []string
	for _, name := range namespaces {
		if err := list(name); apierrors.IsForbidden(err) {
			refused = append(refused, name)
		} else if _, err := Outcome(what+" in namespace "+name, err); err != nil {
			return nil, err
		}
	}
	switch {
	case len(refused) == len(namespaces):
		return gap, nil
	case len(refused) == 0:
		return nil, nil
	default:
		return &Gap{Missing: what + " in " + someOf(refused), Namespaces: refused, Err: first}, nil
	}
}

// namespaceNames returns the names of the cluster's namespaces, sorted, none where the caller may not list them.
func (c *Clients) namespaceNames(ctx context.Context) ([]string, error) {
	var names []string
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return c.Metadata.Resource(NamespaceResource).List(ctx, o)
	}
	err := EachPage(ctx, namespacePage, metav1.ListOptions{}, list, func(o runtime.Object) error {
		names = append(names, o.(*metav1.PartialObjectMetadata).Name)
		return nil
	})
	if _, err := Outcome("namespaces", err); err != nil {
		return nil, err
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

const namespacePage = 500

// someOf names the first of the namespaces, and says how many more there are.
func someOf(namespaces []string) string {
	const shown = 3
	if more := len(namespaces) - shown; more > 0 {
		return fmt.Sprintf("namespaces %s and %d more", strings.Join(namespaces[:shown], ", "), more)
	}
	if len(namespaces) == 1 {
		return "namespace " + namespaces[0]
	}
	return "namespaces " + strings.Join(namespaces, ", ")
}
