package podlist

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

func TestMain(m *testing.M) {
	pause = time.Millisecond
	os.Exit(m.Run())
}

var codecs = scheme.Codecs.LegacyCodec(corev1.SchemeGroupVersion)

// The tokens by which the pages of ten pods are asked for.
const second, third = "p-03", "p-07"

func TestPagesComeInOrderAndEachOnce(t *testing.T) {
	s := serve(t, 10)
	if r := s.wantAll("", second, third); r.Expired || r.ResourceVersion != "1" {
		t.Errorf("got %+v, want the first page's resource version", r)
	}
}

func TestAnEmptyListAndAListOfOnePage(t *testing.T) {
	for _, pods := range []int{0, 1, chunk} {
		serve(t, pods).wantAll("")
	}
}

func TestSelectorsAndNamespaceAreTheServers(t *testing.T) {
	s := serve(t, 1)
	var got string
	s.fault = func(_ int, _ string, _ http.ResponseWriter, r *http.Request) bool {
		got = r.URL.Path + " " + r.URL.RawQuery + " " + r.Header.Get("Accept")
		return false
	}
	o := Options{LabelSelector: "app=cart", FieldSelector: "spec.nodeName=n", Chunk: 7}
	if _, err := Each(t.Context(), s.client(), "shop", o, func(proxy.Pod) error { return nil }); err != nil {
		t.Fatal(err)
	}
	const want = "/api/v1/namespaces/shop/pods fieldSelector=spec.nodeName%3Dn&labelSelector=app%3Dcart&limit=7 " +
		"application/vnd.kubernetes.protobuf,application/json"
	if got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
}

func TestTheNextPageIsAskedForBeforeThisOneIsRead(t *testing.T) {
	s := serve(t, 10)
	_, err := Each(t.Context(), s.client(), "", Options{Chunk: chunk}, func(p proxy.Pod) error {
		want := map[string]int{"p-00": 2, "p-04": 3, "p-08": 3}[p.Name]
		for end := time.Now().Add(5 * time.Second); len(s.requests()) < want; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("at %s, asked %q, want %d requests", p.Name, s.requests(), want)
			}
		}
		return nil
	})
	if err != nil || len(s.requests()) != 3 {
		t.Errorf("asked %q, %v", s.requests(), err)
	}
}

func TestACutConnectionIsTakenUpAgain(t *testing.T) {
	for name, c := range map[string]struct {
		// before says before which pod of which page the connection is cut, "" before the first byte.
		token, before string
	}{
		"before the first byte":                 {"", ""},
		"in the first page":                     {"", "p-02"},
		"before the first pod":                  {"", "p-00"},
		"in a later page":                       {second, "p-06"},
		"in the last page":                      {third, "p-09"},
		"before the first byte of a later page": {third, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, 10)
			cut := false
			s.fault = func(_ int, token string, w http.ResponseWriter, r *http.Request) bool {
				s.Lock()
				now := !cut && token == c.token
				cut = cut || now
				s.Unlock()
				switch {
				case !now:
					return false
				case c.before == "":
					panic(http.ErrAbortHandler)
				}
				s.cutBefore(c.before, token, w, r)
				return true
			}
			s.wantAll()
			asked := s.requests()
			slices.Sort(asked)
			want := []string{"", second, third, c.token}
			slices.Sort(want)
			if !slices.Equal(asked, want) {
				t.Errorf("asked for %q, want %q: one page twice, the others once", asked, want)
			}
		})
	}
}

func TestAPodThatGoesBetweenTwoReadingsLosesNoOther(t *testing.T) {
	s := serve(t, 10)
	s.fault = func(n int, token string, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case n == 1:
			s.cutBefore("p-02", token, w, r)
		case token == "":
			s.Lock()
			defer s.Unlock()
			s.pods = slices.Delete(s.pods, 1, 2)
		}
		return n == 1
	}
	got, _, err := s.list()
	if want := "p-00 p-01 p-02 p-03 p-04 p-05 p-06 p-07 p-08 p-09"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAConnectionThatIsCutAgainAndAgain(t *testing.T) {
	s := serve(t, 10)
	s.fault = func(_ int, token string, w http.ResponseWriter, r *http.Request) bool {
		if token == second {
			s.cutBefore("p-05", token, w, r)
		}
		return token == second
	}
	s.wantBroken(5, "the list broke off after pod shop/p-04: the connection was cut: unexpected EOF (asked 4 times)")
}

func TestACutThatBringsSomethingNewEachTimeIsNoReasonToGiveUp(t *testing.T) {
	s := serve(t, 10)
	pods := 0
	s.fault = func(_ int, token string, w http.ResponseWriter, r *http.Request) bool {
		if token == "" && pods < chunk-1 {
			pods++
			s.cutBefore(s.pods[pods].Name, token, w, r)
			return true
		}
		return false
	}
	s.wantAll()
}

func TestPagesThatFailOnceEachAreNoReasonToGiveUp(t *testing.T) {
	s := serve(t, 30)
	failed := map[string]bool{}
	s.fault = func(_ int, token string, w http.ResponseWriter, r *http.Request) bool {
		s.Lock()
		defer s.Unlock()
		if token == "" || failed[token] {
			return false
		}
		failed[token] = true
		refuse(w, apierrors.NewInternalError(errors.New("etcd is gone")).Status())
		return true
	}
	s.wantAll()
}

func TestAListThatExpiresGoesOnWithTheServersToken(t *testing.T) {
	s := serve(t, 10)
	s.fault = func(_ int, token string, w http.ResponseWriter, _ *http.Request) bool {
		if token == second {
			// The real token differs; this one has the server begin where it would have.
			s.Lock()
			defer s.Unlock()
			s.pods[3].Name, s.pods[3].UID = "p-03a", "renewed"
			refuse(w, expired("p-03a"))
		}
		return token == second
	}
	got, result, err := s.list()
	if err != nil || !result.Expired || result.ResourceVersion != "1" || len(got) != 10 {
		t.Errorf("got %v, %+v, %v", got, result, err)
	}
	if want := []string{"", second, "p-03a", third}; !slices.Equal(s.requests(), want) {
		t.Errorf("asked for %q, want %q", s.requests(), want)
	}
}

func TestAListThatExpiresWithoutATokenBeginsAnew(t *testing.T) {
	s := serve(t, 10)
	gone := false
	s.fault = func(_ int, token string, w http.ResponseWriter, _ *http.Request) bool {
		if token != third || gone {
			return false
		}
		gone = true
		refuse(w, expired(""))
		return true
	}
	if r := s.wantAll("", second, third, "", second, third); !r.Expired || r.ResourceVersion != "1" {
		t.Errorf("got %+v", r)
	}
}

func TestAListThatExpiresAgainAndAgain(t *testing.T) {
	s := serve(t, 10)
	s.fault = func(_ int, token string, w http.ResponseWriter, _ *http.Request) bool {
		if token == second {
			refuse(w, expired(""))
		}
		return token == second
	}
	s.wantBroken(4, "the list broke off after pod shop/p-03: The provided continue parameter is too old to display a "+
		"consistent list result. (asked 4 times)")
}

func TestAServerThatDoesNotSortIsReadAllTheSame(t *testing.T) {
	s := serve(t, 10)
	slices.Reverse(s.pods)
	s.wantAll("", "p-06", "p-02")
}

func TestAServerThatDoesNotSortCannotBeTakenUpAgain(t *testing.T) {
	s := serve(t, 10)
	slices.Reverse(s.pods)
	s.fault = func(_ int, token string, w http.ResponseWriter, r *http.Request) bool {
		if token == "p-06" {
			s.cutBefore("p-04", token, w, r)
		}
		return token == "p-06"
	}
	s.wantBroken(5, "the list broke off after pod shop/p-05: the connection was cut: unexpected EOF; it cannot be taken up "+
		"again, for the server does not sort by name")
}

func TestDisorderThatShowsOnlyAfterACutLosesNoPod(t *testing.T) {
	s := serve(t, 10)
	s.pods[2], s.pods[1] = s.pods[1], s.pods[2]
	s.fault = func(n int, token string, w http.ResponseWriter, r *http.Request) bool {
		if n == 1 {
			s.cutBefore("p-01", token, w, r)
		}
		return n == 1
	}
	s.wantAll()
}

func TestAServersTroubleBetweenPagesIsWaitedOut(t *testing.T) {
	for _, code := range []int{429, 500, 502, 503, 504} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			s := serve(t, 10)
			s.fault = func(n int, token string, w http.ResponseWriter, _ *http.Request) bool {
				if token == second && n == 2 {
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(code)
				}
				return token == second && n == 2
			}
			s.wantAll("", second, second, third)
		})
	}
}

func TestWhatCannotPassIsNotAskedForAgain(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for name, c := range map[string]struct {
		token string
		fault func(http.ResponseWriter)
		pods  int
		asked int
		want  string
	}{
		"a first page that is refused": {"", func(w http.ResponseWriter) {
			refuse(w, apierrors.NewForbidden(pods, "", errors.New("no")).Status())
		}, 0, 1, "pods is forbidden: no"},
		"a first page that the server fails at": {"", func(w http.ResponseWriter) {
			refuse(w, apierrors.NewInternalError(errors.New("etcd is gone")).Status())
		}, 0, 1, "Internal error occurred: etcd is gone"},
		"a later page that is refused": {second, func(w http.ResponseWriter) {
			refuse(w, apierrors.NewForbidden(pods, "", errors.New("no")).Status())
		}, 4, 2, "the list broke off after pod shop/p-03: pods is forbidden: no"},
		"a malformed page": {second, func(w http.ResponseWriter) { _, _ = w.Write([]byte("k8s\x00\x08\x01")) },
			4, 2, "the list broke off after pod shop/p-03: malformed list: field 1 has wire type 0"},
		"a web page": {second, func(w http.ResponseWriter) { _, _ = w.Write([]byte("<html>please log in")) },
			4, 2, "the list broke off after pod shop/p-03: malformed list: it is neither in Kubernetes' protobuf encoding nor JSON, but starts with \"<htm\""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, 10)
			s.fault = func(_ int, token string, w http.ResponseWriter, _ *http.Request) bool {
				if token == c.token {
					c.fault(w)
				}
				return token == c.token
			}
			s.wantBroken(c.pods, c.want)
			if len(s.requests()) != c.asked {
				t.Errorf("asked for %q, want %d requests", s.requests(), c.asked)
			}
		})
	}
}

func TestARefusalAfterTheFirstPodIsNotTakenForOneOfTheWholeList(t *testing.T) {
	l := &lister{last: "shop/p"}
	if err := l.broken(apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "", errors.New("no"))); apierrors.IsForbidden(err) {
		t.Errorf("%v is a Forbidden: a caller would list again what it has had", err)
	}
}

func TestAListThatGoesInACircleEnds(t *testing.T) {
	const circle = ": the list never ends, for the server sends a page again: does a proxy in between ignore the continue token?"
	whole := &corev1.PodList{Items: []corev1.Pod{pod("p-00"), pod("p-01")}}
	for name, token := range map[string]func(n int) string{
		"with the same token":      func(int) string { return "t" },
		"with tokens in turn":      func(n int) string { return string(rune('a' + n%2)) },
		"with a new token a page":  func(n int) string { return strings.Repeat("t", n) },
		"with no pod but a token ": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, 2)
			s.fault = func(n int, _ string, w http.ResponseWriter, r *http.Request) bool {
				page := whole.DeepCopy()
				if token == nil {
					page.Continue, page.Items = "t", nil
				} else {
					page.Continue = token(n)
				}
				s.send(w, r, encoded(t, page))
				return true
			}
			if token == nil {
				s.wantBroken(0, circle[2:])
			} else {
				s.wantBroken(2, "the list broke off after pod shop/p-01"+circle)
			}
		})
	}
}

func TestAServerThatIgnoresTheLimitIsRead(t *testing.T) {
	s := serve(t, 10)
	s.fault = func(_ int, _ string, w http.ResponseWriter, r *http.Request) bool {
		s.send(w, r, encoded(t, &corev1.PodList{Items: s.pods}))
		return true
	}
	s.wantAll("")
}

func TestTheCallersErrorIsReturnedAsItIsAndNothingIsLeftBehind(t *testing.T) {
	s := serve(t, 10)
	mine := errors.New("enough")
	client := s.client()
	before := runtime.NumGoroutine()
	for range 20 {
		_, err := Each(t.Context(), client, "", Options{Chunk: chunk}, func(p proxy.Pod) error {
			if p.Name == "p-01" {
				return mine
			}
			return nil
		})
		if err != mine {
			t.Fatalf("got %v", err)
		}
	}
	s.CloseClientConnections()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+5; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			var stacks bytes.Buffer
			stacks.Grow(1 << 16)
			all := stacks.AvailableBuffer()[:1<<16]
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, all[:runtime.Stack(all, true)])
		}
	}
}

func TestAnInterruptEndsAPageInTheMiddle(t *testing.T) {
	s := serve(t, 10)
	s.fault = func(_ int, token string, w http.ResponseWriter, r *http.Request) bool {
		if token != "" {
			return false
		}
		body := s.page(token, r)
		_, _ = w.Write(body[:bytes.Index(body, []byte("p-02"))])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		return true
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Each(ctx, s.client(), "", Options{Chunk: chunk}, func(p proxy.Pod) error {
		if p.Name == "p-01" {
			time.AfterFunc(50*time.Millisecond, cancel)
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestPagesAreCompressedOnTheWay(t *testing.T) {
	s := serve(t, 3)
	s.wantAll()
	if want := []string{"gzip"}; !slices.Equal(s.accepted, want) {
		t.Errorf("asked for %q, want %q", s.accepted, want)
	}
}
