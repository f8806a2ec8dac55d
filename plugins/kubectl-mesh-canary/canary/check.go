package canary

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/preflight"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
)

const checkLong = `Find what stands in the way of moving the mesh to another revision, each with
its remedy. Nothing is changed.

  control-plane  the target is installed, all its replicas are ready, its
                 webhook injects a pod (by a dry run), and it shares trust
                 domain and root certificates with the present revision, as far
                 as these are to be seen
  version        the version rules: up two minor versions by revisions, one in
                 place and on AKS; one down
  configuration  what differs in mesh configuration, injector values, replicas
                 and autoscalers
  labels         labels that contradict one another, name nothing, or name a tag
                 whose revision is gone; workloads and Gateways that name the
                 revision itself, and so stay behind
  gateways       Gateway API gateways that istiod re-rolls at once when a tag or
                 a label moves
  envoy-filters  EnvoyFilters whose proxyVersion stops or starts to match
  retries        VirtualServices that switch retries off, wherever they are kept
  restarts       workloads that cannot be restarted cleanly
  gitops         namespaces whose labels Argo CD or Flux would put back
  unchecked      what could not be read: it is never passed over

Only what follows the revision that is left counts. Where no other revision is
installed than the target, or --from names the target as well, the upgrade is
one in place: then the restarts are what matters, and the versions of the
proxies that run.

Exit code: 0 done; 1 an error, or an answer that is incomplete; 2 findings,
under --exit-code only; 124 --timeout is over; 130 interrupted.`

const checkExample = `  # What is to be done before the mesh is moved to revision 1-23
  kubectl mesh-canary check --to 1-23

  # With several revisions in use, from one of them
  kubectl mesh-canary check --from 1-22 --to 1-23

  # In a pipeline: fail on findings; for a script, only what blocks
  kubectl mesh-canary check --to 1-23 --exit-code
  kubectl mesh-canary check --to 1-23 -o json |
    jq -r '.items[] | select(.severity == "error") | .remedy'`

// checkOptions is what the command line of `check` says.
type checkOptions struct {
	question
	To, From string
	ExitCode bool
}

func newCheckCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &checkOptions{question: newQuestion(streams)}
	cmd := &cobra.Command{
		Use: "check --to REVISION [--from REVISION]", Short: "Find what stands in the way of an upgrade, with the remedies",
		Long: checkLong, Example: checkExample, Args: plugin.NoArguments, ValidArgsFunction: completion.None,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Complete(args); err != nil {
				return err
			}
			if err := o.Validate(); err != nil {
				return err
			}
			return o.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&o.To, "to", o.To, "The `revision` to move to.")
	cmd.Flags().StringVar(&o.From, "from", o.From, "The `revision` to leave. Unset, it is found: the only other one that namespaces follow.")
	cmd.Flags().BoolVar(&o.ExitCode, "exit-code", o.ExitCode, "Exit with 2 when there are findings.")
	o.addFlags(cmd)
	return cmd
}

// Complete works out what the flags leave open. The error is about --sort-by.
func (o *checkOptions) Complete([]string) error { return o.complete(&v1alpha1.Finding{}) }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *checkOptions) Validate() error {
	if o.To == "" {
		return errors.New("--to is missing: name the revision to move to; `kubectl mesh-canary revisions` shows those that are installed")
	}
	return o.validate()
}

// Run reads the facts, and prints what is found. The error carries the exit code.
func (o *checkOptions) Run(ctx context.Context) error {
	return o.ask(ctx, func(ctx context.Context, clients *cluster.Clients) error {
		facts, err := preflight.Read(ctx, clients, preflight.Options{To: o.To, From: o.From, IstioNamespace: o.IstioNamespace, Chunk: o.Chunk})
		if err != nil {
			return err
		}
		report := preflight.Report(*facts)
		if err := sorts(&o.question, report.Items); err != nil {
			return err
		}
		if err := o.show(report); err != nil {
			return err
		}
		return o.conclude(report)
	})
}

// conclude is the exit code of a report: what could not be checked comes before what was found.
func (o *checkOptions) conclude(report *v1alpha1.CheckReport) error {
	if n := report.Summary.ByCategory[v1alpha1.Unchecked]; n > 0 {
		return fmt.Errorf("the answer is incomplete: what could not be checked: %d", n)
	}
	if o.ExitCode && report.Summary.Findings > 0 {
		return &exit.Error{Code: exit.Findings}
	}
	return nil
}

// show prints the report in the format that was asked for.
func (o *checkOptions) show(report *v1alpha1.CheckReport) error {
	switch o.Output {
	case asTable:
		return writing(preflight.Print(o.Out, report, o.NoHeaders))
	case asWideTable:
		if len(report.Items) == 0 {
			fmt.Fprintln(o.ErrOut, "No findings.")
			return nil
		}
		table := printing.Table[v1alpha1.Finding]{Columns: findingColumns(), Wide: true, NoHeaders: o.NoHeaders}
		return writing(table.Print(o.Out, report.Items))
	case asNames:
		for _, f := range report.Items {
			if _, err := fmt.Fprintln(o.Out, printing.Escape(preflight.Name(f.Object))); err != nil {
				return writing(err)
			}
		}
		return nil
	default:
		return o.print(report)
	}
}

func findingColumns() []printing.Column[v1alpha1.Finding] {
	type item = v1alpha1.Finding
	return []printing.Column[item]{
		{Header: "CATEGORY", Extract: func(f item) string { return string(f.Category) }},
		{Header: "SEVERITY", Extract: func(f item) string { return string(f.Severity) }},
		{Header: "CHECK", Extract: func(f item) string { return f.Check }},
		{Header: "NAMESPACE", Extract: func(f item) string { return f.Object.Namespace }},
		{Header: "OBJECT", Extract: func(f item) string { return preflight.Name(f.Object) }},
		{Header: "MESSAGE", Extract: func(f item) string { return f.Message }},
		{Header: "REMEDY", Extract: func(f item) string { return f.Remedy }},
	}
}
