package intercept

import (
	"net/http"
	"slices"
	"sync"
)

// Fault answers in the API server's place and returns true, or returns false to let the request through, which it may
// have changed.
type Fault func(w http.ResponseWriter, r *Request) bool

// Answer is what a fault does to the requests that it befalls.
type Answer func(w http.ResponseWriter, r *Request)

// When befalls the requests that it holds true for.
func When(holds func(*Request) bool, do Answer) Fault {
	return func(w http.ResponseWriter, r *Request) bool {
		if holds(r) {
			do(w, r)
			return true
		}
		return false
	}
}

// Once befalls only the first of the requests that When would befall.
func Once(holds func(*Request) bool, do Answer) Fault { return Times(1, holds, do) }

// Times befalls the first n of the requests that When would befall.
func Times(n int, holds func(*Request) bool, do Answer) Fault {
	var mutex sync.Mutex
	return When(func(r *Request) bool {
		if !holds(r) {
			return false
		}
		mutex.Lock()
		defer mutex.Unlock()
		n--
		return n >= 0
	}, do)
}

// Any is the first of the faults that befalls a request.
func Any(faults ...Fault) Fault {
	return func(w http.ResponseWriter, r *Request) bool {
		for _, f := range faults {
			if f(w, r) {
				return true
			}
		}
		return false
	}
}

// Does holds for requests of that verb for that resource, or subresource where it is named as in "pods/eviction"; where
// names are given, only for the objects of those names.
func Does(verb, resource string, names ...string) func(*Request) bool {
	return func(r *Request) bool {
		a := r.Asked
		return a.Verb == verb && a.what() == resource && (len(names) == 0 || slices.Contains(names, a.Name))
	}
}

// Of holds for requests whose path ends so: lists of that kind, or the object of that name.
func Of(last string) func(*Request) bool {
	return func(r *Request) bool { return r.Last() == last }
}

// LaterOf holds for the requests of Of that ask for a list's later pages.
func LaterOf(last string) func(*Request) bool {
	return func(r *Request) bool { return r.Last() == last && r.Later() }
}

// First holds for the first time that each path is asked for.
func First(r *Request) bool { return r.Nth == 1 }

// All holds for everything.
func All(*Request) bool { return true }

func (r Record) what() string {
	if r.Subresource != "" {
		return r.Resource + "/" + r.Subresource
	}
	return r.Resource
}
