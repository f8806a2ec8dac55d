package podtemplate

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Workload names a workload.
type Workload struct {
	Namespace string
	Ref       workload.Ref
}

// Each lists every kind that occurs among the workloads, page by page, and calls do once for each of them with the pod
// that its controller would create from its template. Workloads of other kinds than those of which this is known, and those
// that are gone, are passed over. No more than a few pages are held at a time; a kind that occurs in one namespace only is
// listed there, and a single object by its name. What the caller may not list becomes a gap. The error is do's, or that of
// a cluster which cannot be reached or fails.
func Each(ctx context.Context, kube kubernetes.Interface, chunk int64, workloads []Workload, do func(Workload, *corev1.Pod) error) ([]cluster.Gap, error) {
	var gaps []cluster.Gap
	for _, k := range kinds {
		wanted := k.among(workloads)
		if len(wanted) == 0 {
			continue
		}
		gap, err := k.read(ctx, kube, chunk, wanted, do)
		if err != nil {
			return gaps, err
		}
		if gap != nil {
			gaps = append(gaps, *gap)
		}
	}
	return gaps, nil
}

func (k kind) among(workloads []Workload) map[Workload]bool {
	wanted := map[Workload]bool{}
	for _, w := range workloads {
		if k.is(w.Ref) {
			wanted[w] = true
		}
	}
	return wanted
}

// read lists one kind. It takes each workload out of wanted when it comes by: a listing that has to begin anew, because
// it took too long, gives nothing twice.
func (k kind) read(ctx context.Context, kube kubernetes.Interface, chunk int64, wanted map[Workload]bool, do func(Workload, *corev1.Pod) error) (*cluster.Gap, error) {
	namespace, options := scope(wanted)
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return k.list(ctx, kube, namespace, o)
	}
	var stopped error
	err := cluster.EachPage(ctx, chunk, options, list, func(o runtime.Object) error {
		object, err := meta.Accessor(o)
		if err != nil {
			return err
		}
		w := Workload{object.GetNamespace(), workload.Ref{Group: k.Group, Kind: k.Kind, Name: object.GetName()}}
		if !wanted[w] {
			return nil
		}
		delete(wanted, w)
		stopped = do(w, k.pod(o))
		return stopped
	})
	if stopped != nil && errors.Is(err, stopped) {
		return nil, err
	}
	return cluster.Outcome(fmt.Sprintf("the templates of %s", k.resource), err)
}

// scope returns the narrowest listing that holds all that is wanted.
func scope(wanted map[Workload]bool) (namespace string, options metav1.ListOptions) {
	first := true
	for w := range wanted {
		if len(wanted) == 1 {
			options.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, w.Ref.Name).String()
		}
		if !first && namespace != w.Namespace {
			return metav1.NamespaceAll, options
		}
		namespace, first = w.Namespace, false
	}
	return namespace, options
}
