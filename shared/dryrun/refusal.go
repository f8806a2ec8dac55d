package dryrun

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Class sorts the reasons for which a pod would not be created.
type Class string

// The classes of refusals.
const (
	// WebhookFailed: a webhook could not be called, or gave no valid answer in time. Every pod that is put to it is
	// refused until it is well again.
	WebhookFailed Class = "webhook-failed"
	// WebhookDenied: a webhook said no, as istiod does to a malformed annotation.
	WebhookDenied Class = "webhook-denied"
	// NoDryRun: a webhook has side effects, so that it may not be called by a dry run. What would happen cannot be told.
	NoDryRun Class = "no-dry-run"
	// Forbidden: the caller may not create pods in the namespace. What would happen cannot be told.
	Forbidden Class = "forbidden"
	// Quota: a ResourceQuota is exhausted, or asks for requests and limits that the pod does not have.
	Quota Class = "quota"
	// PodSecurity: the pod violates the namespace's Pod Security Standard.
	PodSecurity Class = "pod-security"
	// NoServiceAccount: the pod's ServiceAccount does not exist.
	NoServiceAccount Class = "no-service-account"
	// NamespaceTerminating: the namespace is being deleted.
	NamespaceTerminating Class = "namespace-terminating"
	// NoNamespace: the namespace does not exist.
	NoNamespace Class = "no-namespace"
	// Invalid: the API server finds the pod malformed, perhaps only after an injection.
	Invalid Class = "invalid"
	// Denied: another admission plugin or policy said no.
	Denied Class = "denied"
	// ServerError: the API server came upon an internal error, as it does where a webhook's patch does not apply; or, from
	// Each, it failed otherwise, however often it was asked.
	ServerError Class = "server-error"
	// Unasked: nothing could be put to the API server, because neither a template nor a pod of the workload can be read.
	Unasked Class = "unasked"
)

// Refusal says why a pod would not be created.
type Refusal struct {
	Class Class
	// Webhook is the name of the webhook that failed, denied or cannot be asked by a dry run; empty for the others.
	Webhook string
	// Cause is the reason, on one line, without what Class and Webhook say.
	Cause string
	// Err is the API server's error.
	Err error
}

// Error returns the whole message on one line.
func (r *Refusal) Error() string { return oneLine(r.Err.Error()) }

// Unwrap returns the API server's error.
func (r *Refusal) Unwrap() error { return r.Err }

// ByInjector says whether it was one of Istio's injectors that failed or denied, and not another webhook.
func (r *Refusal) ByInjector() bool { return strings.HasSuffix(r.Webhook, revision.InjectorSuffix) }

// Undecided says whether the refusal tells nothing about what would happen to a pod that the workload's own controller
// creates.
func (r *Refusal) Undecided() bool {
	return r.Class == Forbidden || r.Class == NoDryRun || r.Class == Unasked
}

// What the API server says. Sources: ErrCallingWebhook in k8s.io/apiserver/pkg/util/webhook; ToStatusErr and
// NewDryRunUnsupportedErr in k8s.io/apiserver/pkg/admission/plugin/webhook/errors; NewForbidden in
// k8s.io/apiserver/pkg/admission; ForbiddenStatus in k8s.io/apiserver/pkg/endpoints/handlers/responsewriters.
var (
	failedCalling = regexp.MustCompile(`(?s)failed calling webhook "([^"]*)": (?:failed to call webhook: )?(.*)`)
	deniedRequest = regexp.MustCompile(`(?s)^admission webhook "([^"]*)" denied the request(?:: | )(.*)`)
	noDryRun      = regexp.MustCompile(`^admission webhook "([^"]*)" (does not support dry run)`)
	notAdmitted   = regexp.MustCompile(`(?s)^pods "[^"]*" is forbidden: (.*)`)
	notAuthorised = regexp.MustCompile(`(?s)^pods is forbidden: (.* cannot create resource "pods" .*)`)
)

// admission are the beginnings of the messages of admission plugins. Sources: resourcequota in
// k8s.io/apiserver/pkg/admission/plugin; podsecurity and serviceaccount in k8s.io/kubernetes/plugin/pkg/admission.
var admission = []struct {
	prefix string
	class  Class
}{
	{"exceeded quota: ", Quota},
	{"failed quota: ", Quota},
	{"status unknown for quota: ", Quota},
	{"insufficient quota ", Quota},
	{"violates PodSecurity ", PodSecurity},
	{"error looking up service account ", NoServiceAccount},
}

// Classify returns the refusal that an error of a pod's creation amounts to. It returns nil for nil, and for an error that
// has nothing to do with the pod: of a cluster that cannot be reached or that fails, of credentials, of ctx.
func Classify(err error) *Refusal {
	var api apierrors.APIStatus
	if !errors.As(err, &api) {
		return nil
	}
	r := classify(api.Status(), err)
	if r == nil {
		return nil
	}
	r.Cause, r.Err = oneLine(r.Cause), err
	return r
}

func classify(status metav1.Status, err error) *Refusal {
	if m := failedCalling.FindStringSubmatch(status.Message); m != nil {
		return &Refusal{Class: WebhookFailed, Webhook: m[1], Cause: m[2]}
	}
	if m := deniedRequest.FindStringSubmatch(status.Message); m != nil {
		return &Refusal{Class: WebhookDenied, Webhook: m[1], Cause: m[2]}
	}
	if m := noDryRun.FindStringSubmatch(status.Message); m != nil {
		return &Refusal{Class: NoDryRun, Webhook: m[1], Cause: m[2]}
	}
	if m := notAuthorised.FindStringSubmatch(status.Message); m != nil {
		return &Refusal{Class: Forbidden, Cause: m[1]}
	}
	if m := notAdmitted.FindStringSubmatch(status.Message); m != nil {
		return &Refusal{Class: admitted(err, m[1]), Cause: m[1]}
	}
	return ofKind(status)
}

// admitted tells apart what admission plugins say.
func admitted(err error, cause string) Class {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return NamespaceTerminating
	}
	for _, a := range admission {
		if strings.HasPrefix(cause, a.prefix) {
			return a.class
		}
	}
	return Denied
}

// ofKind classifies by code what is told by no message.
func ofKind(status metav1.Status) *Refusal {
	about := ""
	if status.Details != nil {
		about = status.Details.Kind
	}
	switch {
	case status.Code == http.StatusNotFound && about == "namespaces":
		return &Refusal{Class: NoNamespace, Cause: status.Message}
	case status.Reason == metav1.StatusReasonInternalError:
		return &Refusal{Class: ServerError, Cause: status.Message}
	case status.Code == http.StatusUnprocessableEntity, status.Code == http.StatusBadRequest:
		return &Refusal{Class: Invalid, Cause: status.Message}
	default:
		return nil
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// unasked is the refusal of a workload that there is nothing to ask with.
func unasked(format string, args ...any) Answer {
	err := fmt.Errorf(format, args...)
	return Answer{Refusal: &Refusal{Class: Unasked, Cause: oneLine(err.Error()), Err: err}}
}
