package transport

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// BusyError says that the server asks for more patience than anybody has who sits before a terminal.
type BusyError struct {
	// Status is the answer's, such as "429 Too Many Requests".
	Status string
	Wait   time.Duration
}

// Error says how long the server asks to wait.
func (e *BusyError) Error() string {
	return fmt.Sprintf("the server is busy (%s) and asks to wait %s before the next request", e.Status, e.Wait)
}

const (
	retryAfter = "Retry-After"
	// usualWait is what API servers themselves ask for. Source: tooManyRequests in
	// k8s.io/apiserver/pkg/server/filters.
	usualWait = time.Second
	// longestWait is the most that is waited between two requests.
	longestWait = 30 * time.Second
)

// polite sees to it that client-go asks a busy server again, which it does only where the answer says when, and that
// nobody waits for hours. It keeps to reads: a refused eviction is an answer, and comes as 429 too.
type polite struct{ next http.RoundTripper }

func (p polite) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := p.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || !busy(answer) {
		return answer, err
	}
	wait, said := waitOf(answer.Header.Get(retryAfter), time.Now())
	switch {
	case wait > longestWait:
		answer.Body.Close()
		return nil, &BusyError{Status: answer.Status, Wait: wait}
	case said:
		answer.Header.Set(retryAfter, seconds(wait))
	case answer.StatusCode == http.StatusTooManyRequests:
		answer.Header.Set(retryAfter, seconds(usualWait))
	}
	return answer, nil
}

// busy says whether client-go heeds the answer's Retry-After.
func busy(answer *http.Response) bool {
	return answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= http.StatusInternalServerError
}

// waitOf reads the header, which is a number of seconds or, from proxies, a date. It returns false where it is neither.
func waitOf(header string, now time.Time) (time.Duration, bool) {
	if n, err := strconv.Atoi(header); err == nil && n >= 0 {
		// A number that is no Duration any more is no less absurd.
		return time.Duration(min(n, int(time.Duration(1<<62)/time.Second))) * time.Second, true
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now).Round(time.Second)), true
	}
	return 0, false
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
