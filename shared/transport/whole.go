package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
)

// whole reads answers before client-go does: client-go repeats a read whose connection is cut before the answer, but not
// one that is cut within it.
type whole struct{ next http.RoundTripper }

func (w whole) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodGet || isStreamed(r) {
		return answer, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, cut(r, err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}

// cut returns an error that client-go takes for a cut connection, unless the request was given up. Source:
// IsProbableEOF in k8s.io/apimachinery/pkg/util/net.
func cut(r *http.Request, err error) error {
	var timeout net.Error
	if r.Context().Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return err
	}
	return io.ErrUnexpectedEOF
}
