package dryrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const istios, others = "rev.namespace.sidecar-injector.istio.io", "after.lab.mesh.kubectl.dev"

// TestWhatARealAPIServerSaysIsClassified goes through the answers in testdata, which the lab's API server gave to pods that
// it refused; TestWhyAPodWouldBeRefused in test/e2e records them.
func TestWhatARealAPIServerSaysIsClassified(t *testing.T) {
	want := map[string]Refusal{
		"invalid":              {Class: Invalid, Cause: `Pod "app" is invalid: spec.containers: Required value`},
		"limit-range":          {Class: Denied, Cause: "maximum cpu usage per Container is 1, but limit is 2"},
		"malformed-annotation": {Class: WebhookDenied, Webhook: istios, Cause: "failed to run injection template: 1 error occurred: * invalid value 'MAGIC'"},
		"no-namespace":         {Class: NoNamespace, Cause: `namespaces "refuse-no-namespace" not found`},
		"no-template":          {Class: WebhookDenied, Webhook: istios, Cause: `failed to run injection template: requested template "no-such" not found`},
		"outage":               {Class: WebhookFailed, Webhook: istios, Cause: `Post "https://istiod-1-23.istio-system.svc:443/inject?timeout=10s"`},
		"pod-security":         {Class: PodSecurity, Cause: `violates PodSecurity "restricted:latest": allowPrivilegeEscalation`},
		"policy":               {Class: Denied, Cause: "ValidatingAdmissionPolicy 'refuse-policy' with binding 'refuse-policy' denied request: not here"},
		"quota-exceeded":       {Class: Quota, Cause: "exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0"},
		"quota-unmet":          {Class: Quota, Cause: "failed quota: none: must specify limits.cpu for: app"},
		"rbac":                 {Class: Forbidden, Cause: `User "may-not-create-pods" cannot create resource "pods" in API group "" in the namespace "refuse-rbac"`},
		"service-account":      {Class: NoServiceAccount, Cause: "error looking up service account refuse-service-account/gone"},
		"terminating":          {Class: NamespaceTerminating, Cause: "unable to create new content in namespace refuse-terminating because it is being terminated"},
		"webhook-breaks":       {Class: ServerError, Cause: "Internal error occurred: replace operation does not apply"},
		"webhook-denies":       {Class: WebhookDenied, Webhook: others, Cause: "not on Fridays"},
		"webhook-gone":         {Class: WebhookFailed, Webhook: others, Cause: `Post "https://127.0.0.1`},
		"webhook-says-nothing": {Class: WebhookDenied, Webhook: others, Cause: "without explanation"},
		"webhook-sleeps":       {Class: WebhookFailed, Webhook: others, Cause: `Post "https://127.0.0.1`},
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, want %d: %v", len(files), len(want), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) { isClassified(t, recorded(t, file), want[name]) })
	}
}

func recorded(t *testing.T, file string) error {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var status metav1.Status
	if err := json.Unmarshal(raw, &status); err != nil {
		t.Fatal(err)
	}
	return &apierrors.StatusError{ErrStatus: status}
}

// isClassified compares the whole, but of the cause the beginning.
func isClassified(t *testing.T, err error, want Refusal) {
	t.Helper()
	got := Classify(fmt.Errorf("creating: %w", err))
	if got == nil {
		t.Fatalf("%v is no refusal", err)
	}
	if got.Class != want.Class || got.Webhook != want.Webhook || !strings.HasPrefix(got.Cause, want.Cause) || want.Cause == "" {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !errors.Is(got, err) || got.ByInjector() != (want.Webhook == istios) || strings.ContainsAny(got.Error()+got.Cause, "\n\t") {
		t.Errorf("got %v, of an injector: %v", got, got.ByInjector())
	}
}

func said(code int, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message}}
}

// TestWhatOtherClustersSayIsClassified has the messages that the lab cannot give, from the sources named in refusal.go.
func TestWhatOtherClustersSayIsClassified(t *testing.T) {
	internal := func(cause string) error {
		return apierrors.NewInternalError(errors.New(`failed calling webhook "` + istios + `": failed to call webhook: ` + cause))
	}
	for _, c := range []struct {
		rule string
		err  error
		want Refusal
	}{
		{"no istiod is ready", internal(`Post "https://istiod.istio-system.svc:443/inject?timeout=10s": no endpoints available for service "istiod"`),
			Refusal{Class: WebhookFailed, Webhook: istios, Cause: `Post "https://istiod.istio-system.svc:443/inject?timeout=10s": no endpoints available`}},
		{"its Service is gone", internal(`Post "https://istiod-old.istio-system.svc:443/inject?timeout=10s": service "istiod-old" not found`),
			Refusal{Class: WebhookFailed, Webhook: istios, Cause: `Post "https://istiod-old.istio-system.svc:443/inject?timeout=10s": service "istiod-old" not found`}},
		{"its certificate is not trusted", internal(`Post "https://istiod.istio-system.svc:443/inject?timeout=10s": x509: certificate signed by unknown authority`),
			Refusal{Class: WebhookFailed, Webhook: istios, Cause: `Post "https://istiod.istio-system.svc:443/inject?timeout=10s": x509`}},
		{"a webhook's answer is invalid",
			apierrors.NewInternalError(errors.New(`failed calling webhook "w.example.com": received invalid webhook response: expected response.uid="a", got ""`)),
			Refusal{Class: WebhookFailed, Webhook: "w.example.com", Cause: "received invalid webhook response"}},
		{"a webhook denies with a code of its own", said(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, `admission webhook "w.example.com" denied the request: slowly`),
			Refusal{Class: WebhookDenied, Webhook: "w.example.com", Cause: "slowly"}},
		{"a webhook has side effects", apierrors.NewBadRequest(`admission webhook "w.example.com" does not support dry run`),
			Refusal{Class: NoDryRun, Webhook: "w.example.com", Cause: "does not support dry run"}},
		{"another authoriser says more", said(http.StatusForbidden, metav1.StatusReasonForbidden, `pods is forbidden: User "u" cannot create resource "pods" in API group "" in the namespace "n": requires one of ["container.pods.create"] permission(s).`),
			Refusal{Class: Forbidden, Cause: `User "u" cannot create resource "pods" in API group "" in the namespace "n": requires`}},
		{"a quota has no status yet", said(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "a" is forbidden: status unknown for quota: q, resources: pods`),
			Refusal{Class: Quota, Cause: "status unknown for quota: q"}},
		{"no quota covers the pod", said(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "a" is forbidden: insufficient quota to consume: pods`),
			Refusal{Class: Quota, Cause: "insufficient quota to consume"}},
	} {
		t.Run(c.rule, func(t *testing.T) { isClassified(t, c.err, c.want) })
	}
}

func TestWhatTheClusterFailsInIsNoRefusal(t *testing.T) {
	for rule, err := range map[string]error{
		"no error":               nil,
		"the end of ctx":         context.Canceled,
		"no connection":          &url.Error{Op: "Post", URL: "https://127.0.0.1:1", Err: errors.New("connection refused")},
		"no credentials":         apierrors.NewUnauthorized("who are you"),
		"too much to do":         apierrors.NewTooManyRequests("later", 1),
		"out of time":            apierrors.NewTimeoutError("request did not complete within requested timeout", 0),
		"unavailable":            apierrors.NewServiceUnavailable("starting"),
		"a quota that moved":     apierrors.NewConflict(schema.GroupResource{Resource: "resourcequotas"}, "q", errors.New("modified")),
		"may not impersonate":    said(http.StatusForbidden, metav1.StatusReasonForbidden, `users "x" is forbidden: User "u" cannot impersonate resource "users" in API group "" at the cluster scope`),
		"the resource is gone":   said(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource"),
		"the name is taken":      apierrors.NewAlreadyExists(schema.GroupResource{Resource: "pods"}, "a"),
		"a proxy that is broken": said(http.StatusBadGateway, metav1.StatusReasonUnknown, "bad gateway"),
	} {
		if got := Classify(err); got != nil {
			t.Errorf("%s: %+v", rule, got)
		}
	}
}

func TestSomeRefusalsTellNothingOfWhatAControllerMeets(t *testing.T) {
	for class, want := range map[Class]bool{Forbidden: true, NoDryRun: true, Unasked: true, WebhookFailed: false, Quota: false} {
		if got := (&Refusal{Class: class}).Undecided(); got != want {
			t.Errorf("%s: %v", class, got)
		}
	}
}

// FuzzClassify: whatever a server says, its refusal is one line and names its cause.
func FuzzClassify(f *testing.F) {
	f.Add(500, "InternalError", `Internal error occurred: failed calling webhook "w": failed to call webhook: x`)
	f.Add(400, "", `admission webhook "w" denied the request: x`)
	f.Add(403, "Forbidden", `pods "a" is forbidden: exceeded quota: q`)
	f.Fuzz(func(t *testing.T, code int, reason, message string) {
		r := Classify(said(code, metav1.StatusReason(reason), message))
		if r == nil {
			return
		}
		if r.Class == "" || r.Err == nil || strings.Contains(r.Error()+r.Cause, "\n") {
			t.Errorf("%+v", r)
		}
	})
}
