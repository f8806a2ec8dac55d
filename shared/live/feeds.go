package live

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/feed"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// feedOf returns a feed of what a client lists, limited by the selectors of limits.
func feedOf[L runtime.Object](what string, c feed.Client[L], limits metav1.ListOptions) *meshFeed {
	return &meshFeed{Source: feed.Of(what, c, limits)}
}

// decides makes a feed one of a part of the mesh. What it may not read is missing in the namespaces, none for all.
func (f *follower) decides(part mesh.Part, n *meshFeed, namespaces ...string) *meshFeed {
	n.set = func(o runtime.Object) { f.meshChanged = f.objects.Set(o) || f.meshChanged }
	n.remove = func(o runtime.Object) { f.meshChanged = f.objects.Delete(o) || f.meshChanged }
	n.lack = func(err error) error {
		return f.lackPart(part)(cluster.Gap{Missing: n.What, Namespaces: namespaces, Err: err})
	}
	return n
}

func (f *follower) lackPart(part mesh.Part) func(cluster.Gap) error {
	return func(g cluster.Gap) error {
		f.objects.Lack(part, g)
		f.meshChanged = true
		return nil
	}
}

func (f *follower) webhooks() *meshFeed {
	c := f.clients.Kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	return f.decides(mesh.Webhooks, feedOf(string(mesh.Webhooks), c, metav1.ListOptions{}))
}

// all returns the feeds that are followed whatever the webhooks say.
func (f *follower) all() []*meshFeed {
	feeds := []*meshFeed{f.namespaces(), f.validator(), f.allProxyConfigs(), f.gateways(), f.podFeed()}
	for kind, resource := range workload.Resources(f.options.Above) {
		feeds = append(feeds, f.ownerFeed(kind, resource))
	}
	return feeds
}

// of returns the feeds of one of Istio's namespaces.
func (f *follower) of(namespace string) []*meshFeed {
	feeds := []*meshFeed{f.configMaps(namespace), f.services(namespace)}
	if f.scattered {
		feeds = append(feeds, f.proxyConfigs(namespace))
	}
	return feeds
}

// namespaces follows all of them, for also Istio's own can matter. Who is interested in one may be allowed no more than it.
func (f *follower) namespaces() *meshFeed {
	c := f.clients.Metadata.Resource(cluster.NamespaceResource)
	n := f.decides(mesh.Namespaces, feedOf(string(mesh.Namespaces), c, metav1.ListOptions{}))
	if f.options.Namespace == "" {
		return n
	}
	return n.orGet(func(ctx context.Context) (runtime.Object, error) {
		return c.Get(ctx, f.options.Namespace, metav1.GetOptions{})
	})
}

func (f *follower) validator() *meshFeed {
	c := f.clients.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations()
	n := f.decides(mesh.Validator, feedOf(string(mesh.Validator), c, metav1.ListOptions{FieldSelector: mesh.ValidatorSelector}))
	return n.orGet(func(ctx context.Context) (runtime.Object, error) {
		return c.Get(ctx, mesh.DefaultValidator, metav1.GetOptions{})
	})
}

// allProxyConfigs follows those of all namespaces. Where they are refused and one namespace is asked for, those count that
// can hold for it: its own and those of Istio's namespaces.
func (f *follower) allProxyConfigs() *meshFeed {
	if f.options.Namespace == "" {
		return f.everywhere(f.proxyConfigs, f.lackPart(mesh.ProxyConfigs))
	}
	n := f.proxyConfigs("")
	n.lack = func(error) error {
		f.scattered = true
		return nil
	}
	return n
}

// proxyConfigs follows those of a namespace, empty for all.
func (f *follower) proxyConfigs(namespace string) *meshFeed {
	what := string(mesh.ProxyConfigs)
	if namespace != "" {
		what += " in " + namespace
	}
	n := f.decides(mesh.ProxyConfigs, feedOf(what, f.clients.Istio.NetworkingV1beta1().ProxyConfigs(namespace), metav1.ListOptions{}))
	n.Optional = true
	return n
}

func (f *follower) configMaps(namespace string) *meshFeed {
	c := f.clients.Kube.CoreV1().ConfigMaps(namespace)
	return f.decides(mesh.ConfigMaps, feedOf("configmaps in "+namespace, c, metav1.ListOptions{}), namespace)
}

func (f *follower) services(namespace string) *meshFeed {
	c := f.clients.Kube.CoreV1().Services(namespace)
	return f.decides(mesh.Services, feedOf("services in "+namespace, c, metav1.ListOptions{LabelSelector: label.IoIstioTag.Name}))
}

func (f *follower) gateways() *meshFeed { return f.everywhere(f.gatewaysIn, f.lackPart(mesh.Gateways)) }

// gatewaysIn follows the version that the cluster serves.
func (f *follower) gatewaysIn(namespace string) *meshFeed {
	resources := mesh.GatewayResources()
	served := resources[0]
	in := func(r schema.GroupVersionResource) feed.Client[*unstructuredList] {
		return f.clients.Dynamic.Resource(r).Namespace(namespace)
	}
	n := feed.Source{
		What: string(mesh.Gateways), Optional: true,
		List: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			var list runtime.Object
			var err error
			for _, served = range resources {
				if list, err = in(served).List(ctx, o); !apierrors.IsNotFound(err) {
					break
				}
			}
			return list, err
		},
		Watch: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return in(served).Watch(ctx, o)
		},
	}
	return f.decides(mesh.Gateways, &meshFeed{Source: n})
}

func (f *follower) ownerFeed(kind schema.GroupKind, resource schema.GroupVersionResource) *meshFeed {
	in := func(namespace string) *meshFeed { return f.ownersIn(namespace, kind, resource) }
	return f.everywhere(in, func(g cluster.Gap) error {
		f.owners.Lack(g)
		return nil
	})
}

func (f *follower) ownersIn(namespace string, kind schema.GroupKind, resource schema.GroupVersionResource) *meshFeed {
	n := feedOf(resource.Resource, f.clients.Metadata.Resource(resource).Namespace(namespace), metav1.ListOptions{})
	n.set = func(o runtime.Object) {
		owner := ownerOf(kind, o)
		delete(f.departed, owner)
		if f.owners.Set(kind, o.(metav1.Object)) {
			f.moved[owner] = true
		}
	}
	n.remove = func(o runtime.Object) { f.departed[ownerOf(kind, o)] = true }
	return n
}

func (f *follower) daemonSets() *meshFeed {
	return f.everywhere(f.daemonSetsIn, func(g cluster.Gap) error {
		f.sets.Lack(g)
		f.allTouched = true
		return nil
	})
}

func (f *follower) daemonSetsIn(namespace string) *meshFeed {
	n := feedOf("daemonsets of the data plane", f.clients.Kube.AppsV1().DaemonSets(namespace), metav1.ListOptions{})
	n.set = func(o runtime.Object) { f.allTouched = f.sets.Set(o.(*appsv1.DaemonSet)) || f.allTouched }
	n.remove = func(o runtime.Object) {
		f.sets.Delete(o.(*appsv1.DaemonSet))
		f.allTouched = true
	}
	return n
}

// podFeed follows what there is no answer without: where none may be read, that is an error.
func (f *follower) podFeed() *meshFeed {
	return f.everywhere(f.podsIn, func(g cluster.Gap) error {
		if g.Namespaces == nil {
			return fmt.Errorf("reading %s: %w", g.Missing, g.Err)
		}
		f.podGaps = append(f.podGaps, g)
		return nil
	})
}

// podsIn lists pods in the scan's own way, and watches them as everybody does.
func (f *follower) podsIn(namespace string) *meshFeed {
	limits := metav1.ListOptions{LabelSelector: f.options.LabelSelector, FieldSelector: f.options.FieldSelector}
	n := feedOf("pods", f.clients.Kube.CoreV1().Pods(namespace), limits)
	n.List = func(ctx context.Context, _ metav1.ListOptions) (runtime.Object, error) {
		list := &podList{}
		result, err := podlist.Each(ctx, f.clients.Core, namespace, podlist.Options{
			LabelSelector: limits.LabelSelector, FieldSelector: limits.FieldSelector, Chunk: f.options.Chunk,
		}, func(p proxy.Pod) error {
			list.Items = append(list.Items, pod{Pod: p, ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name}})
			return nil
		})
		list.ResourceVersion = result.ResourceVersion
		return list, err
	}
	n.set, n.remove, n.essential = f.setPod, f.removePod, true
	return n
}
