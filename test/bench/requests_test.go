package main

import (
	"maps"
	"testing"

	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

func event(verb, uri string, o *auditv1.ObjectReference) auditv1.Event {
	return auditv1.Event{Verb: verb, RequestURI: uri, ObjectRef: o, UserAgent: agent + "dev"}
}

func TestListsOverAllNamespacesAreToldFromOtherRequests(t *testing.T) {
	pods := &auditv1.ObjectReference{APIVersion: "v1", Resource: "pods"}
	foreign := event("list", "/api/v1/pods", pods)
	foreign.UserAgent = "kubectl/v1.36.3"
	r := tally([]auditv1.Event{
		event("list", "/api/v1/pods?limit=500", pods),
		event("list", "/api/v1/pods?continue=x&limit=500", pods),
		event("list", "/api/v1/pods?labelSelector=app&limit=500", pods),
		event("list", "/api/v1/namespaces/istio-system/services", &auditv1.ObjectReference{
			APIVersion: "v1", Resource: "services", Namespace: "istio-system",
		}),
		event("get", "/version", nil),
		foreign,
	}, agent)
	if len(r.listed) != 2 || r.listed[0].requests != 2 || r.listed[0].limit != 500 || r.listed[1].labels != "app" {
		t.Errorf("listed: %+v", r.listed)
	}
	if want := map[string]int{"list services in istio-system": 1, "get /version": 1}; !maps.Equal(r.others, want) {
		t.Errorf("others: %v", r.others)
	}
	if r.total() != 5 {
		t.Errorf("%d requests in total", r.total())
	}
}

func TestAListOfNothingIsAPageToo(t *testing.T) {
	for _, c := range []struct {
		limit   int64
		objects int
		want    int
	}{{500, 0, 1}, {500, 500, 1}, {500, 501, 2}, {500, 10_001, 21}, {0, 10_001, 1}} {
		if got := (listed{kind: kind{limit: c.limit}, objects: c.objects}).pages(); got != c.want {
			t.Errorf("%d objects in pages of %d: got %d pages, want %d", c.objects, c.limit, got, c.want)
		}
	}
}

func TestWhatIsSentBeyondAPageIsConstant(t *testing.T) {
	r := &requests{
		listed: []listed{{kind: kind{limit: 500}, requests: 3, objects: 1001}, {kind: kind{limit: 500}, requests: 1, objects: 2}},
		others: map[string]int{"get configmaps in istio-system": 3},
	}
	if r.total() != 7 || r.pages() != 4 || r.constant() != 3 {
		t.Errorf("%d requests, %d pages, constant %d", r.total(), r.pages(), r.constant())
	}
}
