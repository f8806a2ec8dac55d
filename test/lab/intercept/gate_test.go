package intercept

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// server plays an API server: it answers everything with a Deployment, and a watch with an event at once and then none.
type server struct {
	*httptest.Server
	asked chan string
}

func startServer(t *testing.T) *server {
	s := &server{asked: make(chan string, 100)}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// ServeHTTP answers, and notes what it was asked.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked <- r.Method + " " + r.URL.Path + " " + string(body)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": "web"}}`+"\n")
	if r.URL.Query().Has("watch") {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
}

func open(t *testing.T, s *server, f Fault) (*Gate, kubernetes.Interface) {
	t.Helper()
	g, err := Open(&rest.Config{Host: s.URL}, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := WriteKubeconfig(file, g.URL()); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	return g, kubernetes.NewForConfigOrDie(config)
}

const change = `{"spec":{"paused":true}}`

func patch(t *testing.T, client kubernetes.Interface, name string) error {
	_, err := client.AppsV1().Deployments("shop").Patch(t.Context(), name, types.MergePatchType, []byte(change), metav1.PatchOptions{})
	return err
}

func TestWhatIsAskedIsPassedOnAndRecorded(t *testing.T) {
	s := startServer(t)
	g, client := open(t, s, nil)
	if err := patch(t, client, "web"); err != nil {
		t.Fatal(err)
	}
	if got, want := <-s.asked, "PATCH /apis/apps/v1/namespaces/shop/deployments/web "+change; got != want {
		t.Errorf("the server was asked %q, want %q", got, want)
	}
	if _, err := client.CoreV1().Pods("shop").Get(t.Context(), "web", metav1.GetOptions{}); err != nil {
		t.Fatal(err)
	}
	records := g.Records()
	if len(records) != 2 || len(g.Mutations()) != 1 || records[1].Verb != "get" || records[1].Code != 200 {
		t.Fatalf("got %+v", records)
	}
	got := g.Mutations()[0]
	if got.Verb != "patch" || got.Group != "apps" || got.what() != "deployments" || got.Namespace != "shop" || got.Name != "web" ||
		got.ContentType != string(types.MergePatchType) || string(got.Body) != change || got.Code != 200 {
		t.Errorf("got %+v", got)
	}
}

func TestAFaultBefallsTheRequestsThatItIsMeantFor(t *testing.T) {
	s := startServer(t)
	conflict := apierrors.NewConflict(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web", fmt.Errorf("changed"))
	g, client := open(t, s, Once(Does("patch", "deployments", "web"), Refuse(conflict)))
	if err := patch(t, client, "other"); err != nil {
		t.Error(err)
	}
	if err := patch(t, client, "web"); !apierrors.IsConflict(err) || err.Error() != conflict.Error() {
		t.Errorf("got %v, want %v", err, conflict)
	}
	if err := patch(t, client, "web"); err != nil {
		t.Error(err)
	}
	if codes := []int{g.Records()[0].Code, g.Records()[1].Code, g.Records()[2].Code}; fmt.Sprint(codes) != "[200 409 200]" {
		t.Errorf("recorded %v", codes)
	}
	if n := len(s.asked); n != 2 {
		t.Errorf("%d requests came through", n)
	}
}

func TestABusyServerSaysWhenToComeAgain(t *testing.T) {
	g, _ := open(t, startServer(t), When(All, Refuse(apierrors.NewTooManyRequests("busy", 7))))
	resp, err := http.Get(g.URL() + "/api/v1/pods")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" {
		t.Errorf("got %s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))
	}
}

func TestAConnectionIsCutBeforeOrAfterTheServerActs(t *testing.T) {
	for _, c := range []struct {
		cut  Answer
		acts int
	}{{CutBefore, 0}, {CutAfter, 1}, {CutWithin, 1}} {
		s := startServer(t)
		g, client := open(t, s, When(Does("patch", "deployments"), c.cut))
		if err := patch(t, client, "web"); err == nil {
			t.Error("the patch was answered")
		}
		if n := len(s.asked); n != c.acts {
			t.Errorf("%d requests came through, want %d", n, c.acts)
		}
		if n := len(g.Mutations()); n != 1 {
			t.Errorf("%d were recorded", n)
		}
	}
}

func TestADelayedRequestIsAnsweredAllTheSame(t *testing.T) {
	_, client := open(t, startServer(t), When(All, Delay(300*time.Millisecond)))
	start := time.Now()
	if err := patch(t, client, "web"); err != nil || time.Since(start) < 300*time.Millisecond {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
}

func TestAWatchStreamsUntilItIsCut(t *testing.T) {
	g, _ := open(t, startServer(t), nil)
	resp, err := http.Get(g.URL() + "/api/v1/namespaces/shop/pods?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	events := bufio.NewReader(resp.Body)
	if line, err := events.ReadString('\n'); err != nil || !strings.Contains(line, "Deployment") {
		t.Errorf("got %q, %v", line, err)
	}
	if n := g.Cut(Does("watch", "secrets")); n != 0 {
		t.Errorf("%d others were cut", n)
	}
	if n := g.Cut(Does("watch", "pods")); n != 1 {
		t.Errorf("%d were cut", n)
	}
	if _, err := events.ReadString('\n'); err == nil || err == io.EOF {
		t.Errorf("the watch ended with %v, want a cut connection", err)
	}
}

func TestAFaultCanComeAndGo(t *testing.T) {
	g, client := open(t, startServer(t), nil)
	g.SetFault(When(All, Refuse(apierrors.NewResourceExpired("too old"))))
	if err := patch(t, client, "web"); !apierrors.IsResourceExpired(err) {
		t.Errorf("got %v", err)
	}
	g.SetFault(nil)
	if err := patch(t, client, "web"); err != nil {
		t.Error(err)
	}
}
