package live

import (
	"context"
	"maps"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// followed is a pod, and what was last said of it.
type followed struct {
	pod  proxy.Pod
	item *scan.Item
	gone bool
}

// owner is what can stand between a pod and its workload.
type owner struct {
	namespace string
	ref       workload.Ref
}

func ownerOf(kind schema.GroupKind, o runtime.Object) owner {
	m := o.(metav1.Object)
	return owner{m.GetNamespace(), workload.Ref{Group: kind.Group, Kind: kind.Kind, Name: m.GetName()}}
}

// judge returns what has changed about the pods that were touched, or about all, and whether the mesh has.
func (f *follower) judge(ctx context.Context) (meshChanged bool, changes []Change, err error) {
	meshChanged = f.meshChanged || f.mesh == nil
	if meshChanged {
		f.mesh = f.objects.Mesh(f.options.IstioNamespace)
	}
	f.traceOwners()
	ids := slices.Collect(maps.Keys(f.touched))
	if meshChanged || f.allTouched {
		ids = slices.Collect(maps.Keys(f.pods))
	}
	slices.Sort(ids)
	scanner := scan.New(f.mesh, f.owners, f.sets)
	for _, id := range ids {
		p := f.pods[id]
		if p == nil {
			continue
		}
		before := p.item
		if err := f.judgeOne(ctx, scanner, p); err != nil {
			return false, nil, err
		}
		if !same(before, p.item) {
			changes = append(changes, Change{before, p.item})
		}
		if p.gone {
			delete(f.pods, id)
		}
	}
	f.meshChanged, f.allTouched = false, false
	clear(f.touched)
	return meshChanged, changes, nil
}

func (f *follower) judgeOne(ctx context.Context, scanner *scan.Scanner, p *followed) error {
	if p.gone || f.options.Only != nil && !f.options.Only(p.pod, f.owners.Of(p.pod)) {
		p.item = nil
		return nil
	}
	item, err := scanner.Judge(ctx, p.pod)
	p.item = &item
	return err
}

// same says whether there is the same to say of a pod.
func same(a, b *scan.Item) bool {
	if a == nil || b == nil {
		return a == b
	}
	return reflect.DeepEqual(a.Report(), b.Report()) && a.Verdict.Owner == b.Verdict.Owner && a.Verdict.Dangling == b.Verdict.Dangling &&
		slices.Equal(a.Chain.Refs, b.Chain.Refs)
}

// traceOwners touches the pods that moved owners control, and forgets those of the departed that control none: pods outlive
// their owners by a moment, in which they still belong to the same workload.
func (f *follower) traceOwners() {
	if len(f.moved)+len(f.departed) == 0 {
		return
	}
	used, namespaces := map[owner]bool{}, map[string]bool{}
	for _, owners := range []map[owner]bool{f.moved, f.departed} {
		for by := range owners {
			namespaces[by.namespace] = true
		}
	}
	for id, p := range f.pods {
		// Following a pod's owners costs far more than this.
		if !namespaces[p.pod.Namespace] {
			continue
		}
		for _, ref := range f.owners.Of(p.pod).Refs {
			by := owner{p.pod.Namespace, ref}
			if f.departed[by] && !p.gone {
				used[by] = true
			}
			if f.moved[by] {
				f.touched[id] = true
			}
		}
	}
	for by := range f.departed {
		if !used[by] {
			f.owners.Delete(schema.GroupKind{Group: by.ref.Group, Kind: by.ref.Kind}, &metav1.ObjectMeta{Namespace: by.namespace, Name: by.ref.Name})
			delete(f.departed, by)
		}
	}
	clear(f.moved)
}

func (f *follower) setPod(o runtime.Object) {
	pod := podOf(o)
	id := pod.Namespace + "/" + pod.Name
	if p, ok := f.pods[id]; ok {
		p.pod, p.gone = pod, false
	} else {
		f.pods[id] = &followed{pod: pod}
	}
	f.touched[id] = true
	f.dataPlane = f.dataPlane || pod.Type == proxy.Ztunnel || pod.Type == proxy.CNI
}

func (f *follower) removePod(o runtime.Object) {
	id := idOf(o)
	if p, ok := f.pods[id]; ok {
		p.gone = true
		f.touched[id] = true
	}
}
