package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Breach says that a URL met more errors than are allowed.
type Breach struct {
	// URL is without the password that it may have.
	URL string
	// Requests are those that had ended by then, Errors those of them that were errors.
	Requests, Errors int
	// Rate is Errors by Requests, Limit what it has exceeded; both 0 to 1.
	Rate, Limit float64
	// Last says in words what the last error was.
	Last string
}

// String says it in a sentence without its full stop.
func (b Breach) String() string {
	return fmt.Sprintf("%d of %d requests to %s failed (%s), which is more than the %s allowed; the last error: %s",
		b.Errors, b.Requests, b.URL, percent(b.Rate), percent(b.Limit), b.Last)
}

func percent(rate float64) string { return fmt.Sprintf("%.3g %%", 100*rate) }

// words says in a line what kind of error a request met.
func words(code int, err error) string {
	if err == nil {
		return strings.TrimSpace(fmt.Sprintf("status %d %s", code, http.StatusText(code)))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %s", Timeout)
	}
	// What the client adds is the URL, which the sentence has already.
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err
	}
	return "no answer: " + strings.Join(strings.Fields(err.Error()), " ")
}
