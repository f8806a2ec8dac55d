package portforward

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/kubectl-mesh/kubectl-mesh/shared/transport"
)

// server forwards to what listens at the ports of the pod istio-system/istiod. What a port answers is written as it is; without one,
// the server complains.
type server struct {
	*httptest.Server
	ports map[string]string

	sync.Mutex
	asked []string
}

func serve(t *testing.T, ports map[string]string) *server {
	s := &server{ports: ports}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/api/v1/namespaces/istio-system/pods/istiod/portforward" {
		status := apierrors.NewForbidden(corev1.Resource("pods/portforward"), "other", errors.New("not yours")).Status()
		body, err := runtime.Encode(scheme.Codecs.LegacyCodec(corev1.SchemeGroupVersion), &status)
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", runtime.ContentTypeJSON)
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(body)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{protocol}); err != nil {
		panic(err)
	}
	streams := make(chan httpstream.Stream, 2)
	connection := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, sent <-chan struct{}) error {
		go func() {
			<-sent
			streams <- stream
		}()
		return nil
	})
	defer connection.Close()
	s.forward(<-streams, <-streams)
	<-connection.CloseChan()
}

// forward answers on a pair of streams, which come in any order.
func (s *server) forward(complaints, data httpstream.Stream) {
	if complaints.Headers().Get(corev1.StreamType) == corev1.StreamTypeData {
		complaints, data = data, complaints
	}
	defer complaints.Close()
	port := data.Headers().Get(corev1.PortHeader)
	answer, listens := s.ports[port]
	if !listens {
		fmt.Fprintf(complaints, "nothing listens at %s", port)
		data.Close()
		return
	}
	request, err := http.ReadRequest(bufio.NewReader(data))
	if err != nil {
		panic(err)
	}
	s.Lock()
	s.asked = append(s.asked, request.Host+request.URL.Path)
	s.Unlock()
	_, _ = io.WriteString(data, answer)
	if !strings.HasSuffix(answer, "...") {
		data.Close()
	}
}

func (s *server) get(ctx context.Context, t *testing.T, pod, port string) (string, error) {
	t.Helper()
	config := &rest.Config{Host: s.URL}
	transport.Wrap(config)
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	body, err := Get(ctx, config, clients.CoreV1().RESTClient(), "istio-system", pod, port, "/debug/syncz")
	if err != nil {
		return "", err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return string(text), err
}

func TestThePortAnswers(t *testing.T) {
	s := serve(t, map[string]string{
		"15014": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
		"8080":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n",
		"1":     "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"2":     "what?\n\n",
	})
	for _, c := range []struct{ pod, port, want, err string }{
		{"istiod", "15014", "[]", ""},
		{"istiod", "8080", "[1,2]", ""},
		{"istiod", "1", "", "port 1 answered 404 Not Found"},
		{"istiod", "2", "", `malformed HTTP response "what?"`},
		{"istiod", "3", "", "nothing listens at 3"},
		{"other", "15014", "", `forwarding a port of pod other in namespace istio-system: unable to upgrade connection: pods/portforward "other" is forbidden: not yours`},
	} {
		got, err := s.get(t.Context(), t, c.pod, c.port)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if got != c.want || said != c.err {
			t.Errorf("%s:%s: got %q, %s", c.pod, c.port, got, said)
		}
	}
	if s.asked[0] != "localhost:15014/debug/syncz" {
		t.Errorf("asked for %q", s.asked)
	}
}

func TestReadingEndsWithTheContext(t *testing.T) {
	for name, answer := range map[string]string{
		"before the answer": "HTTP/1.1 200 OK...",
		"within it":         "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[...",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		s := serve(t, map[string]string{"15014": answer})
		if got, err := s.get(ctx, t, "istiod", "15014"); err == nil {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
