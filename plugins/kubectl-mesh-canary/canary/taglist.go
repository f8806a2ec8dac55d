package canary

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/completion"
	"github.com/kubectl-mesh/kubectl-mesh/plugins/internal/plugin"
	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// tagListOptions is what the command line of `tag list` says.
type tagListOptions struct {
	tagOptions
	SortBy string

	key *printing.SortKey
}

func newTagListCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &tagListOptions{tagOptions: newTagOptions(streams)}
	cmd := &cobra.Command{
		Use: "list", Aliases: []string{"show"}, Short: "Show what tags stand for, and who follows them",
		Long: tagListLong, Example: tagListExample, Args: plugin.NoArguments, ValidArgsFunction: completion.None,
		RunE: runs(o.Complete, o.Validate, o.Run),
	}
	cmd.Flags().StringVar(&o.SortBy, "sort-by", o.SortBy, "Sort by this `JSONPath` of an item, such as .revision.")
	o.addFlags(cmd)
	return cmd
}

// Complete works out what the flags leave open. The error is about --sort-by.
func (o *tagListOptions) Complete([]string) error {
	if o.SortBy == "" {
		return nil
	}
	var err error
	if o.key, err = printing.NewSortKey(o.SortBy, &v1alpha1.TagItem{}); err != nil {
		return fmt.Errorf("--sort-by %q: %w", o.SortBy, err)
	}
	return nil
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *tagListOptions) Validate() error { return o.validate() }

// Run reads the tags and prints them. The error says what failed, or that the answer is incomplete.
func (o *tagListOptions) Run(ctx context.Context) error { return o.within(ctx, o.list) }

func (o *tagListOptions) list(ctx context.Context, clients *cluster.Clients) error {
	objects, gaps, err := tag.Read(ctx, clients, o.IstioNamespace)
	if err != nil {
		return err
	}
	if err := tag.CheckNamed(objects); err != nil {
		return err
	}
	census, incomplete, err := o.count(ctx, clients, nil)
	if err != nil {
		return err
	}
	// Counting meets the same gaps, and more.
	if incomplete == nil {
		incomplete = o.warn(gaps)
	}
	list := tag.List(objects, census)
	if err := o.choose(list); err != nil {
		return err
	}
	if err := o.print(list); err != nil {
		return err
	}
	return incomplete
}

// choose leaves in the list what was asked for, in the order that was.
func (o *tagListOptions) choose(list *v1alpha1.TagList) error {
	if o.IstioNamespace != "" {
		list.Items = slices.DeleteFunc(list.Items, func(i v1alpha1.TagItem) bool { return i.IstioNamespace != o.IstioNamespace })
	}
	if o.key == nil {
		return nil
	}
	var err error
	slices.SortStableFunc(list.Items, func(a, b v1alpha1.TagItem) int {
		x, errA := o.key.Of(&a)
		y, errB := o.key.Of(&b)
		if errA != nil || errB != nil {
			err = fmt.Errorf("--sort-by %q: %w", o.SortBy, firstOf(errA, errB))
			return 0
		}
		return printing.Compare(x, y)
	})
	return err
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (o *tagListOptions) print(list *v1alpha1.TagList) error {
	switch o.Output {
	case "", outputWide:
		if len(list.Items) == 0 {
			fmt.Fprintln(o.ErrOut, "No tags found.")
			return nil
		}
		table := printing.Table[v1alpha1.TagItem]{Columns: tagColumns(), Wide: o.Output == outputWide, NoHeaders: o.NoHeaders}
		return table.Print(o.Out, list.Items)
	case outputName:
		for _, i := range list.Items {
			if _, err := fmt.Fprintln(o.Out, "tag/"+printing.Escape(i.Tag)); err != nil {
				return fmt.Errorf("writing: %w", err)
			}
		}
		return nil
	default:
		return o.object(list)
	}
}

func tagColumns() []printing.Column[v1alpha1.TagItem] {
	type item = v1alpha1.TagItem
	names := func(of func(v1alpha1.TagFollowers) []string) func(item) string {
		return func(i item) string { return strings.Join(of(i.Followers), ",") }
	}
	return []printing.Column[item]{
		{Header: "TAG", Extract: func(i item) string { return i.Tag }},
		{Header: "REVISION", Extract: func(i item) string { return i.Revision }},
		{Header: "ISTIO", Extract: func(i item) string { return i.IstioNamespace }},
		{Header: "STATE", Extract: func(i item) string { return string(i.State) }},
		{Header: "NAMESPACES", Extract: func(i item) string {
			return strconv.Itoa(len(i.Followers.ByLabel) + len(i.Followers.ByInjection) + len(i.Followers.ByPod))
		}},
		{Header: "PODS", Extract: func(i item) string { return strconv.Itoa(i.Followers.Pods) }},
		{Header: "GATEWAYS", Extract: func(i item) string { return strconv.Itoa(len(i.Followers.Gateways)) }},
		{Header: "BY LABEL", Wide: true, Extract: names(func(f v1alpha1.TagFollowers) []string { return f.ByLabel })},
		{Header: "BY INJECTION", Wide: true, Extract: names(func(f v1alpha1.TagFollowers) []string { return f.ByInjection })},
		{Header: "BY POD", Wide: true, Extract: names(func(f v1alpha1.TagFollowers) []string { return f.ByPod })},
		{Header: "REASON", Wide: true, Extract: func(i item) string { return i.Reason }},
	}
}
