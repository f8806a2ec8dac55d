package canary

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// tagSetOptions is what the command line of `tag set` says.
type tagSetOptions struct {
	tagChangeOptions
	Revision    string
	WebhookName string
	AutoInject  bool
	Overwrite   bool
}

func newTagSetCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &tagSetOptions{tagChangeOptions: newTagChangeOptions(streams)}
	cmd := &cobra.Command{
		Use: "set TAG --revision REVISION", Aliases: []string{"create"}, Short: "Create a tag, or move it to another revision",
		Long: tagSetLong, Example: tagSetExample, Args: cobra.ArbitraryArgs,
		RunE: runs(o.Complete, o.Validate, o.Run),
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Revision, "revision", "r", o.Revision, "The `revision` that the tag is to stand for.")
	flags.BoolVar(&o.Overwrite, "overwrite", o.Overwrite, "Move the tag without asking where it stands for another revision and nobody follows it.")
	addRenderFlags(flags, &o.WebhookName, &o.AutoInject)
	o.addFlags(cmd)
	cmd.ValidArgsFunction = tagNames(o.ConfigFlags)
	return cmd
}

// Complete takes the name of the tag.
func (o *tagSetOptions) Complete(args []string) error { return o.complete(args) }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *tagSetOptions) Validate() error {
	if err := validateTag(o.Tag, o.Revision); err != nil {
		return err
	}
	return o.tagChangeOptions.validate()
}

// Run sets the tag, once it was said what that changes and the answer was yes. The error says what failed, or that the
// answer was no.
func (o *tagSetOptions) Run(ctx context.Context) error {
	return o.change(ctx, o.Revision, o.Overwrite, func(objects *tag.Objects, namespace string) (tag.Wish, error) {
		if err := tag.CheckSet(objects, namespace, o.Tag, o.Revision); err != nil {
			return tag.Wish{}, err
		}
		for _, rival := range tag.Rivals(objects, namespace, o.Tag) {
			fmt.Fprintf(o.ErrOut, "warning: mutatingwebhookconfiguration %s of another mesh selects the same pods: both would inject them\n", printing.Escape(rival))
		}
		w := tag.Set(objects, namespace, o.Tag, o.Revision)
		w.WebhookName, w.AutoInject = o.WebhookName, o.AutoInject
		return w, nil
	})
}
