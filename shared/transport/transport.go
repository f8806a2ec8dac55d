// Package transport makes a client's requests endure what networks and busy servers do to them, and names what they
// cannot endure so that a person can act on it.
package transport

import (
	"context"
	"net/http"

	"k8s.io/client-go/rest"
)

// Wrap makes the configuration's clients endure: a busy server is asked again, reads whose connection is cut are asked
// again, and answers that take too long or are no API server's end in an error that says so. Source for what client-go
// repeats by itself: rest.Request of k8s.io/client-go. Wrapping what is wrapped changes nothing.
func Wrap(config *rest.Config) {
	timeout := config.Timeout
	// Timed here, a request ends in a better error than net/http's.
	config.Timeout = 0
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		if _, wrapped := next.(whole); wrapped {
			return next
		}
		return whole{polite{genuine{timed{next, timeout}}}}
	})
}

type streamed struct{}

// Streamed marks requests of the context as ones whose answers are read while they arrive. Who reads so sees to cut
// connections by himself.
func Streamed(ctx context.Context) context.Context { return context.WithValue(ctx, streamed{}, true) }

func isStreamed(r *http.Request) bool {
	return r.Context().Value(streamed{}) != nil || isWatch(r)
}

func isWatch(r *http.Request) bool { return r.URL.Query().Has("watch") }
