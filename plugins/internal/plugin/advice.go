package plugin

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-mesh/kubectl-mesh/shared/transport"
)

// advice names the next command to type for failures that every plugin can meet. namespaced says whether the command can be asked about
// one namespace alone.
func advice(err error, namespaced bool) string {
	if text := adviceOnAnswers(err, namespaced); text != "" {
		return text
	}
	var netErr *net.OpError
	var urlErr *url.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case strings.Contains(err.Error(), credentialPlugin):
		return "; the kubeconfig has that program hand out the credentials: see what it says when you run it yourself, and `kubectl config view --minify`"
	case errors.As(err, &certificate):
		return "; the kubeconfig does not trust that certificate: see `kubectl config view --minify`"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "; what is between here and the cluster cuts connections: see whether `kubectl get pods -A` comes through"
	case errors.As(err, &netErr) || errors.As(err, &urlErr):
		return "; is the cluster up, and the context right? See `kubectl config current-context` and `kubectl cluster-info`"
	default:
		return ""
	}
}

// credentialPlugin is how the errors of the program begin that a kubeconfig names under `exec`; they have no type. Source: RoundTrip in
// k8s.io/client-go/plugin/pkg/client/auth/exec.
const credentialPlugin = "getting credentials: exec: "

// adviceOnAnswers is advice for failures where something has answered, or should have.
func adviceOnAnswers(err error, namespaced bool) string {
	var late *transport.TimeoutError
	var busy *transport.BusyError
	var foreign *transport.ForeignError
	switch {
	case errors.As(err, &late):
		return "; allow more, or see whether the cluster is well: `kubectl get --raw /readyz`"
	case errors.As(err, &busy):
		return "; try again then"
	case errors.As(err, &foreign):
		return " See `kubectl cluster-info`"
	case apierrors.IsTooManyRequests(err):
		return "; the server stayed busy, though it was asked again and again: try again later"
	case apierrors.IsInternalError(err), apierrors.IsServiceUnavailable(err), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return "; that is the server's own trouble: see `kubectl get --raw '/readyz?verbose'`"
	case apierrors.IsUnauthorized(err):
		return "; the cluster does not accept these credentials: see `kubectl auth whoami`"
	case apierrors.IsForbidden(err) && !namespaced:
		return "; ask for that permission: see `kubectl auth can-i --list`"
	case apierrors.IsForbidden(err):
		return "; ask for that permission, or name a namespace with -n: see `kubectl auth can-i --list`"
	default:
		return ""
	}
}
