package podlist

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// server lists pods as an API server does: its tokens are the name of the last pod that was sent. A fault stands in for
// an answer.
type server struct {
	*httptest.Server
	t testing.TB

	sync.Mutex
	pods []corev1.Pod
	// asked holds the token of each request, accepted its Accept-Encoding.
	asked, accepted []string
	// fault answers the n-th request, counted from 1, in the server's place if it returns true.
	fault func(n int, token string, w http.ResponseWriter, r *http.Request) bool
}

// serve starts a server of so many pods.
func serve(t testing.TB, pods int) *server {
	s := &server{t: t}
	for i := range pods {
		s.pods = append(s.pods, pod(fmt.Sprintf("p-%02d", i)))
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func pod(name string) corev1.Pod {
	return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("continue")
	s.Lock()
	s.asked = append(s.asked, token)
	s.accepted = append(s.accepted, r.Header.Get("Accept-Encoding"))
	n := len(s.asked)
	s.Unlock()
	if s.fault != nil && s.fault(n, token, w, r) {
		return
	}
	s.send(w, r, s.page(token, r))
}

// page returns the encoded page of the token.
func (s *server) page(token string, r *http.Request) []byte {
	s.Lock()
	defer s.Unlock()
	start := 0
	if token != "" {
		start = 1 + slices.IndexFunc(s.pods, func(p corev1.Pod) bool { return p.Name == token })
	}
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	end := len(s.pods)
	list := &corev1.PodList{ListMeta: metav1.ListMeta{ResourceVersion: fmt.Sprint(len(s.asked))}}
	if limit > 0 && start+limit < end {
		end = start + limit
		list.Continue = s.pods[end-1].Name
	}
	list.Items = s.pods[start:end]
	return encoded(s.t, list)
}

func (s *server) send(w http.ResponseWriter, r *http.Request, body []byte) {
	w.Header().Set("Content-Type", runtime.ContentTypeProtobuf)
	if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	zipped := gzip.NewWriter(w)
	_, _ = zipped.Write(body)
	_ = zipped.Close()
}

// cutAfter sends so many bytes of the page and drops the connection.
func (s *server) cutAfter(length int, token string, w http.ResponseWriter, r *http.Request) {
	body := s.page(token, r)
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body[:min(length, len(body))])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// cutBefore cuts the connection just before the pod of that name.
func (s *server) cutBefore(name, token string, w http.ResponseWriter, r *http.Request) {
	// The name's own bytes come a few after the start of its pod.
	s.cutAfter(bytes.Index(s.page(token, r), []byte(name)), token, w, r)
}

// refuse answers with a Status.
func refuse(w http.ResponseWriter, status metav1.Status) {
	body, err := runtime.Encode(codecs, &status)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", runtime.ContentTypeJSON)
	w.WriteHeader(int(status.Code))
	_, _ = w.Write(body)
}

// expired is what API servers answer where a list's pages have become too old. Source: handleExpiredToken in
// k8s.io/apiserver/pkg/storage/etcd3.
func expired(token string) metav1.Status {
	status := apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result.").Status()
	status.Continue = token
	return status
}

func (s *server) requests() []string {
	s.Lock()
	defer s.Unlock()
	return slices.Clone(s.asked)
}

func (s *server) client() rest.Interface {
	clients, err := kubernetes.NewForConfig(&rest.Config{Host: s.URL, QPS: -1})
	if err != nil {
		s.t.Fatal(err)
	}
	return clients.CoreV1().RESTClient()
}

const chunk = 4

// list returns the names of the pods that are handed on.
func (s *server) list() ([]string, Result, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var names []string
	result, err := Each(ctx, s.client(), "", Options{Chunk: chunk}, func(p proxy.Pod) error {
		names = append(names, p.Name)
		return nil
	})
	return names, result, err
}

// wantAll expects every pod of the server, in its order and each once, and these tokens asked for.
func (s *server) wantAll(asked ...string) Result {
	s.t.Helper()
	got, result, err := s.list()
	if err != nil {
		s.t.Fatal(err)
	}
	var want []string
	for _, p := range s.pods {
		want = append(want, p.Name)
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("got %v, want %v", got, want)
	}
	if len(asked) > 0 && !slices.Equal(s.requests(), asked) {
		s.t.Errorf("asked for %q, want %q", s.requests(), asked)
	}
	return result
}

// wantBroken expects that the list ends with the error, after the first pods.
func (s *server) wantBroken(pods int, want string) {
	s.t.Helper()
	got, _, err := s.list()
	if err == nil || err.Error() != want {
		s.t.Errorf("got error %v\nwant %s", err, want)
	}
	if len(got) != pods {
		s.t.Errorf("got %v, want the first %d", got, pods)
	}
	for i, name := range got {
		if name != s.pods[i].Name {
			s.t.Errorf("pod %d is %s, want %s", i, name, s.pods[i].Name)
		}
	}
}
