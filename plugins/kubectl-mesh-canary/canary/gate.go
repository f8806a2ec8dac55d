package canary

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/preflight"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// gateStart looks for what stands in the way of an upgrade that begins: any error. skip lets the version rules be; what is risked is
// warned of. Everything else is counted.
func (o *upgradeOptions) gateStart(ctx context.Context, s *session, skip bool) error {
	findings, err := o.findings(ctx, s)
	if err != nil {
		return err
	}
	var blocking []v1alpha1.Finding
	others := 0
	for _, f := range findings {
		switch {
		case f.Severity != v1alpha1.Blocking:
			others++
		case skip && f.Category == v1alpha1.AboutVersion:
			fmt.Fprintln(o.ErrOut, "warning: skipped:", printing.Escape(f.Message))
		default:
			blocking = append(blocking, f)
		}
	}
	if others > 0 {
		fmt.Fprintf(o.ErrOut, "Worth knowing before: %d (see `%s`).\n", others, checkCommand(s.upgrade))
	}
	return o.refusal(s.upgrade, blocking)
}

// gateAdvance looks for an error of the new control plane, which then could not inject what is moved to it.
func (o *upgradeOptions) gateAdvance(ctx context.Context, s *session) error {
	findings, err := o.findings(ctx, s)
	if err != nil {
		return err
	}
	return o.refusal(s.upgrade, slices.DeleteFunc(findings, func(f v1alpha1.Finding) bool { return !unhealthy(f) }))
}

func unhealthy(f v1alpha1.Finding) bool {
	return f.Category == v1alpha1.AboutControlPlane && f.Severity == v1alpha1.Blocking
}

// gateRollback looks whether the old control plane answers: what is moved back to one that does not could not be created any more.
func (o *upgradeOptions) gateRollback(ctx context.Context, s *session) error {
	facts, err := preflight.Read(ctx, s.clients, preflight.Options{To: s.upgrade.From, From: s.upgrade.To, IstioNamespace: s.namespace, Chunk: o.Chunk})
	if err != nil {
		return err
	}
	for _, f := range preflight.Report(*facts).Items {
		if preflight.Failing(f) {
			return fmt.Errorf("revision %s cannot be gone back to: %s; bring its istiod up first: `kubectl get pods -n %s -l istio.io/rev=%s`",
				s.upgrade.From, f.Message, s.namespace, s.upgrade.From)
		}
	}
	return nil
}

// gateComplete looks for what keeps the mesh from leaving the old revision: an error of the new control plane, or something that
// names the old one itself.
func (o *upgradeOptions) gateComplete(ctx context.Context, s *session) error {
	findings, err := o.findings(ctx, s)
	if err != nil {
		return err
	}
	return o.refusal(s.upgrade, slices.DeleteFunc(findings, func(f v1alpha1.Finding) bool {
		return !unhealthy(f) && f.Check != preflight.Pinned
	}))
}

func (o *upgradeOptions) findings(ctx context.Context, s *session) ([]v1alpha1.Finding, error) {
	u := s.upgrade
	facts, err := preflight.Read(ctx, s.clients, preflight.Options{To: u.To, From: u.From, IstioNamespace: s.namespace, Chunk: o.Chunk})
	if err != nil {
		return nil, err
	}
	return preflight.Report(*facts).Items, nil
}

func checkCommand(u *v1alpha1.CanaryUpgrade) string {
	return fmt.Sprintf("kubectl mesh-canary check --from %s --to %s", u.From, u.To)
}

// refusal is the error about what stands in the way, nil for nothing. Of several things, each is told with what to type.
func (o *upgradeOptions) refusal(u *v1alpha1.CanaryUpgrade, blocking []v1alpha1.Finding) error {
	switch len(blocking) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s; %s", told(blocking[0]), todo(blocking[0].Remedy))
	}
	for _, f := range blocking {
		fmt.Fprintf(o.ErrOut, "%s\n  %s\n", printing.Escape(told(f)), printing.Escape(f.Remedy))
	}
	return fmt.Errorf("%s stand in the way: type what is said above of each, and see `%s`", restarttext.Count(len(blocking), "thing"), checkCommand(u))
}

// todo is a remedy as the end of a sentence. Some are no commands.
func todo(remedy string) string {
	if program, _, _ := strings.Cut(remedy, " "); slices.Contains([]string{"kubectl", "istioctl", "az"}, program) {
		return "type `" + remedy + "`"
	}
	return remedy
}

// told is a finding in one sentence.
func told(f v1alpha1.Finding) string {
	object := f.Object.Kind + " " + f.Object.Name
	if f.Object.Namespace != "" {
		object += " in namespace " + f.Object.Namespace
	}
	return object + ": " + f.Message
}
