package completion

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
)

// Revisions completes the revisions that are installed in the mesh that the command line is about, with the tags that point at them, but
// those that other flags, given by their names, hold.
func (c *Cluster) Revisions(but ...string) cobra.CompletionFunc { return c.meshes(revisions, but) }

// Tags completes the revision tags, with what they point at, but those that other flags hold.
func (c *Cluster) Tags(but ...string) cobra.CompletionFunc { return c.meshes(tags, but) }

// IstioNamespaces completes the namespaces that control planes are in.
func (c *Cluster) IstioNamespaces() cobra.CompletionFunc {
	return c.meshes(func(o *tag.Objects, _ string) []cobra.Completion { return named(o.Namespaces()) }, nil)
}

// meshes completes by what tags and revisions are made of.
func (c *Cluster) meshes(of func(o *tag.Objects, istioNamespace string) []cobra.Completion, but []string) cobra.CompletionFunc {
	return Found(func(ctx context.Context, cmd *cobra.Command) ([]cobra.Completion, error) {
		clients, err := c.connect()
		if err != nil {
			return nil, err
		}
		istioNamespace := value(cmd, "istio-namespace")
		// What may not be read is left out.
		objects, _, err := tag.Read(ctx, clients, istioNamespace)
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(of(objects, istioNamespace), func(c cobra.Completion) bool {
			return slices.ContainsFunc(but, func(flag string) bool { return value(cmd, flag) == word(c) })
		}), nil
	})
}

// value returns what the command line gives a flag, empty where the command has no such flag.
func value(cmd *cobra.Command, flag string) string {
	if f := cmd.Flags().Lookup(flag); f != nil {
		return f.Value.String()
	}
	return ""
}

func revisions(o *tag.Objects, istioNamespace string) (all []cobra.Completion) {
	for _, namespace := range o.Namespaces() {
		if istioNamespace != "" && namespace != istioNamespace {
			continue
		}
		for _, revision := range o.Revisions(namespace) {
			all = append(all, described(revision, pointing(o, namespace, revision)))
		}
	}
	return unique(all)
}

// pointing says in words which tags point at a revision.
func pointing(o *tag.Objects, namespace, revision string) string {
	var names []string
	for _, t := range o.Tags() {
		if t.Namespace == namespace && t.Revision() == revision {
			names = append(names, t.Name)
		}
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return "tag " + names[0]
	default:
		return "tags " + strings.Join(names, ", ")
	}
}

func tags(o *tag.Objects, istioNamespace string) (all []cobra.Completion) {
	for _, t := range o.Tags() {
		if istioNamespace == "" || t.Namespace == istioNamespace {
			all = append(all, described(t.Name, "revision "+t.Revision()))
		}
	}
	return unique(all)
}

// unique leaves one of each word: two meshes may both have it.
func unique(all []cobra.Completion) []cobra.Completion {
	slices.Sort(all)
	return slices.CompactFunc(all, func(a, b cobra.Completion) bool { return word(a) == word(b) })
}

// Namespaces completes the cluster's namespaces.
func (c *Cluster) Namespaces() cobra.CompletionFunc {
	return Found(func(ctx context.Context, _ *cobra.Command) ([]cobra.Completion, error) {
		return c.names(ctx, cluster.NamespaceResource, "", "")
	})
}

// names returns those of the first objects of a resource that no object of a kind controls, empty for any.
func (c *Cluster) names(ctx context.Context, resource schema.GroupVersionResource, namespace, controller string) ([]cobra.Completion, error) {
	clients, err := c.connect()
	if err != nil {
		return nil, err
	}
	list, err := clients.Metadata.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: page})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", resource.Resource, err)
	}
	var names []string
	for i := range list.Items {
		if owner := metav1.GetControllerOf(&list.Items[i]); owner == nil || owner.Kind != controller {
			names = append(names, list.Items[i].Name)
		}
	}
	return named(names), nil
}
