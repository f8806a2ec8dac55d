// Package probe requests URLs at an interval for as long as a run lasts, and tells how that went: it shows whether a
// service stayed available while its pods were replaced.
package probe

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

// DefaultInterval is the time between two requests to a URL where none is given.
const DefaultInterval = time.Second

// Options say what is requested and what is too much.
type Options struct {
	// URLs are such as ParseURL returns. They are not changed.
	URLs []*url.URL
	// Interval is the time from the beginning of a request to that of the next one to the same URL; DefaultInterval where it
	// is not positive.
	Interval time.Duration
	// MaxErrorRate is the share of errors, 0 to 1, that is not to be exceeded for any URL. It is looked at from the first
	// request on. A negative one is no limit.
	MaxErrorRate float64
	// Client makes the requests, though it never follows redirects. Nil for one that verifies certificates, connects anew for
	// each request and uses the proxy that the environment names.
	Client *http.Client
}

// Prober requests URLs until it is stopped. It may be used by several goroutines at once.
type Prober struct {
	interval time.Duration
	limit    float64
	client   *http.Client
	sites    []*site
	breached chan Breach
	stop     context.CancelFunc
	// running are the loop and the requests under way.
	running sync.WaitGroup

	// mu guards the sites and told.
	mu   sync.Mutex
	told bool
}

// Start requests every URL at once and then at each interval, until ctx ends or Stop is called. Whatever earlier requests
// do, the next ones begin in time; only a URL that has too many under way (see mostUnderWay) is passed over.
//
// An error is a request without an answer, or without a whole one, within Timeout, or with an answer of status 400 or more.
// A redirect is not followed: its status is the answer. A request that the end of the run cuts off is not counted.
func Start(ctx context.Context, o Options) *Prober {
	ctx, stop := context.WithCancel(ctx)
	p := &Prober{
		interval: o.Interval, limit: o.MaxErrorRate, client: clientFor(o.Client), breached: make(chan Breach, 1), stop: stop,
	}
	if p.interval <= 0 {
		p.interval = DefaultInterval
	}
	for _, u := range o.URLs {
		p.sites = append(p.sites, &site{url: u})
	}
	p.running.Go(func() { p.loop(ctx) })
	return p
}

// Breached returns the channel on which the first URL that exceeds the limit is told, once. It is never closed.
func (p *Prober) Breached() <-chan Breach { return p.breached }

// Now returns what was met so far, by a result for each URL in the order of Options.URLs.
func (p *Prober) Now() []v1alpha1.ProbeResult {
	p.mu.Lock()
	defer p.mu.Unlock()
	results := make([]v1alpha1.ProbeResult, 0, len(p.sites))
	for _, s := range p.sites {
		results = append(results, s.tally.result(s.url.Redacted()))
	}
	return results
}

// Stop ends the requests under way and returns what was met, as Now does. It may be called again.
func (p *Prober) Stop() []v1alpha1.ProbeResult {
	p.stop()
	p.running.Wait()
	return p.Now()
}
