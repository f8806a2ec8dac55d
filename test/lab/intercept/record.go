package intercept

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"
)

// Record is a request that came to a gate, and how it was answered.
type Record struct {
	Verb        string // as Kubernetes has it: get, list, watch, create, update, patch, delete, deletecollection
	Group       string // of the resource, "" for the core's
	Resource    string // pods; "" where the path leads to no resource
	Subresource string // eviction
	Namespace   string
	Name        string
	Path        string
	Query       string // as it was sent
	ContentType string // of the body: which kind of patch
	Body        []byte // of a request that changes something
	Code        int    // of the answer; 0 while there is none, and where none was given
	At          time.Time
}

// Mutates tells whether the request changes something, unless it is a dry run.
func (r Record) Mutates() bool {
	switch r.Verb {
	case "create", "update", "patch", "delete", "deletecollection":
		return true
	}
	return false
}

// Request is one that comes to a gate.
type Request struct {
	*http.Request
	Gate  *Gate
	Asked Record // as it came
	Nth   int    // how often its path has come, counted from 1
}

// Last is the last part of the path: the kind of a list, the name of an object.
func (r *Request) Last() string { return path.Base(r.URL.Path) }

// Later tells whether another page came before.
func (r *Request) Later() bool { return r.URL.Query().Has("continue") }

// Records returns what has come, in its order.
func (g *Gate) Records() []Record {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	records := make([]Record, 0, len(g.records))
	for _, r := range g.records {
		records = append(records, *r)
	}
	return records
}

// Mutations returns those of the records that change something.
func (g *Gate) Mutations() []Record {
	var mutations []Record
	for _, r := range g.Records() {
		if r.Mutates() {
			mutations = append(mutations, r)
		}
	}
	return mutations
}

// begin records a request. The context of the returned one ends when the gate cuts it; done is to be called with its status.
func (g *Gate) begin(r *http.Request) (asked *Request, f Fault, done func(code int)) {
	record := recordOf(r)
	ctx, cancel := context.WithCancel(r.Context())
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.seen[r.URL.Path]++
	g.records = append(g.records, record)
	asked = &Request{Request: r.WithContext(ctx), Gate: g, Asked: *record, Nth: g.seen[r.URL.Path]}
	g.ongoing[asked] = cancel
	return asked, g.fault, func(code int) {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		record.Code = code
		delete(g.ongoing, asked)
		cancel()
	}
}

var infos = apirequest.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

// recordOf reads a request; a body that it reads is put back.
func recordOf(r *http.Request) *Record {
	record := &Record{
		Path: r.URL.Path, Query: r.URL.RawQuery, ContentType: r.Header.Get("Content-Type"), At: time.Now(),
	}
	if info, err := infos.NewRequestInfo(r); err == nil {
		record.Verb, record.Group, record.Resource, record.Subresource = info.Verb, info.APIGroup, info.Resource, info.Subresource
		record.Namespace, record.Name = info.Namespace, info.Name
	}
	if record.Mutates() && r.Body != nil {
		// What cannot be read here cannot be read further on either, which then says so.
		record.Body, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(record.Body))
	}
	return record
}
