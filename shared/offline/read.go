// Package offline makes of a dump what the other packages read from a cluster, and says what the dump lacks.
package offline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dump"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Cluster is what a dump holds of one.
type Cluster struct {
	Objects *mesh.Objects
	Owners  *workload.Owners
	Sets    *scan.KnownDaemonSets
	// Gaps are what the dump lacks, apart from what Objects, Owners and Sets know of themselves.
	Gaps []cluster.Gap
	// Notes say what is taken for granted, a sentence each.
	Notes []string

	pods []proxy.Pod
	// present holds the workloads and namespaces that the dump has.
	present map[object]bool
	// last is the kind of the last object: where the dump is cut off, more of it may have followed.
	last schema.GroupKind
	// controllers are the kinds that pods name as theirs.
	controllers map[schema.GroupKind]bool
}

type object struct {
	namespace string
	ref       workload.Ref
}

// Read reads a dump. The error says that it is none, or what in it is malformed and where; what it lacks is no error.
func Read(r io.Reader) (*Cluster, error) {
	c := &Cluster{
		Objects: mesh.NewObjects(), Owners: workload.NewOwners(), Sets: scan.NewKnownDaemonSets(),
		present: map[object]bool{}, controllers: map[schema.GroupKind]bool{},
	}
	contents, err := dump.Read(r, func(o runtime.Object) error {
		c.take(o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(c.pods) == 0 && !contents.Covers(dump.Pods) {
		return nil, fmt.Errorf("the dump has no pods, but %s", contents)
	}
	c.account(contents)
	return c, nil
}

func (c *Cluster) take(o runtime.Object) {
	kind := o.GetObjectKind().GroupVersionKind().GroupKind()
	c.last = kind
	switch o := o.(type) {
	case *corev1.Pod:
		c.takePod(o)
	case *appsv1.DaemonSet:
		c.Sets.Set(o)
		c.takeOwner(kind, o)
	case *metav1.PartialObjectMetadata:
		if kind != dump.Namespaces {
			c.takeOwner(kind, o)
			return
		}
		c.present[object{namespace: o.Name}] = true
		c.Objects.Set(o)
	default:
		c.Objects.Set(o)
	}
}

func (c *Cluster) takeOwner(kind schema.GroupKind, o metav1.Object) {
	// Old clusters have these in another group.
	if kind.Group == "extensions" {
		kind.Group = "apps"
	}
	c.Owners.Set(kind, o)
	c.present[object{o.GetNamespace(), workload.Ref{Group: kind.Group, Kind: kind.Kind, Name: o.GetName()}}] = true
}

// takePod keeps of a pod only what matters.
func (c *Cluster) takePod(o *corev1.Pod) {
	for name := range o.Annotations {
		if !proxy.Reads(name) {
			delete(o.Annotations, name)
		}
	}
	p := proxy.FromPod(o)
	if p.Controller != nil {
		owner := *p.Controller
		p.Controller = &owner
		c.controllers[schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind()] = true
	}
	c.present[object{p.Namespace, workload.Ref{Kind: "Pod", Name: p.Name}}] = true
	c.pods = append(c.pods, p)
}

// Has says whether the dump has a pod or a workload; for a namespace the reference is empty.
func (c *Cluster) Has(namespace string, ref workload.Ref) bool {
	return c.present[object{namespace, ref}]
}

// FieldsThatSelect are those by which pods of a dump can be selected.
func FieldsThatSelect() []string {
	return []string{"metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"}
}

// Each calls do for every pod of the dump, by namespace and name. The error is do's, or that a selector cannot be
// evaluated on a dump.
func (c *Cluster) Each(ctx context.Context, scanner *scan.Scanner, options scan.Options, do func(scan.Item) error) (scan.Result, error) {
	selects, err := selector(options)
	if err != nil {
		return scan.Result{}, err
	}
	slices.SortFunc(c.pods, byName)
	for _, pod := range c.pods {
		if err := ctx.Err(); err != nil {
			return scan.Result{}, err
		}
		if !selects(pod) || options.Only != nil && !options.Only(pod, c.Owners.Of(pod)) {
			continue
		}
		item, err := scanner.Judge(ctx, pod)
		if err == nil {
			err = do(item)
		}
		if err != nil {
			return scan.Result{}, err
		}
	}
	return scan.Result{Gaps: c.Gaps}, nil
}

// selector does what the API server does with the selectors of a list.
func selector(options scan.Options) (func(proxy.Pod) bool, error) {
	byLabel, err := labels.Parse(options.LabelSelector)
	if err != nil {
		return nil, err
	}
	byField, err := fields.ParseSelector(options.FieldSelector)
	if err != nil {
		return nil, err
	}
	for _, r := range byField.Requirements() {
		if !slices.Contains(FieldsThatSelect(), r.Field) {
			return nil, errors.New("a dump's pods cannot be selected by the field " + r.Field)
		}
	}
	return func(p proxy.Pod) bool {
		return (options.Namespace == "" || p.Namespace == options.Namespace) && byLabel.Matches(labels.Set(p.Labels)) &&
			byField.Matches(fields.Set{
				"metadata.name": p.Name, "metadata.namespace": p.Namespace, "spec.nodeName": p.Node, "status.phase": string(p.Phase),
			})
	}, nil
}
