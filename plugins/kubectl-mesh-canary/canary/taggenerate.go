package canary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// tagGenerateOptions is what the command line of `tag generate` says.
type tagGenerateOptions struct {
	tagOptions
	Tag         string
	Revision    string
	WebhookName string
	AutoInject  bool
}

func newTagGenerateCommand(streams genericiooptions.IOStreams) *cobra.Command {
	o := &tagGenerateOptions{tagOptions: newTagOptions(streams)}
	o.Output = "yaml"
	cmd := &cobra.Command{
		Use: "generate TAG --revision REVISION", Short: "Print the objects of a tag",
		Long: tagGenerateLong, Example: tagGenerateExample, Args: cobra.ArbitraryArgs,
		RunE: runs(o.Complete, o.Validate, o.Run),
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.Revision, "revision", "r", o.Revision, "The `revision` that the tag is to stand for.")
	addRenderFlags(flags, &o.WebhookName, &o.AutoInject)
	o.addFlags(cmd)
	cmd.ValidArgsFunction = tagNames(o.ConfigFlags)
	// Istioctl's takes it, and there is nothing to overwrite.
	flags.Bool("overwrite", false, "Taken for istioctl's sake; nothing is overwritten.")
	return cmd
}

// addRenderFlags adds those that say what a tag's webhook configuration is like.
func addRenderFlags(flags *pflag.FlagSet, webhookName *string, autoInject *bool) {
	flags.StringVar(webhookName, "webhook-name", *webhookName, "The `name` of the webhook configuration, where it has to be created.")
	flags.BoolVar(autoInject, "auto-inject-namespaces", *autoInject, "Inject also into namespaces without labels; for the tag default alone.")
}

// Complete takes the name of the tag.
func (o *tagGenerateOptions) Complete(args []string) error {
	var err error
	o.Tag, err = oneTag(args)
	return err
}

// Validate finds what contradicts itself or cannot be read, before anything is asked of the cluster.
func (o *tagGenerateOptions) Validate() error {
	if err := validateTag(o.Tag, o.Revision); err != nil {
		return err
	}
	if o.Output == "" || o.Output == outputWide {
		return fmt.Errorf("--output %q: objects have no table; use yaml, json or name", o.Output)
	}
	return o.validate()
}

// validateTag finds a name that no tag can have, and a missing revision.
func validateTag(name, revision string) error {
	if revision == "" {
		return errors.New("--revision is missing: `kubectl mesh-canary revisions` shows those that there are")
	}
	return tag.CheckName(name)
}

// Run prints the objects. The error says that the revision is not installed, or what failed.
func (o *tagGenerateOptions) Run(ctx context.Context) error { return o.within(ctx, o.generate) }

func (o *tagGenerateOptions) generate(ctx context.Context, clients *cluster.Clients) error {
	objects, _, err := tag.Read(ctx, clients, o.IstioNamespace)
	if err != nil {
		return err
	}
	namespace, err := tag.Locate(objects, o.Tag, o.Revision)
	if err != nil {
		return err
	}
	if err := tag.CheckSet(objects, namespace, o.Tag, o.Revision); err != nil {
		return err
	}
	own, err := objects.Own(namespace, o.Revision)
	if err != nil {
		return err
	}
	r, err := tag.Render(own, tag.Options{Tag: o.Tag, Namespace: namespace, WebhookName: o.WebhookName, AutoInject: o.AutoInject})
	if err != nil {
		return err
	}
	if o.Tag == tag.Default && tag.Set(objects, namespace, o.Tag, o.Revision).Injector == tag.Off {
		fmt.Fprintln(o.ErrOut, "warning: the injector without a revision selects the same pods as the tag default: "+
			"`kubectl mesh-canary tag set default` switches it off, and applying these objects does not")
	}
	return o.documents(r)
}

// documents prints the objects one after the other.
func (o *tagGenerateOptions) documents(r tag.Rendered) error {
	documents := []runtime.Object{r.Webhook}
	if r.Validator != nil {
		documents = append(documents, r.Validator)
	}
	for _, object := range append(documents, r.Service) {
		if err := o.document(object); err != nil {
			return err
		}
	}
	return nil
}

func (o *tagGenerateOptions) document(object runtime.Object) error {
	switch o.Output {
	case "yaml":
		content, err := manifest(object)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(o.Out, "---\n%s", content)
		return writing(err)
	case outputName:
		return writing((&printers.NamePrinter{}).PrintObj(object, o.Out))
	default:
		return o.object(object)
	}
}

// manifest is an object as it is written in a file: without a status.
func manifest(object runtime.Object) ([]byte, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("writing an object: %w", err)
	}
	var content map[string]any
	if err := json.Unmarshal(text, &content); err != nil {
		return nil, fmt.Errorf("writing an object: %w", err)
	}
	delete(content, "status")
	return yaml.Marshal(content)
}
