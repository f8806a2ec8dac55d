package canary

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/exit"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/provider"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/retirement"
)

// retireOptions is what the command line of `retire` says.
type retireOptions struct {
	tagOptions
	Revision string
	ExitCode bool
	// Execute uninstalls the revision, by the tool that Uninstall names; empty, it is istioctl where the revision came from that.
	Execute   bool
	Uninstall string
	AKS       provider.Options
	Yes       bool
	// LeaseDuration is for how long a process that is gone keeps others out.
	LeaseDuration time.Duration

	tool *provider.Provider
}

func newRetireCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &retireOptions{tagOptions: newTagOptions(streams), LeaseDuration: defaultLease}
	cmd := &cobra.Command{
		Use: "retire REVISION", Short: "Say what still needs a revision, and uninstall what nothing needs",
		Long: retireLong, Example: retireExample, Args: cobra.ArbitraryArgs,
		RunE: runs(o.Complete, o.Validate, o.Run),
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.ExitCode, "exit-code", o.ExitCode, "Exit with code 2 if anything still needs the revision.")
	flags.BoolVar(&o.Execute, "run", o.Execute, "Uninstall the revision if nothing needs it, and then what is left of its configuration.")
	flags.StringVar(&o.Uninstall, "uninstall", o.Uninstall,
		"The `tool` that --run uninstalls with: istioctl or aks, also with arguments of their own, or a command of your own. Unset, it is istioctl, unless the revision came from Helm or AKS.")
	flags.StringVar(&o.AKS.ResourceGroup, "aks-resource-group", "", "The resource group of the AKS cluster.")
	flags.StringVar(&o.AKS.Name, "aks-name", "", "The name of the AKS cluster.")
	flags.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
	o.addFlags(cmd)
	cmd.ValidArgsFunction = revisionNames(o.ConfigFlags)
	return cmd
}

// Complete takes the name of the revision.
func (o *retireOptions) Complete(args []string) error {
	if len(args) != 1 {
		return errors.New("name one revision, such as 1-22: `kubectl mesh-canary revisions` shows those that there are")
	}
	o.Revision = args[0]
	return nil
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *retireOptions) Validate() error {
	if o.ConfigFlags.Namespace != nil && *o.ConfigFlags.Namespace != "" {
		return errors.New("a revision is of the whole mesh, so that -n means nothing here; Istio's own namespace is named with -i")
	}
	if err := o.validate(); err != nil {
		return err
	}
	if !o.Execute {
		// Without --run nothing is asked, so that --yes does no harm.
		if o.Uninstall != "" || o.AKS != (provider.Options{}) {
			return errors.New("--uninstall, --aks-resource-group and --aks-name say how to uninstall, which only --run does")
		}
		return nil
	}
	var err error
	if o.Uninstall == "" && o.AKS != (provider.Options{}) {
		return errors.New("--aks-resource-group and --aks-name are for --uninstall aks")
	}
	if o.tool, err = provider.New("--uninstall", cmp.Or(o.Uninstall, "istioctl"), o.AKS); err != nil {
		return err
	}
	if err := handedOn("uninstall", o.tool, o.ConfigFlags); err != nil {
		return err
	}
	return o.tool.Check()
}

// Run prints what needs the revision and, if that is nothing and it was asked for, uninstalls it. The error says what failed, that the
// answer is incomplete, or that the revision is needed although it was to be uninstalled.
func (o *retireOptions) Run(ctx context.Context) error { return o.within(ctx, o.retire) }

func (o *retireOptions) retire(ctx context.Context, clients *cluster.Clients) error {
	namespace := o.IstioNamespace
	if namespace == "" {
		var err error
		if namespace, err = retirement.Locate(ctx, clients, o.Revision); err != nil {
			return err
		}
	}
	config, err := plugin.RESTConfig(o.ConfigFlags, pluginName)
	if err != nil {
		return err
	}
	report, origin, err := o.decide(ctx, clients, config, namespace)
	if err != nil {
		return err
	}
	if err := o.print(report); err != nil {
		return err
	}
	switch {
	case o.Execute && !report.Safe:
		return fmt.Errorf("revision %s is not uninstalled, for it is needed (%s): see above what to type", o.Revision, restarttext.Count(blocking(report), "reason"))
	case o.Execute && o.Uninstall == "" && !origin.Istioctl():
		return fmt.Errorf("revision %s did not come from istioctl: type `%s`", o.Revision, origin.Command(namespace, o.Revision, *o.ConfigFlags.Context))
	case o.Execute:
		return o.uninstall(ctx, config, namespace)
	default:
		return o.outcome(report)
	}
}

func (o *retireOptions) decide(ctx context.Context, clients *cluster.Clients, config *rest.Config, namespace string) (*v1alpha1.Retirement, retirement.Origin, error) {
	u, err := openUpgrade(ctx, clients, namespace)
	if err != nil {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(err.Error()))
	}
	facts, err := retirement.Read(ctx, clients, retirement.Options{
		Revision: o.Revision, IstioNamespace: namespace, Tool: o.toolKind(), Chunk: o.Chunk, Upgrade: u, Config: config,
	})
	if err != nil {
		return nil, retirement.Origin{}, err
	}
	o.tell(facts.Gaps)
	if !facts.Installed {
		fmt.Fprintf(o.ErrOut, "Revision %s has no injector of its own in the mesh of %s.\n", printing.Escape(o.Revision), printing.Escape(namespace))
	}
	if facts.Ending != "" {
		fmt.Fprintf(o.ErrOut, "An upgrade from revision %s to %s is under way (%s).\n", printing.Escape(u.From), printing.Escape(u.To), words(u.Phase))
	}
	return retirement.Report(facts, retirement.Decide(facts)), facts.Origin, nil
}

// toolKind says which tool would uninstall the revision.
func (o *retireOptions) toolKind() retirement.Tool {
	switch {
	case o.Uninstall == "":
		return retirement.Usual
	case o.tool.IsIstioctl():
		return retirement.Istioctl
	default:
		return retirement.Other
	}
}

// blocking counts the reasons why the revision must stay.
func blocking(r *v1alpha1.Retirement) (n int) {
	for _, i := range r.Items {
		if i.Blocks {
			n++
		}
	}
	return n
}

// outcome says what the answer comes to where nothing was to be done.
func (o *retireOptions) outcome(r *v1alpha1.Retirement) error {
	unread := 0
	for _, i := range r.Items {
		if i.Need == v1alpha1.NeedUnchecked {
			unread++
		}
	}
	switch {
	case unread > 0:
		return fmt.Errorf("the answer is incomplete: reads that were refused: %d", unread)
	case o.ExitCode && !r.Safe:
		return &exit.Error{Code: exit.Findings}
	default:
		return nil
	}
}

func (o *retireOptions) print(r *v1alpha1.Retirement) error {
	switch o.Output {
	case "", outputWide:
		if r.Safe {
			known := "."
			if len(r.Items) > 0 {
				known = "; this is to be known:"
			}
			fmt.Fprintf(o.ErrOut, "Nothing needs revision %s of the mesh in %s%s\n", printing.Escape(r.Revision), printing.Escape(r.IstioNamespace), known)
		}
		if len(r.Items) == 0 {
			return nil
		}
		table := printing.Table[v1alpha1.RetirementNeed]{Columns: needColumns(), Wide: o.Output == outputWide, NoHeaders: o.NoHeaders}
		return table.Print(o.Out, r.Items)
	case outputName:
		_, err := fmt.Fprintln(o.Out, "revision/"+printing.Escape(r.Revision))
		return err
	default:
		return o.object(r)
	}
}

func needColumns() []printing.Column[v1alpha1.RetirementNeed] {
	type need = v1alpha1.RetirementNeed
	return []printing.Column[need]{
		{Header: "NEED", Extract: func(n need) string { return string(n.Need) }},
		{Header: "OBJECT", Extract: func(n need) string { return n.Object }},
		{Header: "WHY", Wide: true, Extract: func(n need) string { return n.Why }},
		{Header: "REMEDY", Extract: func(n need) string { return n.Command }},
	}
}
