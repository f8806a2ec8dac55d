package gateways

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// Options says which gateways are meant.
type Options struct {
	// IstioNamespace is the mesh's, Revisions are those whose gateways count.
	IstioNamespace string
	Revisions      []string
	// Chunk is the page size of lists.
	Chunk int64
}

// Follows says whether a gateway's pod that is created now comes to one of the revisions, be it injected or kept by istiod itself.
func (o Options) Follows(m *mesh.Mesh, pod proxy.Pod) bool { return o.follows(m.Decide(pod)) }

func (o Options) follows(d injection.Decision) bool {
	return d.Outcome != injection.NotInjected && slices.Contains(o.Revisions, d.Owner.Revision) &&
		(d.Owner.Namespace == "" || d.Owner.Namespace == o.IstioNamespace)
}

// Read finds the Deployments of gateways, and the Services that may lead to them. What may not be read is a gap of the result; the error
// is for a cluster that fails.
func Read(ctx context.Context, clients *cluster.Clients, m *mesh.Mesh, options Options) (*Found, error) {
	f := &Found{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		f.NoDeployments, err = clients.Everywhere(ctx, "deployments.apps", "", func(namespace string) error {
			list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return clients.Kube.AppsV1().Deployments(namespace).List(ctx, o)
			}
			return cluster.EachPage(ctx, options.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
				f.deployment(m, options, o.(*appsv1.Deployment))
				return nil
			})
		})
		return err
	})
	group.Go(func() (err error) {
		f.NoServices, err = clients.Everywhere(ctx, "services", "", func(namespace string) error {
			list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
				return clients.Kube.CoreV1().Services(namespace).List(ctx, o)
			}
			return cluster.EachPage(ctx, options.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
				f.service(o.(*corev1.Service))
				return nil
			})
		})
		return err
	})
	return f, group.Wait()
}

// deployment keeps one whose pods are gateways. A list that expires brings some again.
func (f *Found) deployment(m *mesh.Mesh, options Options, d *appsv1.Deployment) {
	object, _ := podtemplate.Of(d)
	pod := proxy.FromPod(object)
	had := func(known Deployment) bool { return known.Namespace == d.Namespace && known.Name == d.Name }
	if d.DeletionTimestamp != nil || !Will(pod) || slices.ContainsFunc(f.Deployments, had) {
		return
	}
	decision := m.Decide(pod)
	if decision.Outcome == injection.Unknown && decision.Owner.Revision == "" && f.Undecided == nil {
		f.Undecided = &cluster.Gap{
			Missing: "which revision Deployment " + d.Name + " in namespace " + d.Namespace + " follows", Namespaces: []string{d.Namespace},
			Err: errors.New(decision.Reason),
		}
	}
	replicas := 1
	if d.Spec.Replicas != nil {
		replicas = int(*d.Spec.Replicas)
	}
	f.Deployments = append(f.Deployments, Deployment{
		Namespace: d.Namespace, Name: d.Name, Replicas: replicas, Ready: int(d.Status.ReadyReplicas),
		Labels: pod.Labels, Follows: options.follows(decision),
	})
}

func (f *Found) service(s *corev1.Service) {
	if len(s.Spec.Selector) == 0 {
		return
	}
	f.Services = append(f.Services, Service{Namespace: s.Namespace, Name: s.Name, Selector: s.Spec.Selector, Addresses: addresses(s)})
}

// addresses are where a Service is reached: at its load balancer, else within the cluster.
func addresses(s *corev1.Service) []string {
	all := []string{}
	for _, at := range s.Status.LoadBalancer.Ingress {
		for _, address := range []string{at.IP, at.Hostname} {
			if address != "" {
				all = append(all, address)
			}
		}
	}
	if len(all) == 0 {
		for _, ip := range s.Spec.ClusterIPs {
			if ip != corev1.ClusterIPNone && ip != "" {
				all = append(all, ip)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
