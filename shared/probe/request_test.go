package probe

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// serve answers by path; connections counts those that the server has met.
func serve(t *testing.T, start func(*httptest.Server)) (server *httptest.Server, connections map[string]bool) {
	connections = map[string]bool{}
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(_ http.ResponseWriter, r *http.Request) { connections[r.RemoteAddr] = true })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/down", http.StatusFound) })
	mux.HandleFunc("/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/mine", func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 1024)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
	})
	mux.HandleFunc("/dies", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	server = httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	start(server)
	t.Cleanup(server.Close)
	return server, connections
}

func parsed(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := ParseURL(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestWhatAServerAnswers(t *testing.T) {
	server, connections := serve(t, (*httptest.Server).Start)
	for _, c := range []struct {
		rule, path string
		code       int
		fails      bool
	}{
		{"success", "/ok", 200, false},
		{"once more, on another connection", "/ok", 200, false},
		{"a redirect is not followed", "/moved", 302, false},
		{"an error of the server is an answer", "/down", 503, false},
		{"an endless body is not read to its end", "/endless", 200, false},
		{"a body that breaks off is no answer", "/broken", 0, true},
		{"a connection that breaks is none", "/dies", 0, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			code, err := ask(t.Context(), clientFor(nil), parsed(t, server.URL+c.path))
			if code != c.code || (err != nil) != c.fails {
				t.Errorf("got %d, %v", code, err)
			}
		})
	}
	if len(connections) != 2 {
		t.Errorf("two requests came on %d connections", len(connections))
	}
}

func TestCredentialsAreSentAndNotShown(t *testing.T) {
	server, _ := serve(t, (*httptest.Server).Start)
	at := parsed(t, strings.Replace(server.URL, "http://", "http://me:secret@", 1)+"/mine")
	if code, err := ask(t.Context(), clientFor(nil), at); code != 200 || err != nil {
		t.Errorf("got %d, %v", code, err)
	}
	at.Path = "/dies"
	code, err := ask(t.Context(), clientFor(nil), at)
	if got := words(code, err); err == nil || strings.Contains(got, "secret") || got != "no answer: EOF" {
		t.Errorf("got %q of %v", got, err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	server, _ := serve(t, (*httptest.Server).StartTLS)
	at := parsed(t, server.URL+"/moved")
	code, err := ask(t.Context(), clientFor(nil), at)
	if err == nil || !strings.Contains(words(code, err), "certificate") {
		t.Errorf("got %d, %v", code, err)
	}
	if code, err := ask(t.Context(), clientFor(server.Client()), at); code != 302 || err != nil {
		t.Errorf("with a client that trusts it: got %d, %v", code, err)
	}
	if server.Client().CheckRedirect != nil {
		t.Error("the client that was given is changed")
	}
}

func TestABreachIsASentence(t *testing.T) {
	b := Breach{URL: "http://shop/", Requests: 40, Errors: 3, Rate: 0.075, Limit: 0.05, Last: words(503, nil)}
	want := "3 of 40 requests to http://shop/ failed (7.5 %), which is more than the 5 % allowed; the last error: status 503 Service Unavailable"
	if got := b.String(); got != want {
		t.Errorf("got %s", got)
	}
	for want, err := range map[string]error{
		"no answer: connection refused": &url.Error{Op: "Get", URL: "http://me@shop/", Err: errors.New("connection\nrefused")},
		"no answer: EOF":                io.EOF,
	} {
		if got := words(0, err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := words(599, nil); got != "status 599" {
		t.Errorf("got %q", got)
	}
}
