package plugin

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Named finds the objects of a namespace that arguments name as TYPE/NAME, nil where there are none. The error is kubectl's own:
// no such type, no such object; or says that no pod can belong to one, with what to type instead.
func Named(ctx context.Context, flags *genericclioptions.ConfigFlags, namespace string, args []string) ([]workload.Ref, error) {
	if len(args) == 0 {
		return nil, nil
	}
	// Kubectl's builder knows no context: whoever presses Ctrl-C does not wait for it.
	var found []workload.Ref
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		found, err = lookUp(flags, namespace, args)
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-done:
		return found, err
	}
}

func lookUp(flags *genericclioptions.ConfigFlags, namespace string, args []string) ([]workload.Ref, error) {
	infos, err := resource.NewBuilder(flags).
		Unstructured().
		NamespaceParam(namespace).DefaultNamespace().
		ResourceTypeOrNameArgs(false, args...).
		Flatten().
		Do().
		Infos()
	if err != nil {
		return nil, err
	}
	var found []workload.Ref
	for _, info := range infos {
		kind := info.Mapping.GroupVersionKind
		t := workload.Ref{Group: kind.Group, Kind: kind.Kind, Name: info.Name}
		if err := OwnsPods(t, info.Namespaced()); err != nil {
			return nil, err
		}
		found = append(found, t)
	}
	return found, nil
}

// OwnsPods returns an error for an object that no pod can belong to, with what to type instead.
func OwnsPods(t workload.Ref, namespaced bool) error {
	switch {
	case t.Group == "" && t.Kind == "Namespace":
		return fmt.Errorf("%s is no workload: to see a namespace, use -n %s", t, t.Name)
	case t.Group == "" && t.Kind == "Node":
		return fmt.Errorf("%s is no workload: to see a node's pods, use --field-selector spec.nodeName=%s", t, t.Name)
	case t.Group == "" && t.Kind == "Service":
		return fmt.Errorf("%s is no workload: to see the pods behind a Service, use its selector with -l", t)
	case !namespaced:
		return fmt.Errorf("%s is no workload: pods belong to objects of their namespace", t)
	default:
		return nil
	}
}

// ValidateName returns an error for an argument that does not name an object as TYPE/NAME.
func ValidateName(arg string) error {
	kind, name, found := strings.Cut(arg, "/")
	if !found || kind == "" || name == "" || strings.Contains(name, "/") {
		return fmt.Errorf("%q: name a workload or a pod as TYPE/NAME, such as deployment/cart", arg)
	}
	return nil
}

// OrList joins words for a sentence: `a, b or c`.
func OrList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
