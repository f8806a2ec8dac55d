package live

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// client is what all of Kubernetes' clients can do with a kind whose lists are L.
type client[L runtime.Object] interface {
	List(context.Context, metav1.ListOptions) (L, error)
	Watch(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// feedOf returns a feed of what a client lists, limited by the selectors of limits.
func feedOf[L runtime.Object](what string, c client[L], limits metav1.ListOptions) *feed {
	limit := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector, o.FieldSelector = limits.LabelSelector, limits.FieldSelector
		return o
	}
	return &feed{
		what: what,
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return c.List(ctx, limit(o)) },
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return c.Watch(ctx, limit(o))
		},
	}
}

// decides makes a feed one of a part of the mesh. What it may not read is missing in the namespaces, none for all.
func (f *follower) decides(part mesh.Part, n *feed, namespaces ...string) *feed {
	n.set = func(o runtime.Object) { f.meshChanged = f.objects.Set(o) || f.meshChanged }
	n.remove = func(o runtime.Object) { f.meshChanged = f.objects.Delete(o) || f.meshChanged }
	n.lack = func(err error) {
		f.objects.Lack(part, cluster.Gap{Missing: n.what, Namespaces: namespaces, Err: err})
		f.meshChanged = true
	}
	return n
}

func (f *follower) webhooks() *feed {
	c := f.clients.Kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	return f.decides(mesh.Webhooks, feedOf(string(mesh.Webhooks), c, metav1.ListOptions{}))
}

// all returns the feeds that are followed whatever the webhooks say.
func (f *follower) all() []*feed {
	feeds := []*feed{f.namespaces(), f.validator(), f.proxyConfigs(""), f.gateways(), f.podFeed()}
	for kind, resource := range workload.Resources(f.options.Above) {
		feeds = append(feeds, f.ownerFeed(kind, resource))
	}
	return feeds
}

// of returns the feeds of one of Istio's namespaces.
func (f *follower) of(namespace string) []*feed {
	feeds := []*feed{f.configMaps(namespace), f.services(namespace)}
	if f.scattered {
		feeds = append(feeds, f.proxyConfigs(namespace))
	}
	return feeds
}

// namespaces follows all of them, for also Istio's own can matter. Who is interested in one may be allowed no more than it.
func (f *follower) namespaces() *feed {
	c := f.clients.Metadata.Resource(cluster.NamespaceResource)
	n := f.decides(mesh.Namespaces, feedOf(string(mesh.Namespaces), c, metav1.ListOptions{}))
	if f.options.Namespace == "" {
		return n
	}
	return n.orGet(func(ctx context.Context) (runtime.Object, error) {
		return c.Get(ctx, f.options.Namespace, metav1.GetOptions{})
	})
}

func (f *follower) validator() *feed {
	c := f.clients.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	n := f.decides(mesh.Validator, feedOf(string(mesh.Validator), c, metav1.ListOptions{FieldSelector: mesh.ValidatorSelector}))
	return n.orGet(func(ctx context.Context) (runtime.Object, error) {
		return c.Get(ctx, mesh.DefaultValidator, metav1.GetOptions{})
	})
}

// proxyConfigs follows those of a namespace, empty for all. Where all are refused and one namespace is asked for, those
// count that can hold for it: its own and those of Istio's namespaces.
func (f *follower) proxyConfigs(namespace string) *feed {
	c := f.clients.Istio.NetworkingV1beta1().ProxyConfigs(namespace)
	if namespace != "" {
		return f.decides(mesh.ProxyConfigs, feedOf(string(mesh.ProxyConfigs)+" in "+namespace, c, metav1.ListOptions{}))
	}
	n := f.decides(mesh.ProxyConfigs, feedOf(string(mesh.ProxyConfigs), c, metav1.ListOptions{}))
	if f.options.Namespace != "" {
		n.lack = func(error) { f.scattered = true }
	}
	return n
}

func (f *follower) configMaps(namespace string) *feed {
	c := f.clients.Kube.CoreV1().ConfigMaps(namespace)
	return f.decides(mesh.ConfigMaps, feedOf("configmaps in "+namespace, c, metav1.ListOptions{}), namespace)
}

func (f *follower) services(namespace string) *feed {
	c := f.clients.Kube.CoreV1().Services(namespace)
	return f.decides(mesh.Services, feedOf("services in "+namespace, c, metav1.ListOptions{LabelSelector: label.IoIstioTag.Name}))
}

// gateways follows the version that the cluster serves.
func (f *follower) gateways() *feed {
	resources := mesh.GatewayResources()
	served := resources[0]
	in := func(r schema.GroupVersionResource) client[*unstructuredList] {
		return f.clients.Dynamic.Resource(r).Namespace(f.options.Namespace)
	}
	n := &feed{
		what: string(mesh.Gateways),
		list: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			var list runtime.Object
			var err error
			for _, served = range resources {
				if list, err = in(served).List(ctx, o); !apierrors.IsNotFound(err) {
					break
				}
			}
			return list, err
		},
		watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return in(served).Watch(ctx, o)
		},
	}
	return f.decides(mesh.Gateways, n)
}

func (f *follower) ownerFeed(kind schema.GroupKind, resource schema.GroupVersionResource) *feed {
	n := feedOf(resource.Resource, f.clients.Metadata.Resource(resource).Namespace(f.options.Namespace), metav1.ListOptions{})
	n.set = func(o runtime.Object) {
		owner := ownerOf(kind, o)
		delete(f.departed, owner)
		if f.owners.Set(kind, o.(metav1.Object)) {
			f.moved[owner] = true
		}
	}
	n.remove = func(o runtime.Object) { f.departed[ownerOf(kind, o)] = true }
	n.lack = func(err error) { f.owners.Lack(cluster.Gap{Missing: n.what, Err: err}) }
	return n
}

func (f *follower) daemonSets() *feed {
	n := feedOf("daemonsets of the data plane", f.clients.Kube.AppsV1().DaemonSets(f.options.Namespace), metav1.ListOptions{})
	n.set = func(o runtime.Object) { f.allTouched = f.sets.Set(o.(*appsv1.DaemonSet)) || f.allTouched }
	n.remove = func(o runtime.Object) {
		f.sets.Delete(o.(*appsv1.DaemonSet))
		f.allTouched = true
	}
	n.lack = func(err error) {
		f.sets.Lack(cluster.Gap{Missing: n.what, Err: err})
		f.allTouched = true
	}
	return n
}

// podFeed lists pods in the scan's own way, and watches them as everybody does.
func (f *follower) podFeed() *feed {
	limits := metav1.ListOptions{LabelSelector: f.options.LabelSelector, FieldSelector: f.options.FieldSelector}
	n := feedOf("pods", f.clients.Kube.CoreV1().Pods(f.options.Namespace), limits)
	n.list = func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
		list := &podList{}
		result, err := podlist.Each(ctx, f.clients.Core, f.options.Namespace, podlist.Options{
			LabelSelector: limits.LabelSelector, FieldSelector: limits.FieldSelector, Chunk: f.options.Chunk,
		}, func(p proxy.Pod) error {
			list.Items = append(list.Items, pod{Pod: p, ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}})
			return nil
		})
		list.ResourceVersion = result.ResourceVersion
		return list, err
	}
	n.set, n.remove = f.setPod, f.removePod
	return n
}
