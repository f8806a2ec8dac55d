package probe

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Timeout is how long an answer may take, the beginning of its body included. It is the same for every interval, so that a
// service does not pass or fail by how often it is asked.
const Timeout = 5 * time.Second

// enough is how much of a body is read, in bytes. A server that dies while it answers shows in the body only.
const enough = 64 << 10

// clientFor returns a client that asks as the given one does, or the default one, and follows no redirects.
func clientFor(given *http.Client) *http.Client {
	c := &http.Client{}
	if given != nil {
		*c = *given
	} else {
		c.Transport = transport()
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// transport connects anew for each request. A connection that is kept would stay with one of a Service's pods and say
// nothing of the others, and what fails on it is tried again in silence.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DisableKeepAlives = true
	return t
}

// ask requests the URL and returns the status code of the answer. The error says why there is none, or none that is whole
// as far as it is read.
func ask(ctx context.Context, client *http.Client, u *url.URL) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("User-Agent", "kubectl-mesh")
	// An answer that a cache has kept says nothing of the service.
	request.Header.Set("Cache-Control", "no-cache")
	answer, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	if _, err := io.CopyN(io.Discard, answer.Body, enough); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return answer.StatusCode, nil
}
