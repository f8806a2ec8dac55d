package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const configMap = `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}`

// wrapped returns clients of a server that answers the n-th request, counted from 1, so.
func wrapped(t *testing.T, timeout time.Duration, answer func(n int32, w http.ResponseWriter, r *http.Request)) (*kubernetes.Clientset, *atomic.Int32) {
	t.Helper()
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer(asked.Add(1), w, r)
	}))
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL, QPS: -1, Timeout: timeout}
	Wrap(config)
	Wrap(config)
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return clients, &asked
}

func get(t *testing.T, clients *kubernetes.Clientset) error {
	t.Helper()
	got, err := clients.CoreV1().ConfigMaps("n").Get(t.Context(), "a", metav1.GetOptions{})
	if err == nil && got.Name != "a" {
		t.Errorf("got %+v", got)
	}
	return err
}

// stream reads the same as it arrives.
func stream(t *testing.T, clients *kubernetes.Clientset) error {
	t.Helper()
	body, err := clients.CoreV1().RESTClient().Get().AbsPath("/api/v1/namespaces/n/configmaps/a").Stream(Streamed(t.Context()))
	if err != nil {
		return err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err == nil && string(text) != configMap {
		t.Errorf("got %s", text)
	}
	return err
}

func TestABusyServerIsAskedAgainAsItWishes(t *testing.T) {
	for header, atLeast := range map[string]time.Duration{"": time.Second, "0": 0, "1": time.Second, "soon": time.Second} {
		for name, read := range map[string]func(*testing.T, *kubernetes.Clientset) error{"whole": get, "streamed": stream} {
			t.Run(name+" "+header, func(t *testing.T) {
				t.Parallel()
				clients, asked := wrapped(t, 0, func(n int32, w http.ResponseWriter, _ *http.Request) {
					if n == 1 {
						if header != "" {
							w.Header().Set("Retry-After", header)
						}
						w.WriteHeader(http.StatusTooManyRequests)
						return
					}
					_, _ = io.WriteString(w, configMap)
				})
				start := time.Now()
				if err := read(t, clients); err != nil || asked.Load() != 2 {
					t.Errorf("asked %d times, %v", asked.Load(), err)
				}
				if took := time.Since(start); took < atLeast {
					t.Errorf("took %s, want %s", took, atLeast)
				}
			})
		}
	}
}

func TestAServerThatStaysBusyIsNotAskedForEver(t *testing.T) {
	clients, asked := wrapped(t, 0, func(_ int32, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if err := get(t, clients); !apierrors.IsTooManyRequests(err) || asked.Load() != 11 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

func TestNobodyWaitsForAnHour(t *testing.T) {
	for header, want := range map[string]string{
		"3600":                 "the server is busy (503 Service Unavailable) and asks to wait 1h0m0s before the next request",
		"31":                   "the server is busy (503 Service Unavailable) and asks to wait 31s before the next request",
		"99999999999999999999": "", // no number at all, so what client-go makes of a 503
	} {
		clients, asked := wrapped(t, 0, func(_ int32, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		err := get(t, clients)
		var busy *BusyError
		if asked.Load() != 1 || errors.As(err, &busy) != (want != "") || want != "" && busy.Error() != want {
			t.Errorf("%s: asked %d times, %v", header, asked.Load(), err)
		}
	}
}

func TestAWaitIsSecondsOrADate(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": -1, "x": -1, "-1": -1, "0": 0, "7": 7 * time.Second,
		"Thu, 01 Jan 2026 00:00:09 GMT": 9 * time.Second, "Wed, 31 Dec 2025 00:00:00 GMT": 0,
	} {
		if got, ok := waitOf(header, now); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %v", header, got, ok)
		}
	}
	if got, ok := waitOf("9223372036854775807", now); !ok || got < longestWait {
		t.Errorf("the largest number is %s, %v", got, ok)
	}
}

func TestARefusedEvictionIsAnAnswer(t *testing.T) {
	clients, asked := wrapped(t, 0, func(_ int32, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	err := clients.CoreV1().Pods("n").Delete(t.Context(), "a", metav1.DeleteOptions{})
	if !apierrors.IsTooManyRequests(err) || asked.Load() != 1 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

func TestACutAnswerIsAskedForAgain(t *testing.T) {
	clients, asked := wrapped(t, 0, func(n int32, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, configMap[:10])
			return
		}
		_, _ = io.WriteString(w, configMap)
	})
	if err := get(t, clients); err != nil || asked.Load() != 2 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

func TestAStreamIsTheReadersToTakeUp(t *testing.T) {
	clients, asked := wrapped(t, 0, func(_ int32, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, configMap[:10])
	})
	if err := stream(t, clients); !errors.Is(err, io.ErrUnexpectedEOF) || asked.Load() != 1 {
		t.Errorf("asked %d times, %v", asked.Load(), err)
	}
}

func TestATimeoutNamesTheFlag(t *testing.T) {
	const want = "the server has not answered in full within the 50ms of --request-timeout"
	for place, partly := range map[string]bool{"before the answer": false, "within it": true} {
		for name, read := range map[string]func(*testing.T, *kubernetes.Clientset) error{"whole": get, "streamed": stream} {
			clients, asked := wrapped(t, 50*time.Millisecond, func(_ int32, w http.ResponseWriter, r *http.Request) {
				if partly {
					_, _ = io.WriteString(w, configMap[:10])
					_ = http.NewResponseController(w).Flush()
				}
				<-r.Context().Done()
			})
			err := read(t, clients)
			var late *TimeoutError
			if !errors.As(err, &late) || late.Error() != want || asked.Load() != 1 {
				t.Errorf("%s %s: asked %d times, %v", name, place, asked.Load(), err)
			}
		}
	}
}

func TestAnAnswerInTimeIsReadToItsEnd(t *testing.T) {
	clients, _ := wrapped(t, time.Minute, func(_ int32, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, configMap) })
	if err := errors.Join(get(t, clients), stream(t, clients)); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoAPIServerIsSaid(t *testing.T) {
	for kind, want := range map[string]string{
		"text/html; charset=utf-8": "the server answered with a web page, which no API server does: is there a login page or a proxy in between?",
		"text/plain":               "the server answered with text/plain, which no API server does: is there a login page or a proxy in between?",
		"nonsense/":                "the server answered with nonsense/, which no API server does: is there a login page or a proxy in between?",
	} {
		clients, asked := wrapped(t, 0, func(_ int32, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			_, _ = io.WriteString(w, "<html>")
		})
		var foreign *ForeignError
		if err := get(t, clients); !errors.As(err, &foreign) || foreign.Error() != want || asked.Load() != 1 {
			t.Errorf("%s: asked %d times, %v", kind, asked.Load(), err)
		}
	}
	if got := (&ForeignError{}).Error(); !strings.HasPrefix(got, "the server answered with something of no content type,") {
		t.Error(got)
	}
}

func TestWhatIsAskedForByItsTypeIsGenuine(t *testing.T) {
	clients, _ := wrapped(t, 0, func(_ int32, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
	})
	err := clients.CoreV1().RESTClient().Get().AbsPath("/openapi/v2").SetHeader("Accept", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf").Do(t.Context()).Error()
	if err != nil {
		t.Error(err)
	}
}

func TestAnInterruptIsNoCutConnection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	clients, _ := wrapped(t, 0, func(_ int32, w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, configMap[:10])
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-r.Context().Done()
	})
	if _, err := clients.CoreV1().ConfigMaps("n").Get(ctx, "a", metav1.GetOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAWatchIsTimedUpToItsBeginning(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		time.Sleep(200 * time.Millisecond)
		io.WriteString(w, "late")
	}))
	defer server.Close()
	for query, want := range map[string]string{"?watch=true": "late", "": ""} {
		config := &rest.Config{Host: server.URL, Timeout: 50 * time.Millisecond}
		Wrap(config)
		client, err := rest.HTTPClientFor(config)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(Streamed(t.Context()), http.MethodGet, server.URL+"/api"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		var late *TimeoutError
		if string(body) != want || errors.As(err, &late) != (want == "") {
			t.Errorf("%q: got %q, %v", query, body, err)
		}
	}
}
