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
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
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
	// quiet are gaps that matter to few pods, if to any: the reasons of those tell them.
	quiet    []cluster.Gap
	contents dump.Contents
	// present holds the workloads, Gateways and namespaces that the dump has.
	present map[object]bool
	// sections are the kinds of the objects in the order of the dump, each as often as it begins anew.
	sections []schema.GroupKind
	// configMaps are the namespaces of which the dump has ConfigMaps.
	configMaps map[string]bool
	// controllers are the kinds that pods and workloads name as their controllers'.
	controllers map[schema.GroupKind]bool
}

type object struct {
	namespace string
	ref       workload.Ref
}

// noRef stands for the namespace itself.
var noRef workload.Ref

// Read reads a dump. The error says that it is none, or what in it is malformed and where; what it lacks is no error.
func Read(r io.Reader) (*Cluster, error) {
	c := &Cluster{
		Objects: mesh.NewObjects(), Owners: workload.NewOwners(), Sets: scan.NewKnownDaemonSets(),
		present: map[object]bool{}, configMaps: map[string]bool{}, controllers: map[schema.GroupKind]bool{},
	}
	var err error
	c.contents, err = dump.Read(r, func(o runtime.Object) error {
		c.take(o)
		return nil
	})
	if err != nil {
		return nil, err
	}
	switch {
	case c.contents.Covers(dump.Pods):
	case c.contents.Cut != "":
		return nil, fmt.Errorf("the dump is cut off before its pods: %s", c.contents.Cut)
	default:
		return nil, fmt.Errorf("the dump has no pods, but %s", c.contents)
	}
	c.account()
	return c, nil
}

func (c *Cluster) take(o runtime.Object) {
	kind := workload.Kind(o.GetObjectKind().GroupVersionKind().GroupKind())
	if n := len(c.sections); n == 0 || c.sections[n-1] != kind {
		c.sections = append(c.sections, kind)
	}
	switch o := o.(type) {
	case *corev1.Pod:
		c.takePod(o)
	case *appsv1.DaemonSet:
		c.Sets.Set(o)
		c.takeOwner(kind, o)
	case *corev1.ConfigMap:
		c.configMaps[o.Namespace] = true
		c.Objects.Set(o)
	case *unstructured.Unstructured:
		c.note(kind, o)
		c.Objects.Set(o)
	case *metav1.PartialObjectMetadata:
		if kind != dump.Namespaces {
			c.takeOwner(kind, o)
			return
		}
		c.present[object{o.Name, noRef}] = true
		c.Objects.Set(o)
	default:
		c.Objects.Set(o)
	}
}

func (c *Cluster) takeOwner(kind schema.GroupKind, o metav1.Object) {
	c.note(kind, o)
	c.noteController(metav1.GetControllerOfNoCopy(o))
	c.Owners.Set(kind, o)
}

// note keeps in mind that the dump has the object, and that there is its namespace.
func (c *Cluster) note(kind schema.GroupKind, o metav1.Object) {
	c.present[object{o.GetNamespace(), noRef}] = true
	c.present[object{o.GetNamespace(), workload.Ref{Group: kind.Group, Kind: kind.Kind, Name: o.GetName()}}] = true
}

func (c *Cluster) noteController(controller *metav1.OwnerReference) {
	if controller != nil {
		c.controllers[workload.Kind(schema.FromAPIVersionAndKind(controller.APIVersion, controller.Kind).GroupKind())] = true
	}
}

// takePod keeps of a pod only what matters.
func (c *Cluster) takePod(o *corev1.Pod) {
	c.note(dump.Pods, o)
	p := proxy.FromPod(o)
	c.noteController(p.Controller)
	if p.Controller != nil {
		// The pod's own reference would keep the whole list of them.
		owner := *p.Controller
		p.Controller = &owner
	}
	c.pods = append(c.pods, p)
}

// Has says whether the dump has a pod, a workload or a Gateway; for a namespace, of which there may be only what is in it,
// the reference is empty.
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
