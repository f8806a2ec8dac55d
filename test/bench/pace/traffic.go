package main

import (
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/types"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

// agent is how the plugin names itself to the API server.
const agent = "kubectl-mesh-reinject/"

// traffic is what one run of the plugin sent.
type traffic struct {
	// lists and watches are those of different things; a list's further pages and a watch that was begun anew are counted apart.
	lists, pages, watches, again int
	dryRuns, patches, others     int
	// workloads is how many were patched, mostPatches how often the one that was patched most often.
	workloads, mostPatches int
	// asking is how long the dry runs took together.
	asking time.Duration
}

// tally sorts the plugin's requests.
func tally(events []auditv1.Event) *traffic {
	t := &traffic{}
	seen, watched, patched := map[types.UID]bool{}, map[string]bool{}, map[string]int{}
	for _, e := range events {
		// A watch is in the log when it begins, and again when it ends.
		if seen[e.AuditID] {
			continue
		}
		seen[e.AuditID] = true
		t.add(e, watched, patched)
	}
	t.workloads = len(patched)
	for _, n := range patched {
		t.mostPatches = max(t.mostPatches, n)
	}
	return t
}

func (t *traffic) add(e auditv1.Event, watched map[string]bool, patched map[string]int) {
	uri, err := url.ParseRequestURI(e.RequestURI)
	if err != nil || e.ObjectRef == nil {
		t.others++
		return
	}
	query := uri.Query()
	switch what := uri.Path + query.Get("fieldSelector"); {
	case e.Verb == "list" && query.Has("continue"):
		t.pages++
	case e.Verb == "list":
		t.lists++
	case e.Verb == "watch" && watched[what]:
		t.again++
	case e.Verb == "watch":
		watched[what] = true
		t.watches++
	case e.Verb == "create" && query.Has("dryRun"):
		t.dryRuns++
		t.asking += e.StageTimestamp.Sub(e.RequestReceivedTimestamp.Time)
	case e.Verb == "patch":
		t.patches++
		patched[uri.Path]++
	default:
		t.others++
	}
}
