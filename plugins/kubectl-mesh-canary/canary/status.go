package canary

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

// statusOptions is what the command line of `status` says.
type statusOptions struct {
	upgradeOptions
	Output    string
	NoHeaders bool
	Restore   string

	formats *plugin.Formats
}

func newStatusCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &statusOptions{upgradeOptions: newUpgradeOptions(streams), formats: plugin.NewFormats()}
	cmd := &cobra.Command{
		Use: "status", Short: "Show how far the upgrade is, and what to type next",
		Long: statusLong, Example: statusExample, Args: cobra.NoArgs, RunE: runs(none, o.Validate, o.Run),
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Output, "output", "o", o.Output, "Output `format`: "+plugin.OrList(o.formats.Names(outputWide))+". Other than the table, it is the whole record.")
	flags.BoolVar(&o.NoHeaders, "no-headers", o.NoHeaders, "Print the table without its headers.")
	flags.StringVar(&o.Restore, "restore", o.Restore, "Give back a record that is lost: a `file` that was printed by -o yaml or -o json, - for standard input.")
	o.addCommonFlags(cmd)
	return cmd
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *statusOptions) Validate() error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.Output == "" || o.Output == outputWide {
		return nil
	}
	_, err := o.formats.Printer(o.Output, o.NoHeaders, outputWide)
	return err
}

// Run shows the upgrade. The error says that the record cannot be read, or what failed.
func (o *statusOptions) Run(ctx context.Context) error {
	if o.Restore != "" {
		return o.restore(ctx)
	}
	return o.reading(ctx, "", func(ctx context.Context, s *session) error {
		switch {
		case s.upgrade == nil:
			fmt.Fprintf(o.ErrOut, "No upgrade is recorded in namespace %s.\nNext: kubectl mesh-canary start --help\n", s.namespace)
			return nil
		case o.Output != "" && o.Output != outputWide:
			printer, err := o.formats.Printer(o.Output, o.NoHeaders, outputWide)
			if err != nil {
				return err
			}
			return printer.PrintObj(s.upgrade, o.Out)
		default:
			return o.show(ctx, s)
		}
	})
}

// row is one namespace of the table.
type row struct {
	name, label, tag, revision string
	pods                       upgradehands.Pods
	state                      string
}

func (o *statusOptions) show(ctx context.Context, s *session) error {
	u := s.upgrade
	pods, err := upgradehands.Count(ctx, s.clients, o.Chunk)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.ErrOut, "Upgrade from revision %s to %s: %s since %s.\n", u.From, u.To, words(u.Phase), u.StartedAt.UTC().Format("2006-01-02 15:04 MST"))
	rows := o.rows(s, pods)
	table := printing.Table[row]{Columns: statusColumns(u), Wide: o.Output == outputWide, NoHeaders: o.NoHeaders}
	if err := table.Print(o.Out, rows); err != nil {
		return err
	}
	for _, tag := range u.Tags {
		fmt.Fprintf(o.ErrOut, "Tag %s stands for %s.\n", tag.Name, orNothing(s.seen.Tags[tag.Name].Revision))
	}
	next, why := upgrade.Next(u, s.remaining())
	fmt.Fprintf(o.ErrOut, "Next: kubectl mesh-canary %s   (%s)\n", next, why)
	return nil
}

func orNothing(text string) string {
	if text == "" {
		return "nothing: it does not exist"
	}
	return "revision " + text
}

// rows are the namespaces that are recorded and those that remain.
func (o *statusOptions) rows(s *session, pods map[string]upgradehands.Pods) []row {
	states := map[string]string{}
	for _, name := range s.remaining() {
		states[name] = "to move"
	}
	for i := range s.upgrade.Namespaces {
		states[s.upgrade.Namespaces[i].Name] = state(s, &s.upgrade.Namespaces[i])
	}
	var rows []row
	for _, name := range slices.Sorted(maps.Keys(states)) {
		labels := s.seen.Namespaces[name].Labels
		tags := map[string]string{}
		for t, at := range s.seen.Tags {
			tags[t] = at.Revision
		}
		f, _ := upgrade.FollowedBy(labels, tags, s.installed)
		rows = append(rows, row{name: name, label: upgrade.LabelText(labels), tag: f.Tag, revision: f.Revision, pods: pods[name], state: states[name]})
	}
	return rows
}

// state says in words what has become of a namespace.
func state(s *session, n *v1alpha1.UpgradeNamespace) string {
	live, exists := s.seen.Namespaces[n.Name]
	switch {
	case !exists || live.UID != n.UID:
		return "gone"
	case live.Deleting:
		return "being deleted"
	case !upgrade.IsOurs(n, live.Labels):
		return "changed by somebody else"
	case n.Moved:
		return "moved"
	case s.upgrade.Phase == v1alpha1.PhaseRolledBack:
		return "as it was"
	default:
		return "moving"
	}
}

func statusColumns(u *v1alpha1.CanaryUpgrade) []printing.Column[row] {
	return []printing.Column[row]{
		{Header: "NAMESPACE", Extract: func(r row) string { return r.name }},
		{Header: "LABEL", Extract: func(r row) string { return r.label }},
		{Header: "TAG", Extract: func(r row) string { return r.tag }},
		{Header: "REVISION", Extract: func(r row) string { return r.revision }},
		{Header: "PODS ON " + strings.ToUpper(u.To), Extract: func(r row) string { return fmt.Sprintf("%d/%d", r.pods.ByRevision[u.To], r.pods.Proxies) }},
		{Header: "READY", Extract: func(r row) string { return fmt.Sprintf("%d/%d", r.pods.Ready, r.pods.All) }},
		{Header: "STATE", Extract: func(r row) string { return r.state }},
		{Header: "PODS ON " + strings.ToUpper(u.From), Wide: true, Extract: func(r row) string { return strconv.Itoa(r.pods.ByRevision[u.From]) }},
	}
}

func words(p v1alpha1.Phase) string { return strings.ReplaceAll(string(p), "-", " ") }

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
	o.IstioNamespace = u.IstioNamespace
	return o.guarded(ctx, "", func(ctx context.Context, s *session) error {
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
