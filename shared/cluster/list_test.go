package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metadatafake "k8s.io/client-go/metadata/fake"
)

// pages lists ten items; a token is where the next page begins. fault stands in for the answer to the n-th request.
func pages(fault func(n int, o metav1.ListOptions) (runtime.Object, error)) (func(context.Context, metav1.ListOptions) (runtime.Object, error), *[]string) {
	var asked []string
	return func(_ context.Context, o metav1.ListOptions) (runtime.Object, error) {
		asked = append(asked, fmt.Sprintf("%s/%d", o.Continue, o.Limit))
		if page, err := fault(len(asked), o); page != nil || err != nil {
			return page, err
		}
		const all = 10
		start, _ := strconv.Atoi(o.Continue)
		end := all
		list := &metav1.PartialObjectMetadataList{}
		if o.Limit > 0 && start+int(o.Limit) < all {
			end = start + int(o.Limit)
			list.Continue = strconv.Itoa(end)
		}
		for i := start; i < end; i++ {
			list.Items = append(list.Items, item(fmt.Sprint(i)))
		}
		return list, nil
	}, &asked
}

func item(name string) metav1.PartialObjectMetadata {
	return metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
}

func each(t *testing.T, chunk int64, fault func(n int, o metav1.ListOptions) (runtime.Object, error)) (names string, asked []string, err error) {
	t.Helper()
	list, requests := pages(fault)
	err = EachPage(t.Context(), chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
		names += o.(*metav1.PartialObjectMetadata).Name
		return nil
	})
	return names, *requests, err
}

func none(int, metav1.ListOptions) (runtime.Object, error) { return nil, nil }

func TestPagesComeInOrder(t *testing.T) {
	names, asked, err := each(t, 4, none)
	if want := []string{"/4", "4/4", "8/4"}; names != "0123456789" || !slices.Equal(asked, want) || err != nil {
		t.Errorf("got %s, asked %q, %v", names, asked, err)
	}
}

func TestAListThatExpiresIsBegunAnewAsAWhole(t *testing.T) {
	for name, gone := range map[string]error{
		"as API servers say": apierrors.NewResourceExpired("too old"),
		"as a proxy says":    apierrors.NewGenericServerResponse(410, "get", schema.GroupResource{Resource: "jobs"}, "", "", 0, true),
	} {
		names, asked, err := each(t, 4, func(n int, _ metav1.ListOptions) (runtime.Object, error) {
			if n == 2 {
				return nil, gone
			}
			return nil, nil
		})
		if want := []string{"/4", "4/4", "/0"}; names != "01230123456789" || !slices.Equal(asked, want) || err != nil {
			t.Errorf("%s: got %s, asked %q, %v", name, names, asked, err)
		}
	}
}

func TestAListThatIsAlwaysExpiredIsAnError(t *testing.T) {
	_, asked, err := each(t, 4, func(int, metav1.ListOptions) (runtime.Object, error) {
		return nil, apierrors.NewResourceExpired("too old")
	})
	if !Expired(err) || len(asked) != 2 {
		t.Errorf("asked %q, %v", asked, err)
	}
}

func TestAListThatGoesInACircleEnds(t *testing.T) {
	for name, token := range map[string]func(n int) string{
		"with the same token":     func(int) string { return "t" },
		"with tokens in turn":     func(n int) string { return strconv.Itoa(n % 2) },
		"with a new token a page": func(n int) string { return strings.Repeat("t", n) },
	} {
		for _, items := range [][]metav1.PartialObjectMetadata{{item("a"), item("b")}, nil} {
			if items == nil && name == "with a new token a page" {
				continue // No different from a server that filters what it sends.
			}
			names, asked, err := each(t, 4, func(n int, _ metav1.ListOptions) (runtime.Object, error) {
				return &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{Continue: token(n)}, Items: items}, nil
			})
			if !errors.Is(err, ErrCircle) || len(asked) > 3 || len(names) > 4 {
				t.Errorf("%s: got %s, asked %q, %v", name, names, asked, err)
			}
		}
	}
}

func TestAPageMayBeAskedForAgain(t *testing.T) {
	var c Course
	for range 2 {
		if err := errors.Join(c.Turn("", "1"), c.Start("", "a"), c.Turn("1", "2"), c.Start("1", "b"), c.Turn("2", ""), c.Start("2", "")); err != nil {
			t.Error(err)
		}
	}
}

// namespaced are clients of a cluster with these namespaces.
func namespaced(names ...string) *Clients {
	scheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		panic(err)
	}
	var objects []runtime.Object
	for _, name := range names {
		objects = append(objects, &metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: name},
		})
	}
	return &Clients{Metadata: metadatafake.NewSimpleMetadataClient(scheme, objects...)}
}

func TestEverywhereGoesNamespaceByNamespaceWhereItMust(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))
	broken := errors.New("etcd is gone")
	refusing := func(names ...string) map[string]error {
		refusals := map[string]error{}
		for _, n := range names {
			refusals[n] = forbidden
		}
		return refusals
	}
	for name, c := range map[string]struct {
		namespace  string
		refuse     map[string]error
		asked      string
		gap, err   string
		namespaces []string
	}{
		"where nothing is refused":           {asked: "*"},
		"where one namespace is asked for":   {namespace: "a", refuse: refusing("a"), asked: "a", gap: "cannot read pods: " + forbidden.Error()},
		"where the whole is refused":         {refuse: refusing(""), asked: "* a b c d e"},
		"where all are refused":              {refuse: refusing("", "a", "b", "c", "d", "e"), asked: "* a b c d e", gap: "cannot read pods: " + forbidden.Error()},
		"where one is refused":               {refuse: refusing("", "b"), asked: "* a b c d e", gap: "cannot read pods in namespace b: " + forbidden.Error(), namespaces: []string{"b"}},
		"where some are refused":             {refuse: refusing("", "a", "b", "c", "e"), asked: "* a b c d e", gap: "cannot read pods in namespaces a, b, c and 1 more: " + forbidden.Error(), namespaces: []string{"a", "b", "c", "e"}},
		"where the cluster fails":            {refuse: map[string]error{"": broken}, asked: "*", err: "reading pods: etcd is gone"},
		"where the cluster fails on the way": {refuse: map[string]error{"": forbidden, "b": broken}, asked: "* a b", err: "reading pods in namespace b: etcd is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			gap, err := namespaced("e", "d", "c", "b", "a").Everywhere(t.Context(), "pods", c.namespace, func(namespace string) error {
				shown := namespace
				if shown == "" {
					shown = "*"
				}
				asked = append(asked, shown)
				return c.refuse[namespace]
			})
			if strings.Join(asked, " ") != c.asked {
				t.Errorf("asked %v", asked)
			}
			if (gap != nil) != (c.gap != "") || gap != nil && (gap.Error() != c.gap || !slices.Equal(gap.Namespaces, c.namespaces)) {
				t.Errorf("gap %v", gap)
			}
			if (err != nil) != (c.err != "") || err != nil && err.Error() != c.err {
				t.Errorf("error %v", err)
			}
		})
	}
}
