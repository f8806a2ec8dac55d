package lease

import (
	"context"
	"net/http"

	"k8s.io/client-go/rest"
)

// Guarded returns the configuration of clients that ask before each request that changes something, and do not send it if that
// returns an error. Dry runs change nothing.
func Guarded(config *rest.Config, check func(context.Context) error) *rest.Config {
	config = rest.CopyConfig(config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return guard{next, check} })
	return config
}

type guard struct {
	next  http.RoundTripper
	check func(context.Context) error
}

// RoundTrip sends a request that may be sent.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if changes(r) {
		if err := g.check(r.Context()); err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, err
		}
	}
	return g.next.RoundTrip(r)
}

func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	default:
		return !r.URL.Query().Has("dryRun")
	}
}
