package canary

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// tagRemoveOptions is what the command line of `tag remove` says.
type tagRemoveOptions struct{ tagChangeOptions }

func newTagRemoveCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &tagRemoveOptions{newTagChangeOptions(streams)}
	cmd := &cobra.Command{
		Use: "remove TAG", Aliases: []string{"delete"}, Short: "Remove a tag",
		Long: tagRemoveLong, Example: tagRemoveExample, Args: cobra.ArbitraryArgs,
		RunE: runs(o.Complete, o.Validate, o.Run),
	}
	o.addFlags(cmd)
	cmd.ValidArgsFunction = tagNames(o.ConfigFlags)
	return cmd
}

// Complete takes the name of the tag.
func (o *tagRemoveOptions) Complete(args []string) error { return o.complete(args) }

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *tagRemoveOptions) Validate() error { return o.validate() }

// Run removes the tag, once it was said who follows it and the answer was yes. The error says what failed, or that the
// answer was no.
func (o *tagRemoveOptions) Run(ctx context.Context) error {
	return o.change(ctx, "", false, func(objects *tag.Objects, namespace string) (tag.Wish, error) {
		if !objects.Tag(namespace, o.Tag).Exists() {
			return tag.Wish{}, tag.NoTag(objects, []string{namespace}, o.Tag)
		}
		return tag.Remove(objects, namespace, o.Tag), nil
	})
}
