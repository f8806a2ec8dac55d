package tag

import (
	"errors"
	"fmt"
	"testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
)

func TestWhatContradictsATag(t *testing.T) {
	const injector, policy = "rev.namespace.sidecar-injector.istio.io", "policy.example.com"
	for _, c := range []struct {
		err  error
		want bool
	}{
		{injectedBy(dryrun.Answer{}, "1-23"), true},
		{injectedBy(dryrun.Answer{Injected: true, Revision: "1-22"}, "1-23"), true},
		{&dryrun.Refusal{Class: dryrun.WebhookFailed, Webhook: injector}, true},
		{&dryrun.Refusal{Class: dryrun.WebhookDenied, Webhook: policy}, false},
		{&dryrun.Refusal{Class: dryrun.Forbidden}, false},
		{errors.New("in no namespace does it select a pod"), false},
	} {
		if got := Contradicts(fmt.Errorf("tag prod-canary was not seen to inject: %w", c.err)); got != c.want {
			t.Errorf("%v: %t, want %t", c.err, got, c.want)
		}
	}
	if err := injectedBy(dryrun.Answer{Injected: true, Revision: "1-23"}, "1-23"); err != nil || Contradicts(err) {
		t.Errorf("what is as it should be: %v", err)
	}
}
