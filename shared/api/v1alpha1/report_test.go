package v1alpha1

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

func TestStatusesInTheirOrderOfPrecedence(t *testing.T) {
	want := []Status{"unknown", "missing", "orphaned", "unexpected", "outdated", "ahead", "mismatched", "current", "none"}
	if got := Statuses(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestASummaryCountsPodsAndTheirProxies(t *testing.T) {
	proxy := func(version, revision string) *Proxy { return &Proxy{Version: version, Revision: revision} }
	got := NewProxyReport([]ProxyItem{
		{Status: Current, Proxy: proxy("1.22.0", "1-22")}, {Status: Current, Proxy: proxy("1.22.0", "1-23")},
		{Status: Missing}, {Status: Mismatched, Proxy: proxy("", "")},
	}).Summary
	want := ProxySummary{
		Pods: 4, ByStatus: map[Status]int{Current: 2, Missing: 1, Mismatched: 1},
		ByVersion: map[string]int{"1.22.0": 2, "": 1}, ByRevision: map[string]int{"1-22": 1, "1-23": 1, "": 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestTheSchema holds the fields that users script against: those of the full object are all there are, those of the
// bare one are never left out.
func TestTheSchema(t *testing.T) {
	full := ProxyItem{
		Namespace: "n", Pod: "p", Node: "o", Workload: Workload{Kind: "k", Name: "w"}, Type: "t",
		Proxy:    &Proxy{Image: "i", Version: "v", Revision: "r", Native: true},
		Expected: Expected{Injected: true, Image: "i", Version: "v", Revision: "r", Tag: "g"},
		Status:   Current, Reason: "b", Ready: true, Phase: "h",
	}
	for _, c := range []struct{ rule, want string }{
		{"full", `{"namespace":"n","pod":"p","node":"o","workload":{"kind":"k","name":"w"},"type":"t",` +
			`"proxy":{"image":"i","version":"v","revision":"r","native":true},` +
			`"expected":{"injected":true,"image":"i","version":"v","revision":"r","tag":"g"},` +
			`"status":"current","reason":"b","ready":true,"phase":"h"}`},
		{"bare", `{"namespace":"","pod":"","workload":{"kind":"","name":""},"type":"","expected":{"injected":false},` +
			`"status":"","reason":"","ready":false,"phase":""}`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			item := full
			if c.rule == "bare" {
				item = ProxyItem{}
			}
			got, err := json.Marshal(item)
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
	report, err := json.Marshal(NewProxyReport(nil))
	want := `{"kind":"ProxyReport","apiVersion":"mesh.kubectl.dev/v1alpha1","items":[],` +
		`"summary":{"pods":0,"byStatus":{},"byVersion":{},"byRevision":{}}}`
	if err != nil || string(report) != want {
		t.Errorf("got %s, %v", report, err)
	}
}

func TestACopyOfAReportIsAReport(t *testing.T) {
	r := NewProxyReport([]ProxyItem{{Pod: "p"}})
	c, ok := r.DeepCopyObject().(*ProxyReport)
	if !ok || c == r || !reflect.DeepEqual(c, r) {
		t.Errorf("got %+v", c)
	}
}
