package canary

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/tag"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradestore"
)

func (o *upgradeOptions) isDryRun() bool { return o.DryRun == dryRunClient }

// validateOutput finds a format that does not exist, or that nothing would be printed in.
func (o *upgradeOptions) validateOutput() error {
	switch {
	case o.Output == "":
		return nil
	case !o.isDryRun():
		return errors.New("-o prints objects that would be written: add --dry-run=client")
	case o.Output == outputName:
		return nil
	}
	_, err := o.formats.Printer(o.Output, false, outputName)
	return err
}

// preview prints what there is to do to reach a goal, or every object that would be written, as it would be then.
func (o *upgradeOptions) preview(ctx context.Context, s *session, goal upgrade.Goal) error {
	u := *s.upgrade
	s.hands.Upgrade = &u
	steps, kept := upgrade.Steps(&u, s.seen, goal)
	for _, k := range kept {
		fmt.Fprintln(o.ErrOut, "warning:", printing.Escape(k.String()))
	}
	if goal == upgrade.Rollback {
		u.Phase = v1alpha1.PhaseRollingBack
	}
	p := &preview{objects: map[string]runtime.Object{}}
	if len(steps) > 0 {
		p.lines = append(p.lines, fmt.Sprintf("record each step in configmap %s in namespace %s", upgradestore.Name, s.namespace))
	}
	for _, step := range steps {
		if err := p.take(ctx, s, step); err != nil {
			return err
		}
	}
	if o.Output == "" {
		for _, line := range p.lines {
			if _, err := fmt.Fprintln(o.Out, printing.Escape(line)); err != nil {
				return writing(err)
			}
		}
		return nil
	}
	for _, text := range p.gone {
		fmt.Fprintln(o.ErrOut, "goes:", printing.Escape(text))
	}
	return o.printObjects(p.documents())
}

// preview gathers what steps would do.
type preview struct {
	lines []string
	// objects are those that would be written, by what names them; order is that of their first writes.
	objects map[string]runtime.Object
	order   []string
	// gone says what would be deleted.
	gone []string
}

func (p *preview) take(ctx context.Context, s *session, step upgrade.Step) error {
	p.lines = append(p.lines, title(step))
	writes, err := s.hands.Preview(step)
	if err != nil {
		return err
	}
	for _, w := range writes {
		p.write(w)
	}
	for _, name := range slices.Sorted(maps.Keys(step.Labels)) {
		if err := p.label(ctx, s, name, step.Labels[name]); err != nil {
			return err
		}
	}
	if step.Kind == upgrade.Restart {
		p.lines = append(p.lines, "  see which with "+whichRestart(step))
	}
	if step.Kind == upgrade.PutBack {
		for _, r := range s.upgrade.Replicas {
			p.lines = append(p.lines, fmt.Sprintf("  %s %s in namespace %s: %d, no longer %d", r.Kind, r.Name, r.Namespace, r.Before, r.Wrote))
		}
	}
	return nil
}

// whichRestart is what shows the workloads of a Restart, as they are before anything is changed.
func whichRestart(step upgrade.Step) string {
	if len(step.Namespaces) == 1 {
		return "kubectl mesh-proxyver -n " + step.Namespaces[0]
	}
	return "kubectl mesh-proxyver -A"
}

func (p *preview) write(w tag.Write) {
	name := strings.ToLower(w.Kind) + " " + w.Object.GetName()
	p.lines = append(p.lines, fmt.Sprintf("  %s %s: %s", w.Verb, name, w.Text))
	if w.Verb == tag.Delete {
		delete(p.objects, name)
		p.gone = append(p.gone, name)
		return
	}
	p.gone = slices.DeleteFunc(p.gone, func(gone string) bool { return gone == name })
	p.keep(name, w.Object)
}

func (p *preview) keep(name string, object runtime.Object) {
	if !slices.Contains(p.order, name) {
		p.order = append(p.order, name)
	}
	p.objects[name] = object
}

// nameLabel is on every namespace, and put there by the server.
const nameLabel = "kubernetes.io/metadata.name"

// label is a namespace with all of its labels, as somebody keeps it in a file.
func (p *preview) label(ctx context.Context, s *session, name string, want map[string]string) error {
	n, err := s.clients.Kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading namespace %s: %w", name, err)
	}
	p.lines = append(p.lines, fmt.Sprintf("  namespace %s: %s, no longer %s", name, upgrade.LabelText(want), upgrade.LabelText(upgrade.Labels(n.Labels))))
	all := map[string]any{}
	for key, value := range n.Labels {
		if key != nameLabel && key != upgrade.Rev && key != upgrade.Injection {
			all[key] = value
		}
	}
	for key := range upgrade.Labels(n.Labels) {
		if _, stays := want[key]; !stays {
			p.gone = append(p.gone, fmt.Sprintf("label %s of namespace %s", key, name))
		}
	}
	for key, value := range want {
		all[key] = value
	}
	p.keep("namespace "+name, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name, "labels": all},
	}})
	return nil
}

func (p *preview) documents() []runtime.Object {
	var all []runtime.Object
	for _, name := range p.order {
		if object, is := p.objects[name]; is {
			all = append(all, object)
		}
	}
	return all
}

// printObjects prints objects as they are kept in files, without what the server puts there.
func (o *upgradeOptions) printObjects(objects []runtime.Object) error {
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{}}}
	for _, object := range objects {
		content, err := forFile(object)
		if err != nil {
			return err
		}
		list.Items = append(list.Items, *content)
	}
	if o.Output == outputName {
		for i := range list.Items {
			if _, err := fmt.Fprintf(o.Out, "%s/%s\n", strings.ToLower(list.Items[i].GetKind()), printing.Escape(list.Items[i].GetName())); err != nil {
				return writing(err)
			}
		}
		return nil
	}
	printer, err := o.formats.Printer(o.Output, false, outputName)
	if err != nil {
		return err
	}
	if o.Output != "yaml" {
		return writing(printer.PrintObj(list, o.Out))
	}
	for i := range list.Items {
		if err := printer.PrintObj(&list.Items[i], o.Out); err != nil {
			return writing(err)
		}
	}
	return nil
}

// forFile is an object without what the server sets.
func forFile(object runtime.Object) (*unstructured.Unstructured, error) {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return nil, fmt.Errorf("writing an object: %w", err)
	}
	content := &unstructured.Unstructured{Object: fields}
	// What the typed client has read does not say its kind.
	if content.GetKind() == "" {
		kinds, _, err := scheme.Scheme.ObjectKinds(object)
		if err != nil {
			return nil, fmt.Errorf("writing an object: %w", err)
		}
		content.SetGroupVersionKind(kinds[0])
	}
	delete(content.Object, "status")
	for _, field := range []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"} {
		unstructured.RemoveNestedField(content.Object, "metadata", field)
	}
	return content, nil
}
