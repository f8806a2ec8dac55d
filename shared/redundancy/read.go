package redundancy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/gateways"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

// Options says whose Deployments are meant.
type Options struct {
	// IstioNamespace is the mesh's.
	IstioNamespace string
	// Revisions are those whose istiods and gateways count.
	Revisions []string
	// Chunk is the page size of lists.
	Chunk int64
}

// Read finds the Deployments of the revisions' istiods, and of the gateways that these inject or keep, with their HPAs, sorted. What
// may not be read becomes a gap; the error is for a cluster that fails.
func Read(ctx context.Context, clients *cluster.Clients, m *mesh.Mesh, options Options) ([]Deployment, []cluster.Gap, error) {
	r := &reader{Clients: clients, Options: options, mesh: m, found: map[[2]string]*Deployment{}}
	gap, err := clients.Everywhere(ctx, "deployments.apps", "", func(namespace string) error {
		list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return clients.Kube.AppsV1().Deployments(namespace).List(ctx, o)
		}
		return cluster.EachPage(ctx, options.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
			r.deployment(o.(*appsv1.Deployment))
			return nil
		})
	})
	if err != nil {
		return nil, nil, err
	}
	var gaps []cluster.Gap
	if gap != nil {
		gaps = append(gaps, *gap)
	}
	if err := r.autoscalers(ctx); err != nil {
		return nil, nil, err
	}
	return r.sorted(), gaps, nil
}

type reader struct {
	*cluster.Clients
	Options
	mesh *mesh.Mesh
	// found are the Deployments by namespace and name.
	found map[[2]string]*Deployment
}

func (r *reader) sorted() []Deployment {
	var all []Deployment
	for _, d := range r.found {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b Deployment) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// deployment keeps one that is meant.
func (r *reader) deployment(d *appsv1.Deployment) {
	if d.DeletionTimestamp != nil || !r.istiod(d) && !r.gateway(d) {
		return
	}
	_, surged := d.Labels[rollout.SurgedLabel]
	r.found[[2]string{d.Namespace, d.Name}] = &Deployment{Namespace: d.Namespace, Name: d.Name, Replicas: replicas(d), Surged: surged}
}

// istiod tells a control plane by the labels of the chart istio-discovery.
func (r *reader) istiod(d *appsv1.Deployment) bool {
	return d.Namespace == r.IstioNamespace && d.Labels["app"] == "istiod" && slices.Contains(r.Revisions, d.Labels[label.IoIstioRev.Name])
}

// gateway tells the gateways of the mesh, whether istiod keeps them or they are injected.
func (r *reader) gateway(d *appsv1.Deployment) bool {
	object, _ := podtemplate.Of(d)
	pod := proxy.FromPod(object)
	return gateways.Will(pod) && gateways.Options{IstioNamespace: r.IstioNamespace, Revisions: r.Revisions}.Follows(r.mesh, pod)
}

// autoscalers reads the HPAs of the namespaces in which something was found. Where they may not be read, nothing there is known well
// enough to be changed.
func (r *reader) autoscalers(ctx context.Context) error {
	gaps := map[string]*cluster.Gap{}
	for at, d := range r.found {
		if _, asked := gaps[at[0]]; !asked {
			gap, err := cluster.Outcome("horizontalpodautoscalers in namespace "+at[0], r.autoscalersIn(ctx, at[0]))
			if err != nil {
				return err
			}
			gaps[at[0]] = gap
		}
		if gap := gaps[at[0]]; gap != nil {
			d.Unknown = fmt.Sprintf("%v", gap)
		}
	}
	return nil
}

func (r *reader) autoscalersIn(ctx context.Context, namespace string) error {
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return r.Kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).List(ctx, o)
	}
	return cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
		h := o.(*autoscalingv2.HorizontalPodAutoscaler)
		d := r.found[[2]string{namespace, h.Spec.ScaleTargetRef.Name}]
		if d == nil || h.Spec.ScaleTargetRef.Kind != deploymentKind || slices.ContainsFunc(d.Autoscalers, func(a Autoscaler) bool { return a.Name == h.Name }) {
			return nil
		}
		d.Autoscalers = append(d.Autoscalers, Autoscaler{Name: h.Name, Min: minimum(h), Max: h.Spec.MaxReplicas})
		_, surged := h.Labels[rollout.SurgedLabel]
		d.Surged = d.Surged || surged
		return nil
	})
}

// replicas and minimum are what the API server sets where none is given.
func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

func minimum(h *autoscalingv2.HorizontalPodAutoscaler) int32 {
	if h.Spec.MinReplicas == nil {
		return 1
	}
	return *h.Spec.MinReplicas
}
