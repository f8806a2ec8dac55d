package canary

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/term"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restarttext"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// tagChangeOptions are what the commands that change tags have in common.
type tagChangeOptions struct {
	tagOptions
	Tag    string
	DryRun string
	Yes    bool
}

func newTagChangeOptions(streams genericiooptions.IOStreams) tagChangeOptions {
	return tagChangeOptions{tagOptions: newTagOptions(streams), DryRun: dryRunNone}
}

func (o *tagChangeOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.DryRun, "dry-run", o.DryRun,
		"`none|client|server`: client prints what would be changed; server also sends every change as a dry run.")
	flags.Lookup("dry-run").NoOptDefVal = dryRunClient
	flags.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
	// Istioctl's own spelling of the same.
	flags.BoolVar(&o.Yes, "skip-confirmation", o.Yes, "Do not ask.")
	_ = flags.MarkHidden("skip-confirmation")
	_ = cmd.RegisterFlagCompletionFunc("dry-run", completion.Words(dryRunNone, dryRunClient, dryRunServer))
	o.tagOptions.addFlags(cmd)
}

func (o *tagChangeOptions) complete(args []string) error {
	var err error
	o.Tag, err = oneTag(args)
	return err
}

// Complete takes the name of the tag.
func (o *tagChangeOptions) Complete(args []string) error { return o.complete(args) }

func (o *tagChangeOptions) validate() error {
	if !slices.Contains([]string{dryRunNone, dryRunClient, dryRunServer}, o.DryRun) {
		return fmt.Errorf("--dry-run %q: use none, client or server", o.DryRun)
	}
	return o.tagOptions.validate()
}

// change makes a wish come true: it says what that changes, asks, writes, and prints what it did. rev is the revision by
// which the mesh is found, empty for that of the tag.
func (o *tagChangeOptions) change(ctx context.Context, rev string, overwrite bool, wish func(*tag.Objects, string) (tag.Wish, error)) error {
	return o.within(ctx, func(ctx context.Context, clients *cluster.Clients) error {
		objects, err := o.readWhole(ctx, clients)
		if err != nil {
			return err
		}
		namespace, err := tag.Locate(objects, o.Tag, rev)
		if err != nil {
			return err
		}
		w, err := wish(objects, namespace)
		if err != nil {
			return err
		}
		return o.fulfil(ctx, clients, objects, w, overwrite)
	})
}

func (o *tagChangeOptions) fulfil(ctx context.Context, clients *cluster.Clients, objects *tag.Objects, w tag.Wish, overwrite bool) error {
	writes, err := tag.Plan(objects, w)
	if err != nil {
		return err
	}
	census, incomplete, err := o.count(ctx, clients, writes)
	if err != nil {
		return err
	}
	change := tag.Change(objects, w, writes, census.Effect())
	o.say(change)
	owned := o.sayOwner(ctx, clients, change, w.Namespace)
	switch {
	case o.DryRun == dryRunServer:
		if err := tag.Rehearse(ctx, clients, writes); err != nil {
			return err
		}
		fallthrough
	case o.DryRun == dryRunClient:
		if err := o.print(change); err != nil {
			return err
		}
		return incomplete
	}
	if err := o.confirm(ctx, change, overwrite && !owned, owned || incomplete != nil); err != nil {
		return err
	}
	begun := false
	after, err := tag.Apply(ctx, clients, objects, w, tag.Run{Done: func(w tag.Write) { begun = true; o.wrote(w) }})
	if err != nil {
		if begun && !errors.Is(err, tag.ErrMoved) {
			fmt.Fprintln(o.ErrOut, "Not all is written: run the command again, and it goes on where it stopped.")
		}
		return err
	}
	change.Done = true
	o.look(ctx, clients, after, w)
	if err := o.print(change); err != nil {
		return err
	}
	return incomplete
}

func (o *tagChangeOptions) wrote(w tag.Write) {
	fmt.Fprintf(o.ErrOut, "%sd %s %s: %s\n", w.Verb, strings.ToLower(w.Kind), printing.Escape(w.Object.GetName()), printing.Escape(w.Text))
}

// look sees whether the tag injects now, and warns where that is not to be seen: the tag is written all the same.
func (o *tagChangeOptions) look(ctx context.Context, clients *cluster.Clients, after *tag.Objects, w tag.Wish) {
	if w.Webhook == "" {
		return
	}
	if err := tag.See(ctx, clients, after, tag.Sight{Tag: w.Name, Revision: w.Webhook, Namespace: w.Namespace}); err != nil {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(err.Error()))
	}
}

// say tells what the change moves.
func (o *tagChangeOptions) say(c *v1alpha1.TagChange) {
	if c.Action == v1alpha1.TagKeep {
		fmt.Fprintf(o.ErrOut, "Tag %s stands for %s already: nothing to change.\n", c.Tag, printing.Escape(c.To))
		return
	}
	if len(c.Namespaces) > 0 {
		fmt.Fprintf(o.ErrOut, "This changes by whom pods are injected in %s: %s.\n", restarttext.Count(len(c.Namespaces), "namespace"), some(c.Namespaces))
	}
	if len(c.Uninjected) > 0 {
		fmt.Fprintf(o.ErrOut, "warning: pods are not injected any more in %s: %s\n", restarttext.Count(len(c.Uninjected), "namespace"), some(c.Uninjected))
	}
	if c.Pods > 0 {
		fmt.Fprintf(o.ErrOut, "Pods that their next restart moves: %d.\n", c.Pods)
	}
	if c.Lost > 0 {
		fmt.Fprintf(o.ErrOut, "warning: pods that their next restart leaves without a proxy: %d\n", c.Lost)
	}
	if len(c.Gateways) > 0 {
		fmt.Fprintf(o.ErrOut, "warning: istiod rolls these out anew at once: gateways %s\n", some(c.Gateways))
	}
}

// sayOwner tells where the tag is one of an upgrade's that is under way, and returns whether it is.
func (o *tagChangeOptions) sayOwner(ctx context.Context, clients *cluster.Clients, c *v1alpha1.TagChange, istioNamespace string) bool {
	u, err := openUpgrade(ctx, clients, istioNamespace)
	if err != nil {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(err.Error()))
	}
	if u == nil || c.Action == v1alpha1.TagKeep || !slices.ContainsFunc(u.Tags, func(t v1alpha1.UpgradeTag) bool { return t.Name == c.Tag }) {
		return false
	}
	fmt.Fprintf(o.ErrOut, "warning: tag %s belongs to the upgrade from revision %s to %s, which is under way: `kubectl mesh-canary complete` or "+
		"`kubectl mesh-canary rollback` does with it what is to be done, and after another change it goes no further\n",
		printing.Escape(c.Tag), printing.Escape(u.From), printing.Escape(u.To))
	return true
}

// some names the first few.
func some(names []string) string {
	const shown = 5
	text := strings.Join(names[:min(shown, len(names))], ", ")
	if more := len(names) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return printing.Escape(text)
}

// confirm asks before anything that somebody follows changes, before a tag moves, before the default one is removed, and where more than
// that is at stake. The error says that the answer was no, or that there is nobody to ask.
func (o *tagChangeOptions) confirm(ctx context.Context, c *v1alpha1.TagChange, overwrite, more bool) error {
	followed := len(c.Namespaces) > 0 || c.Pods > 0 || len(c.Gateways) > 0 || more
	asks := followed || c.Action == v1alpha1.TagRemove && c.Tag == tag.Default || c.Action == v1alpha1.TagMove && !overwrite
	if o.Yes || c.Action == v1alpha1.TagKeep || !asks {
		return nil
	}
	what := described(c)
	if !(term.TTY{In: o.In}).IsTerminalIn() {
		return fmt.Errorf("this would %s, with %s, %s and %s: add --yes, or see it first with --dry-run=client", what,
			restarttext.Count(len(c.Namespaces), "namespace"), restarttext.Count(c.Pods, "pod"), restarttext.Count(len(c.Gateways), "gateway"))
	}
	yes, err := plugin.Ask(ctx, o.IOStreams, strings.ToUpper(what[:1])+what[1:])
	if err == nil && !yes {
		err = errors.New("nothing was changed")
	}
	return err
}

func described(c *v1alpha1.TagChange) string {
	name := printing.Escape(c.Tag)
	switch c.Action {
	case v1alpha1.TagCreate:
		return fmt.Sprintf("create tag %s for revision %s", name, printing.Escape(c.To))
	case v1alpha1.TagMove:
		return fmt.Sprintf("move tag %s from revision %s to %s", name, printing.Escape(c.From), printing.Escape(c.To))
	case v1alpha1.TagRemove:
		return "remove tag " + name
	default:
		return "repair tag " + name
	}
}

func (o *tagChangeOptions) print(c *v1alpha1.TagChange) error {
	switch o.Output {
	case "":
		table := printing.Table[*v1alpha1.TagChange]{Columns: changeColumns(), NoHeaders: o.NoHeaders}
		return table.Print(o.Out, []*v1alpha1.TagChange{c})
	case outputWide:
		if len(c.Writes) == 0 {
			return nil
		}
		table := printing.Table[v1alpha1.TagWrite]{Columns: writeColumns(), NoHeaders: o.NoHeaders}
		return table.Print(o.Out, c.Writes)
	case outputName:
		_, err := fmt.Fprintln(o.Out, "tag/"+printing.Escape(c.Tag))
		return err
	default:
		return o.object(c)
	}
}

func changeColumns() []printing.Column[*v1alpha1.TagChange] {
	type change = *v1alpha1.TagChange
	return []printing.Column[change]{
		{Header: "TAG", Extract: func(c change) string { return c.Tag }},
		{Header: "ACTION", Extract: func(c change) string { return string(c.Action) }},
		{Header: "FROM", Extract: func(c change) string { return c.From }},
		{Header: "TO", Extract: func(c change) string { return c.To }},
		{Header: "NAMESPACES", Extract: func(c change) string { return strconv.Itoa(len(c.Namespaces)) }},
		{Header: "PODS", Extract: func(c change) string { return strconv.Itoa(c.Pods) }},
		{Header: "GATEWAYS", Extract: func(c change) string { return strconv.Itoa(len(c.Gateways)) }},
	}
}

func writeColumns() []printing.Column[v1alpha1.TagWrite] {
	type write = v1alpha1.TagWrite
	return []printing.Column[write]{
		{Header: "VERB", Extract: func(w write) string { return w.Verb }},
		{Header: "KIND", Extract: func(w write) string { return w.Kind }},
		{Header: "NAMESPACE", Extract: func(w write) string { return w.Namespace }},
		{Header: "NAME", Extract: func(w write) string { return w.Name }},
		{Header: "REASON", Extract: func(w write) string { return w.Reason }},
	}
}
