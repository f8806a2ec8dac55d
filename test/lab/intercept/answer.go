package intercept

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
	"k8s.io/client-go/kubernetes/scheme"
)

// Refuse answers with the error as an API server words it, without asking the real one. Package apierrors makes them:
// NewConflict (409), NewTooManyRequests (429, with Retry-After), NewInternalError (500), NewResourceExpired (410).
func Refuse(err *apierrors.StatusError) Answer {
	return func(w http.ResponseWriter, r *Request) {
		status := err.Status()
		if details := status.Details; details != nil && details.RetryAfterSeconds > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(details.RetryAfterSeconds))
		}
		WriteObject(w, r, int(status.Code), &status)
	}
}

// Text answers with something that is no object; headers are names and values in turn.
func Text(code int, contentType, body string, header ...string) Answer {
	return func(w http.ResponseWriter, _ *Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// WriteObject answers with an object, in the encoding that was asked for.
func WriteObject(w http.ResponseWriter, r *Request, code int, o runtime.Object) {
	kind, encoder := runtime.ContentTypeJSON, runtime.Encoder(scheme.Codecs.LegacyCodec(corev1.SchemeGroupVersion))
	if strings.HasPrefix(r.Header.Get("Accept"), runtime.ContentTypeProtobuf) {
		kind = runtime.ContentTypeProtobuf
		encoder = scheme.Codecs.EncoderForVersion(protobuf.NewSerializer(scheme.Scheme, scheme.Scheme), corev1.SchemeGroupVersion)
	}
	body, err := runtime.Encode(encoder, o)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

// Delay lets the request through after that time.
func Delay(by time.Duration) Answer {
	return func(w http.ResponseWriter, r *Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(by):
			r.Gate.Pass(w, r)
		}
	}
}

// Hang never answers.
func Hang(_ http.ResponseWriter, r *Request) { <-r.Context().Done() }

// HangWithin sends most of the answer and nothing more.
func HangWithin(w http.ResponseWriter, r *Request) {
	most(w, r)
	<-r.Context().Done()
}

// CutBefore drops the connection, and the API server hears nothing of the request.
func CutBefore(http.ResponseWriter, *Request) { panic(http.ErrAbortHandler) }

// CutAfter drops the connection once the API server has done what was asked, and its answer is lost.
func CutAfter(_ http.ResponseWriter, r *Request) {
	r.Gate.Fetch(r)
	panic(http.ErrAbortHandler)
}

// CutWithin drops the connection within the answer.
func CutWithin(w http.ResponseWriter, r *Request) {
	most(w, r)
	panic(http.ErrAbortHandler)
}

// most sends the API server's answer without its last quarter.
func most(w http.ResponseWriter, r *Request) {
	resp, body := r.Gate.Fetch(r)
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body[:len(body)*3/4])
	_ = http.NewResponseController(w).Flush()
}

// Fetch returns the API server's own answer, which is not a watch's: those have no end. Where there is none, the
// client's connection is dropped.
func (g *Gate) Fetch(r *Request) (*http.Response, []byte) {
	resp := g.Begin(r)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return resp, body
}

// Begin returns the API server's own answer with its body still to be read, and to be closed. Where there is none, the
// client's connection is dropped.
func (g *Gate) Begin(r *Request) *http.Response {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host, out.Host = g.target.Scheme, g.target.Host, ""
	resp, err := g.transport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return resp
}
