package restart

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

var pods = schema.GroupResource{Resource: "pods"}

func overBudget() error {
	err := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10)
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{Type: policyv1.DisruptionBudgetCause, Message: "The disruption budget cart needs 2 healthy pods and has 2 currently"})
	return err
}

// testFailed is how an API server answers a JSON patch one of whose tests is false.
func testFailed() error {
	return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "patch", schema.GroupResource{}, "", "testing value failed", 0, false)
}

func TestWhatAnErrorMeans(t *testing.T) {
	for _, c := range []struct {
		rule                      string
		err                       error
		passes, overtaken, budget bool
	}{
		{"a busy server", apierrors.NewTooManyRequests("busy", 1), true, false, false},
		{"a budget that allows nothing", overBudget(), false, false, true},
		{"a conflict", apierrors.NewConflict(pods, "a", errors.New("the object has been modified")), true, false, false},
		{"another object of that name", apierrors.NewConflict(pods, "a", errors.New("Precondition failed: UID in precondition: x, UID in object meta: y")), false, false, false},
		{"a server that is restarted", apierrors.NewServiceUnavailable("x"), true, false, false},
		{"a refused connection", syscall.ECONNREFUSED, true, false, false},
		{"a test that is false", testFailed(), false, true, false},
		{"an invalid object", apierrors.NewInvalid(schema.GroupKind{Kind: "Pod"}, "a", nil), false, true, false},
		{"no right to it", apierrors.NewForbidden(pods, "a", errors.New("no")), false, false, false},
		{"not found", apierrors.NewNotFound(pods, "a"), false, false, false},
		{"more than one budget", apierrors.NewInternalError(errors.New("this pod has more than one PodDisruptionBudget")), false, false, false},
		{"the end of the context", context.DeadlineExceeded, false, false, false},
		{"anything else", errors.New("x"), false, false, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if passes(c.err) != c.passes || overtaken(c.err) != c.overtaken || refusedByBudget(c.err) != c.budget {
				t.Errorf("got %v, %v, %v", passes(c.err), overtaken(c.err), refusedByBudget(c.err))
			}
		})
	}
	const want = "a PodDisruptionBudget allows no eviction now: The disruption budget cart needs 2 healthy pods and has 2 currently"
	if got := budget(overBudget()); got != want {
		t.Errorf("got %q", got)
	}
	if isAnswer(syscall.ECONNREFUSED) || !isAnswer(testFailed()) {
		t.Error("only what the server says is an answer")
	}
}

func TestAFailureThatPassesIsTriedAgainUntilTheContextEnds(t *testing.T) {
	calls := 0
	err := persist(context.Background(), func(context.Context) error {
		if calls++; calls < 2 {
			return apierrors.NewServiceUnavailable("x")
		}
		return nil
	})
	if err != nil || calls != 2 {
		t.Errorf("got %v after %d calls", err, calls)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := persist(ctx, func(context.Context) error { return apierrors.NewServiceUnavailable("x") }); !apierrors.IsServiceUnavailable(err) {
		t.Errorf("got %v, want the last failure", err)
	}
}

func TestAnEviction(t *testing.T) {
	for _, c := range []struct {
		rule, answer string
		code         int
		refused      bool
		err          bool
	}{
		{"done", `{"kind":"Status","apiVersion":"v1","status":"Success"}`, 201, false, false},
		{"gone already", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`, 404, false, false},
		{"another pod has the name", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","message":"Precondition failed: UID","code":409}`, 409, false, false},
		{"a budget, at once", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"TooManyRequests","code":429,"details":{"causes":[{"reason":"DisruptionBudget","message":"m"}],"retryAfterSeconds":10}}`, 429, true, true},
		{"forbidden, which may pass", `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`, 403, false, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				if r.URL.Path != "/api/v1/namespaces/shop/pods/a/eviction" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.Header().Set("Content-Type", "application/json")
				if c.code == 429 {
					w.Header().Set("Retry-After", "10")
				}
				w.WriteHeader(c.code)
				_, _ = w.Write([]byte(c.answer))
			}))
			defer server.Close()
			err := evict(t.Context(), kubernetes.NewForConfigOrDie(&rest.Config{Host: server.URL}), rollout.Pod{Namespace: "shop", Name: "a", UID: "x"}, nil)
			if (err != nil) != c.err || refusedByBudget(err) != c.refused || (asked != 1) != (c.code == 403) {
				t.Errorf("got %v after %d requests", err, asked)
			}
		})
	}
}

func TestWhetherAPodRunsWhatIsExpected(t *testing.T) {
	expected := v1alpha1.Expected{Image: "docker.io/istio/proxyv2:1.23.0", Revision: "1-23"}
	for _, c := range []struct {
		rule     string
		pod      rollout.Pod
		expected v1alpha1.Expected
		want     bool
	}{
		{"image and revision", rollout.Pod{Image: expected.Image, Revision: "1-23"}, expected, true},
		{"another spelling of the image", rollout.Pod{Image: "istio/proxyv2:1.23.0", Revision: "1-23"}, expected, true},
		{"another image", rollout.Pod{Image: "docker.io/istio/proxyv2:1.22.0", Revision: "1-23"}, expected, false},
		{"another revision", rollout.Pod{Image: expected.Image, Revision: "canary"}, expected, false},
		{"no revision", rollout.Pod{Image: expected.Image}, expected, true},
		{"no proxy", rollout.Pod{}, expected, false},
		{"no proxy expected", rollout.Pod{}, v1alpha1.Expected{}, true},
		{"a proxy that is not expected", rollout.Pod{Image: expected.Image}, v1alpha1.Expected{}, false},
		{"what cannot be read is compared as it is", rollout.Pod{Image: "::"}, v1alpha1.Expected{Image: ":::"}, false},
	} {
		if got := matches(c.pod, c.expected); got != c.want {
			t.Errorf("%s: got %v", c.rule, got)
		}
	}
}
