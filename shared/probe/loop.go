package probe

import (
	"context"
	"net/url"
	"slices"
	"time"
)

// mostUnderWay is how many requests to one URL may be under way. A server that does not answer has as many as begin within
// Timeout, which is fewer at every interval from 80 milliseconds on.
const mostUnderWay = 64

// site is a URL and what it met.
type site struct {
	url   *url.URL
	tally tally
	// underWay has the beginnings of the requests that have not ended, in order.
	underWay []time.Time
}

func (p *Prober) loop(ctx context.Context) {
	ticker := time.NewTicker(p.interval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		for _, s := range p.sites {
			if begin, ok := p.begin(s); ok {
				p.running.Go(func() { p.request(ctx, s, begin) })
			}
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// begin notes that a request begins, unless too many are under way.
func (p *Prober) begin(s *site) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(s.underWay) >= mostUnderWay {
		return time.Time{}, false
	}
	now := time.Now()
	s.underWay = append(s.underWay, now)
	return now, true
}

func (p *Prober) request(ctx context.Context, s *site, begin time.Time) {
	code, err := ask(ctx, p.client, s.url)
	if err != nil && ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s.end(begin, code, err)
	if isError(code, err) {
		p.judge(s, words(code, err))
	}
}

// end counts a request that was begun.
func (s *site) end(begin time.Time, code int, err error) {
	s.tally.add(begin, code, err)
	i := slices.Index(s.underWay, begin)
	s.underWay = slices.Delete(s.underWay, i, i+1)
	oldest := time.Now()
	if len(s.underWay) > 0 {
		oldest = s.underWay[0]
	}
	s.tally.settle(oldest)
}

// judge tells of the first breach there is.
func (p *Prober) judge(s *site, last string) {
	rate := s.tally.rate()
	if p.told || p.limit < 0 || rate <= p.limit {
		return
	}
	p.told = true
	p.breached <- Breach{
		URL: s.url.Redacted(), Requests: s.tally.requests, Errors: s.tally.errors, Rate: rate, Limit: p.limit, Last: last,
	}
}
