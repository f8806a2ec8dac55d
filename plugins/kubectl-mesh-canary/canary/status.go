package canary

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

// statusOptions is what the command line of `status` says.
type statusOptions struct {
	upgradeOptions
	Output    string
	NoHeaders bool
	Restore   string
	Watch     bool

	formats *plugin.Formats
}

func newStatusCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &statusOptions{upgradeOptions: newUpgradeOptions(streams), formats: plugin.NewFormats()}
	cmd := &cobra.Command{
		Use: "status", Short: "Show how far the upgrade is, and what to type next",
		Long: statusLong, Example: statusExample, Args: plugin.NoArguments, ValidArgsFunction: completion.None, RunE: runs(none, o.Validate, o.Run),
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Output, "output", "o", o.Output, "Output `format`: "+plugin.OrList(o.formats.Names(outputWide))+". Other than the table, it is the whole record.")
	flags.BoolVar(&o.NoHeaders, "no-headers", o.NoHeaders, "Print the table without its headers.")
	flags.BoolVarP(&o.Watch, "watch", "w", o.Watch,
		"Keep the answer up to date until Ctrl-C: on a terminal it is replaced, on a pipe every change is a line, and in other formats the record is printed whenever it changes.")
	flags.StringVar(&o.Restore, "restore", o.Restore, "Give back a record that is lost: a `file` that was printed by -o yaml or -o json, - for standard input.")
	o.addCommonFlags(cmd, outputWide)
	return cmd
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *statusOptions) Validate() error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.Watch && o.Restore != "" {
		return errors.New("--watch shows a record and --restore writes one: use either")
	}
	if !o.machine() {
		return nil
	}
	_, err := o.formats.Printer(o.Output, o.NoHeaders, outputWide)
	return err
}

// Run shows the upgrade. The error says that the record cannot be read, what failed, or that the answer is incomplete.
func (o *statusOptions) Run(ctx context.Context) error {
	if o.Restore != "" {
		return o.restore(ctx)
	}
	return o.within(ctx, func(ctx context.Context, config *rest.Config) error {
		clients, err := cluster.Connect(config)
		if err != nil {
			return err
		}
		namespace, err := o.locate(ctx, clients, "")
		// Who names Istio's namespace needs no webhooks to find it.
		if apierrors.IsForbidden(err) && o.IstioNamespace != "" {
			namespace, err = o.IstioNamespace, nil
		}
		if err != nil {
			return err
		}
		r := newStatusReader(clients, namespace, o.Chunk)
		switch {
		case o.Watch:
			return o.watch(ctx, r)
		case o.machine():
			return o.print(ctx, r)
		default:
			return o.show(ctx, r)
		}
	})
}

// machine says whether the record itself is asked for.
func (o *statusOptions) machine() bool { return o.Output != "" && o.Output != outputWide }

func (o *statusOptions) print(ctx context.Context, r *statusReader) error {
	u, err := r.record(ctx)
	if err != nil {
		return err
	}
	if u == nil {
		return o.write(o.Out, o.ErrOut, &moment{namespace: r.namespace})
	}
	printer, err := o.formats.Printer(o.Output, o.NoHeaders, outputWide)
	if err != nil {
		return err
	}
	return writing(printer.PrintObj(u, o.Out))
}

func (o *statusOptions) show(ctx context.Context, r *statusReader) error {
	m, err := r.read(ctx)
	if err != nil {
		return err
	}
	if err := o.write(o.Out, o.ErrOut, m); err != nil {
		return err
	}
	if len(m.gaps) > 0 {
		return fmt.Errorf("the answer is incomplete: reads that were refused: %d", len(m.gaps))
	}
	return nil
}

// restore writes a record that was printed before.
func (o *statusOptions) restore(ctx context.Context) error {
	text, err := o.file()
	if err != nil {
		return err
	}
	u, err := upgradestore.Decode(text)
	if err != nil {
		return fmt.Errorf("--restore %s: %w", o.Restore, err)
	}
	if o.IstioNamespace != "" && o.IstioNamespace != u.IstioNamespace {
		return fmt.Errorf("--restore %s: it is the record of an upgrade in namespace %s, not %s", o.Restore, u.IstioNamespace, o.IstioNamespace)
	}
	o.IstioNamespace = u.IstioNamespace
	return o.guarded(ctx, "", func(ctx context.Context, s *session) error {
		if there, err := s.store.Load(ctx); err == nil && there != nil {
			return fmt.Errorf("a record is there that can be read, last changed at %s: if the file is to take its place, `kubectl delete configmap %s -n %s` first",
				there.ChangedAt.UTC().Format(time.RFC3339), upgradestore.Name, u.IstioNamespace)
		}
		if err := s.store.Replace(ctx, u); err != nil {
			return err
		}
		fmt.Fprintf(o.ErrOut, "The record of the upgrade from revision %s to %s is in namespace %s again.\nNext: kubectl mesh-canary status\n", u.From, u.To, u.IstioNamespace)
		return nil
	})
}

func (o *statusOptions) file() ([]byte, error) {
	if o.Restore == "-" {
		text, err := io.ReadAll(o.In)
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return text, nil
	}
	text, err := os.ReadFile(o.Restore)
	if err != nil {
		return nil, fmt.Errorf("--restore: %w", err)
	}
	return text, nil
}
