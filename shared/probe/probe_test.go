package probe

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// service answers without a network, on the test's own clock.
type service func(*http.Request) (*http.Response, error)

func (s service) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// replies answers with the code after a while, unless the request ends before.
func replies(code int, after time.Duration) service {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(after):
			return &http.Response{StatusCode: code, Body: http.NoBody, Request: r}, nil
		}
	}
}

// byHost answers each host in its own way.
func byHost(hosts map[string]service) service {
	return func(r *http.Request) (*http.Response, error) { return hosts[r.URL.Host](r) }
}

func probing(t *testing.T, o Options, answers service, urls ...string) *Prober {
	t.Helper()
	for _, u := range urls {
		o.URLs = append(o.URLs, parsed(t, u))
	}
	o.Client = &http.Client{Transport: answers}
	return Start(t.Context(), o)
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const unlimited = -1

func TestRequestsBeginAtOnceAndAtEachIntervalWhateverTheEarlierOnesDo(t *testing.T) {
	for _, c := range []struct {
		rule     string
		interval time.Duration
		answers  service
		after    time.Duration
		byCode   map[string]int
		gap      float64
	}{
		{"the first goes out at once", time.Minute, replies(200, 0), 0, map[string]int{"200": 1}, 0},
		{"then one each interval", time.Second, replies(200, 0), 3500 * time.Millisecond, map[string]int{"200": 4}, 0},
		{"without an interval, each second", 0, replies(200, 0), 3500 * time.Millisecond, map[string]int{"200": 4}, 0},
		{"slow ones delay none", time.Second, replies(200, 4*time.Second), 6500 * time.Millisecond, map[string]int{"200": 3}, 0},
		{"no answer within the time allowed is an error", time.Second, replies(200, time.Hour), 7500 * time.Millisecond, map[string]int{"error": 3}, 2},
		{"a long interval allows no longer", time.Minute, replies(200, time.Hour), Timeout, map[string]int{"error": 1}, 0},
		{"errors last from the first to the last", time.Second, replies(503, 0), 3500 * time.Millisecond, map[string]int{"503": 4}, 3},
	} {
		t.Run(c.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probing(t, Options{Interval: c.interval, MaxErrorRate: unlimited}, c.answers, "http://shop/")
				wait(c.after)
				now := p.Now()
				// What the end cuts off is not counted.
				for i, got := range append(now, p.Stop()...) {
					if !maps.Equal(got.ByCode, c.byCode) || got.LongestGapSeconds != c.gap || got.URL != "http://shop/" {
						t.Errorf("result %d: %+v", i, got)
					}
				}
			})
		})
	}
}

func TestAURLThatDoesNotAnswerDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most, underWay atomic.Int64
		hangs := func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), underWay.Add(1)))
			defer underWay.Add(-1)
			return replies(200, time.Hour)(r)
		}
		p := probing(t, Options{Interval: 10 * time.Millisecond, MaxErrorRate: unlimited},
			byHost(map[string]service{"hangs": hangs, "shop": replies(200, 0)}), "http://hangs", "http://shop")
		wait(Timeout - time.Millisecond)
		if got := p.Now(); got[0].Requests != 0 || got[1].Requests != 500 {
			t.Errorf("got %+v", got)
		}
		wait(time.Second)
		if got := p.Stop(); got[0].Errors != mostUnderWay || got[1].Requests != 600 || most.Load() != mostUnderWay {
			t.Errorf("got %+v, with %d under way", got, most.Load())
		}
		for _, s := range p.sites {
			if len(s.tally.waiting) > 1 {
				t.Errorf("%s keeps %d requests one by one", s.url, len(s.tally.waiting))
			}
		}
	})
}

// alternating fails every other request, beginning with one that goes well.
func alternating() service {
	var n atomic.Int64
	return func(r *http.Request) (*http.Response, error) {
		code := 200
		if n.Add(1)%2 == 0 {
			code = 500
		}
		return replies(code, 0)(r)
	}
}

func TestABreachIsToldOnceAndOnlyAboveTheLimit(t *testing.T) {
	for _, c := range []struct {
		rule    string
		limit   float64
		answers service
		want    []Breach
	}{
		{"any error is too much at 0", 0, alternating(), []Breach{{URL: "http://me:xxxxx@shop/", Requests: 2, Errors: 1, Rate: 0.5, Last: "status 500 Internal Server Error"}}},
		{"what is not above the limit is none", 0.5, alternating(), nil},
		{"nothing is above all", 1, replies(500, 0), nil},
		{"a negative limit is none", unlimited, replies(500, 0), nil},
		{"no errors are none at 0", 0, replies(200, 0), nil},
		{"no answer is an error", 0.5, replies(200, time.Hour), []Breach{{URL: "http://me:xxxxx@shop/", Requests: 1, Errors: 1, Rate: 1, Limit: 0.5, Last: "no answer within 5s"}}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := probing(t, Options{MaxErrorRate: c.limit}, c.answers, "http://me:secret@shop/")
				wait(10500 * time.Millisecond)
				p.Stop()
				var got []Breach
				for len(p.Breached()) > 0 {
					got = append(got, <-p.Breached())
				}
				if len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
					t.Errorf("got  %+v\nwant %+v", got, c.want)
				}
			})
		})
	}
}

func TestTheEndOfTheContextEndsRequestsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var ended atomic.Bool
		p := Start(ctx, Options{URLs: []*url.URL{parsed(t, "http://shop")}, Client: &http.Client{Transport: service(func(r *http.Request) (*http.Response, error) {
			defer ended.Store(true)
			return replies(200, time.Hour)(r)
		})}})
		synctest.Wait()
		cancel()
		synctest.Wait()
		if !ended.Load() {
			t.Error("the request is still under way")
		}
		if got := p.Stop(); got[0].Requests != 0 || len(p.Breached()) > 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestStoppingAgainTellsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := probing(t, Options{MaxErrorRate: unlimited}, replies(200, 0), "http://a", "http://b")
		wait(2500 * time.Millisecond)
		p.Stop()
		wait(time.Minute)
		got := p.Stop()
		if len(got) != 2 || got[0].URL != "http://a" || got[1].URL != "http://b" || got[0].Requests != 3 || got[1].Requests != 3 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNoURLsAreNoRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := probing(t, Options{}, nil).Stop(); got == nil || len(got) != 0 {
			t.Errorf("got %v", got)
		}
	})
}
