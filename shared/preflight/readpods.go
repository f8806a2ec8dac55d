package preflight

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// counts is what pods say of what they belong to.
type counts struct {
	workloads map[podtemplate.Workload]*Workload
	gateways  map[string]*Gateway
	// onFrom counts, by namespace, the pods that run a proxy of From, injected those of them that injection gave it to; versions are
	// those of these proxies.
	onFrom, injected map[string]int
	versions         map[string]bool
}

// readPods goes through the pods, and then reads what they belong to.
func (r *reader) readPods(ctx context.Context) error {
	c := &counts{
		workloads: map[podtemplate.Workload]*Workload{}, gateways: map[string]*Gateway{},
		onFrom: map[string]int{}, injected: map[string]int{}, versions: map[string]bool{},
	}
	scanner := scan.New(r.mesh, r.owners, scan.NewKnownDaemonSets())
	result, err := scanner.Each(ctx, r.clients, scan.Options{Chunk: r.options.Chunk}, func(item scan.Item) error {
		r.count(c, item)
		return nil
	})
	if apierrors.IsForbidden(err) {
		result.Gaps, err = append(result.Gaps, cluster.Gap{Missing: "pods", Err: err}), nil
	}
	if err != nil {
		return err
	}
	r.lack(result.Gaps...)
	r.facts.ProxyVersions = sortedVersions(c.versions)
	if err := r.readNamespaces(ctx, c); err != nil {
		return err
	}
	if err := r.readGateways(ctx, c); err != nil {
		return err
	}
	return r.readWorkloads(ctx, c)
}

// count notes what one pod says.
func (r *reader) count(c *counts, item scan.Item) {
	pod, verdict := item.Pod, item.Verdict
	if pod.Terminal() || pod.Terminating || r.mesh.Terminating(pod.Namespace) || pod.Type == proxy.Ztunnel || pod.Type == proxy.CNI {
		return
	}
	from := r.facts.From.ControlPlane
	runs := verdict.Proxy != nil && isOf(from, verdict.Proxy.Revision, verdict.Owner)
	follows := verdict.Owner == from && verdict.Expected.Image != ""
	elsewhere := verdict.Owner != from && verdict.Owner != (revision.ControlPlane{})
	if verdict.Status == v1alpha1.Unknown && !runs && !follows && !elsewhere {
		r.facts.Undecided++
		r.facts.Because = verdict.Reason
	}
	if runs {
		c.onFrom[pod.Namespace]++
		if !pod.Managed() && !pod.InOwnTemplate() {
			c.injected[pod.Namespace]++
		}
		if verdict.Proxy.Version != "" {
			c.versions[verdict.Proxy.Version] = true
		}
	}
	if pod.Managed() {
		c.countGateway(pod, follows)
	}
	if runs || follows {
		c.countWorkload(item, runs, follows)
	}
}

// isOf says whether a proxy of a revision of that name is a control plane's. Where another mesh has a revision of the same name, the
// proxy is that one's if it would inject the pod now.
func isOf(from revision.ControlPlane, name string, would revision.ControlPlane) bool {
	return name == from.Revision && (would.Revision != name || would.Namespace == "" || would == from)
}

func (c *counts) countGateway(pod proxy.Pod, follows bool) {
	key := pod.Namespace + "/" + pod.GatewayName()
	g := c.gateways[key]
	if g == nil {
		g = &Gateway{Namespace: pod.Namespace, Name: pod.GatewayName()}
		c.gateways[key] = g
	}
	g.Pods++
	g.Follows = g.Follows || follows
}

// countWorkload notes a pod of a workload. Pods that nothing controls and that run to an end need no restart.
func (c *counts) countWorkload(item scan.Item, runs, follows bool) {
	ref := item.Chain.Workload()
	bare := item.Pod.Controller == nil
	if bare && item.Pod.RestartPolicy != corev1.RestartPolicyAlways && item.Pod.RestartPolicy != "" {
		return
	}
	key := podtemplate.Workload{Namespace: item.Pod.Namespace, Ref: ref}
	w := c.workloads[key]
	if w == nil {
		w = &Workload{Namespace: key.Namespace, Ref: ref, Probed: true}
		if bare && !item.Pod.RevisionLabelMayBeInjected() {
			w.Labels = item.Pod.Labels
		}
		c.workloads[key] = w
	}
	w.Pods++
	w.Follows = w.Follows || follows
	if runs {
		w.OnFrom++
	}
}

func sortedVersions(versions map[string]bool) []string {
	var list []string
	for v := range versions {
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b string) int { return proxy.ParseVersion(a).Order(proxy.ParseVersion(b)) })
	return list
}

// readNamespaces reads their labels, and who keeps them.
func (r *reader) readNamespaces(ctx context.Context, c *counts) error {
	found := map[string]*Namespace{}
	err := cluster.EachPage(ctx, r.options.Chunk, metav1.ListOptions{}, func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return r.clients.Metadata.Resource(cluster.NamespaceResource).List(ctx, o)
	}, func(o runtime.Object) error {
		m := o.(*metav1.PartialObjectMetadata)
		if m.DeletionTimestamp != nil {
			return nil
		}
		d := r.mesh.Follows(m.Name)
		found[m.Name] = &Namespace{
			Name: m.Name, Labels: m.Labels, Follows: d.Owner, OnFrom: c.onFrom[m.Name], Injected: c.injected[m.Name],
			ManagedBy: managedBy(&m.ObjectMeta),
		}
		return nil
	})
	r.facts.Namespaces = sorted(found)
	gap, err := cluster.Outcome(string(mesh.Namespaces), err)
	if gap != nil {
		r.lack(*gap)
	}
	return err
}

// readGateways reads the labels of the Gateway API's Gateways: those that istiod runs pods for, and those with a label of Istio's.
func (r *reader) readGateways(ctx context.Context, c *counts) error {
	list := func(ctx context.Context, namespace string, o metav1.ListOptions) (page runtime.Object, err error) {
		for _, resource := range mesh.GatewayResources() {
			if page, err = r.clients.Metadata.Resource(resource).Namespace(namespace).List(ctx, o); !apierrors.IsNotFound(err) {
				break
			}
		}
		return page, err
	}
	err := r.eachOptional(ctx, string(mesh.Gateways), list, func(o runtime.Object) {
		m := o.(*metav1.PartialObjectMetadata)
		key := m.Namespace + "/" + m.Name
		if _, labelled := m.Labels[revLabel]; labelled && c.gateways[key] == nil && !r.mesh.Terminating(m.Namespace) {
			c.gateways[key] = &Gateway{Namespace: m.Namespace, Name: m.Name}
		}
		if g := c.gateways[key]; g != nil {
			g.Labels = m.Labels
		}
	})
	r.facts.Gateways = sorted(c.gateways)
	return err
}
