package canary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/preflight"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/provider"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
)

// toolFlags name the user's own tool that brings a control plane up, or takes it down.
type toolFlags struct {
	// Flag and Value are those that name it; Value is empty for none.
	Flag, Value string
	AKS         provider.Options

	tool *provider.Provider
}

func (t *toolFlags) addFlags(flags *pflag.FlagSet, usage string) {
	flags.StringVar(&t.Value, t.Flag, t.Value, usage)
	flags.StringVar(&t.AKS.ResourceGroup, "aks-resource-group", "", "The resource group of the AKS cluster.")
	flags.StringVar(&t.AKS.Name, "aks-name", "", "The name of the AKS cluster.")
}

// validate finds a tool that does not exist, or that would be about another cluster, before anything is begun that needs it.
func (t *toolFlags) validate(connection *genericclioptions.ConfigFlags) error {
	if t.Value == "" {
		if t.AKS != (provider.Options{}) {
			return fmt.Errorf("--aks-resource-group and --aks-name are for --%s aks", t.Flag)
		}
		return nil
	}
	var err error
	if t.tool, err = provider.New("--"+t.Flag, t.Value, t.AKS); err != nil {
		return err
	}
	if err := handedOn(t.Flag, t.tool, connection); err != nil {
		return err
	}
	return t.tool.Check()
}

// handedOn finds flags of the connection that a tool, which knows of a kubeconfig and its context, would not hear of: it would change
// another cluster than the one that was looked at, or as somebody else.
func handedOn(flag string, tool *provider.Provider, connection *genericclioptions.ConfigFlags) error {
	if !tool.Connects() {
		return nil
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"cluster", given(connection.ClusterName)}, {"user", given(connection.AuthInfoName)}, {"server", given(connection.APIServer)},
		{"token", given(connection.BearerToken)}, {"as", given(connection.Impersonate)}, {"as-uid", given(connection.ImpersonateUID)},
		{"as-group", connection.ImpersonateGroup != nil && len(*connection.ImpersonateGroup) > 0},
		{"as-user-extra", connection.ImpersonateUserExtra != nil && len(*connection.ImpersonateUserExtra) > 0},
		{"client-certificate", given(connection.CertFile)}, {"client-key", given(connection.KeyFile)},
		{"certificate-authority", given(connection.CAFile)}, {"tls-server-name", given(connection.TLSServerName)},
		{"insecure-skip-tls-verify", connection.Insecure != nil && *connection.Insecure},
	} {
		if f.set {
			return fmt.Errorf("--%s cannot be handed on to the tool of --%s: write it into a kubeconfig, and name that with --kubeconfig or --context", f.name, flag)
		}
	}
	return nil
}

func given(value *string) bool { return value != nil && *value != "" }

// install has the tool bring up the revision to move to, unless it is there, and waits until it is ready. The error says what the tool
// said.
func (o *startOptions) install(ctx context.Context, s *session) error {
	u := s.upgrade
	if o.tool == nil {
		return nil
	}
	lines, err := o.tool.Lines(provider.Install, provider.Target{
		Revision: u.To, Other: u.From, IstioNamespace: s.namespace, Kubeconfig: *o.ConfigFlags.KubeConfig, Context: *o.ConfigFlags.Context,
	})
	if err != nil {
		return err
	}
	lacks, err := o.missing(ctx, s)
	switch {
	case err != nil:
		return err
	case lacks == "":
		fmt.Fprintf(o.ErrOut, "Revision %s is installed already.\n", printing.Escape(u.To))
	default:
		if err := s.held(ctx); err != nil {
			return err
		}
		if err := provider.Run(ctx, lines, o.ErrOut, o.ErrOut, o.toRun); err != nil {
			return err
		}
	}
	if err := o.awaitReady(ctx, s); err != nil {
		return err
	}
	s.coming = ""
	return s.look(ctx)
}

func (o *startOptions) toRun(l provider.Line) {
	fmt.Fprintln(o.ErrOut, "==>", printing.Escape(l.String()))
}

const readyLook = 2 * time.Second

// awaitReady waits until the new revision's istiod serves, for as long as a workload may take: most tools wait for it themselves, but
// some only ask for it.
func (o *startOptions) awaitReady(ctx context.Context, s *session) error {
	longest := o.Pacing.WorkloadTimeout
	ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("--install has not brought it up within %s (--workload-timeout)", restarttext.Duration(longest)))
	defer cancel()
	for told := ""; ; {
		missing, err := o.missing(ctx, s)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if missing == "" && err == nil {
			return nil
		}
		if missing != told && missing != "" {
			fmt.Fprintf(o.ErrOut, "waiting for at most %s: %s\n", restarttext.Duration(longest), printing.Escape(missing))
			told = missing
		}
		select {
		case <-ctx.Done():
			cause := context.Cause(ctx)
			if errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded) {
				return cause
			}
			return fmt.Errorf("revision %s: %w: %s; see `kubectl get pods -n %s`", s.upgrade.To, cause, told, s.namespace)
		case <-time.After(readyLook):
		}
	}
}

// missing says what a revision lacks to serve, empty for nothing. What else may stand in the way is looked at once, when it is there.
func (o *startOptions) missing(ctx context.Context, s *session) (string, error) {
	return preflight.Missing(ctx, s.clients, preflight.Options{To: s.upgrade.To, From: s.upgrade.From, IstioNamespace: s.namespace, Chunk: o.Chunk})
}

// retire uninstalls a revision that the upgrade has left, if a tool was named for that and nothing needs it.
func (t *toolFlags) retire(ctx context.Context, o *upgradeOptions, istioNamespace, revision string) error {
	if t.tool == nil {
		return nil
	}
	r := &retireOptions{tagOptions: newTagOptions(o.IOStreams), Revision: revision, Execute: true, Uninstall: t.Value, AKS: t.AKS, Yes: o.Yes, LeaseDuration: o.LeaseDuration, tool: t.tool}
	r.ConfigFlags, r.IstioNamespace, r.Chunk, r.Timeout = o.ConfigFlags, istioNamespace, o.Chunk, o.Timeout
	return r.Run(ctx)
}
