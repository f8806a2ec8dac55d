package main

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// How the plugins name themselves to the API server.
const (
	agent       = "kubectl-mesh-proxyver/"
	canaryAgent = "kubectl-mesh-canary/"
)

// kind is what a list over all namespaces asks for, in pages of limit objects; 0 is all at once.
type kind struct {
	resource       schema.GroupVersionResource
	labels, fields string
	limit          int64
}

// listed is a kind with how often it was asked for and how many objects there are.
type listed struct {
	kind
	requests, objects int
}

// pages returns how many pages the objects fill; a list of nothing is a page too.
func (l listed) pages() int {
	if l.limit == 0 {
		return 1
	}
	return max(1, (l.objects+int(l.limit)-1)/int(l.limit))
}

// requests is what one run of the plugin sent.
type requests struct {
	namespaces int
	listed     []listed       // over all namespaces
	others     map[string]int // by verb and resource
}

func (r *requests) total() int {
	sum := 0
	for _, l := range r.listed {
		sum += l.requests
	}
	for _, n := range r.others {
		sum += n
	}
	return sum
}

func (r *requests) pages() int {
	sum := 0
	for _, l := range r.listed {
		sum += l.pages()
	}
	return sum
}

// constant is what was sent beyond a request for each page.
func (r *requests) constant() int { return r.total() - r.pages() }

// tally sorts the events of whoever names itself so into lists over all namespaces and others.
func tally(events []auditv1.Event, agent string) *requests {
	r := &requests{others: map[string]int{}}
	lists := map[kind]int{}
	for _, e := range events {
		if !strings.HasPrefix(e.UserAgent, agent) {
			continue
		}
		if k, ok := kindOf(e); ok {
			lists[k]++
		} else {
			r.others[other(e)]++
		}
	}
	for k, n := range lists {
		r.listed = append(r.listed, listed{kind: k, requests: n})
	}
	slices.SortFunc(r.listed, func(a, b listed) int {
		return cmp.Or(cmp.Compare(a.resource.Resource, b.resource.Resource), cmp.Compare(a.labels, b.labels), cmp.Compare(a.fields, b.fields))
	})
	return r
}

// kindOf returns what is listed, if it is listed over all namespaces.
func kindOf(e auditv1.Event) (kind, bool) {
	uri, err := url.ParseRequestURI(e.RequestURI)
	if e.Verb != "list" || e.ObjectRef == nil || e.ObjectRef.Namespace != "" || err != nil {
		return kind{}, false
	}
	o, query := e.ObjectRef, uri.Query()
	limit, _ := strconv.ParseInt(query.Get("limit"), 10, 64)
	return kind{
		resource: schema.GroupVersionResource{Group: o.APIGroup, Version: o.APIVersion, Resource: o.Resource},
		labels:   query.Get("labelSelector"), fields: query.Get("fieldSelector"), limit: limit,
	}, true
}

// other describes a request that is no list over all namespaces.
func other(e auditv1.Event) string {
	switch o := e.ObjectRef; {
	case o == nil:
		return e.Verb + " " + e.RequestURI
	case o.Namespace == "":
		return e.Verb + " " + o.Resource
	default:
		return e.Verb + " " + o.Resource + " in " + o.Namespace
	}
}

// name is how the tables call the list.
func (l listed) name() string {
	name := "list " + l.resource.GroupResource().String()
	for _, selector := range []string{l.labels, l.fields} {
		if selector != "" {
			name += " with `" + selector + "`"
		}
	}
	return name
}
