package dryrun

import (
	"context"
	"errors"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// patience is how many requests in a row may get no answer from an API server before it counts as out of reach. Each of
// them was tried several times.
const patience = 5

// reach keeps count of the requests that got no answer.
type reach struct{ unanswered int }

// after takes the outcome of a request, and says whether to give up: at the end of ctx, where the credentials do not do, and
// where nothing has answered for a while.
func (r *reach) after(ctx context.Context, err error) (giveUp bool) {
	var api apierrors.APIStatus
	if err == nil || errors.As(err, &api) {
		r.unanswered = 0
		return ctx.Err() != nil || apierrors.IsUnauthorized(err)
	}
	r.unanswered++
	return ctx.Err() != nil || r.unanswered >= patience
}

// failed is the refusal of a workload whose request failed for good, while others may do well. The cause leaves out the
// request's URL, which is another one in every namespace.
func failed(err error) Answer {
	cause := err
	var request *url.Error
	var api apierrors.APIStatus
	switch {
	case errors.As(err, &request):
		cause = request.Err
	case errors.As(err, &api):
		cause = errors.New(api.Status().Message)
	}
	return Answer{Refusal: &Refusal{Class: ServerError, Cause: oneLine(cause.Error()), Err: err}}
}
