package retirement

import (
	"cmp"
	"context"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
)

// Options says which revision is meant.
type Options struct {
	// Revision is that of the control plane in IstioNamespace.
	Revision, IstioNamespace string
	// Tool says which tool would uninstall it.
	Tool Tool
	// Chunk is the page size of lists.
	Chunk int64
	// Upgrade is the record of an upgrade in that mesh, nil where there is none or it cannot be read.
	Upgrade *v1alpha1.CanaryUpgrade
	// Config is how the cluster is reached: istiod is asked by port forwarding as well. Without it only the API server's proxy is tried.
	Config *rest.Config
}

// Read reads what can need a revision, page by page: pods are counted and not kept. What may not be read becomes a gap of the result;
// the error is for a cluster that cannot be reached or that fails.
func Read(ctx context.Context, clients *cluster.Clients, options Options) (*Facts, error) {
	m, err := mesh.Read(ctx, clients, mesh.Options{IstioNamespace: options.IstioNamespace, Chunk: options.Chunk})
	if err != nil {
		return nil, err
	}
	config, err := ReadConfiguration(ctx, clients, options.IstioNamespace, options.Revision)
	if err != nil {
		return nil, err
	}
	r := &reader{
		Clients: clients, Options: options, mesh: m, config: config,
		facts:  &Facts{Revision: options.Revision, IstioNamespace: options.IstioNamespace, Ending: ending(options.Upgrade, options.Revision)},
		labels: map[string]map[string]string{}, following: map[string]upgrade.Follows{}, counts: map[key]int{},
	}
	r.configuration()
	for _, read := range []func(context.Context) error{r.namespaces, r.gateways, r.pods, r.templates} {
		if err := read(ctx); err != nil {
			return nil, err
		}
	}
	r.workloads()
	r.facts.Connected = ask(ctx, clients, options, func(proxy string) bool { return r.facts.Origin.AKS && aksKept(proxy, r.Revision) })
	return r.facts, nil
}

// ending is the command that brings an upgrade to an end in which nothing needs a revision, empty where none is under way that is about it.
func ending(u *v1alpha1.CanaryUpgrade, revision string) string {
	switch {
	case u == nil, u.Phase == v1alpha1.PhaseCompleted, u.Phase == v1alpha1.PhaseRolledBack:
		return ""
	case u.Phase == v1alpha1.PhaseRollingBack && (u.From == revision || u.To == revision), u.To == revision:
		return "kubectl mesh-canary rollback"
	case u.From == revision:
		return "kubectl mesh-canary complete"
	default:
		return ""
	}
}

// reader fills in the facts.
type reader struct {
	*cluster.Clients
	Options
	mesh   *mesh.Mesh
	config *Configuration
	facts  *Facts
	// labels are those of every namespace; following are the namespaces that follow the revision, counts the pods of each workload that
	// run its proxies.
	labels    map[string]map[string]string
	following map[string]upgrade.Follows
	counts    map[key]int
}

// lack notes a gap, if there is one. What two reads of the same objects miss is told once.
func (r *reader) lack(g *cluster.Gap) {
	if g == nil || slices.ContainsFunc(r.facts.Gaps, func(known cluster.Gap) bool { return known.Err.Error() == g.Err.Error() }) {
		return
	}
	r.facts.Gaps = append(r.facts.Gaps, *g)
}

// configuration takes what the control planes' own objects tell.
func (r *reader) configuration() {
	f := r.facts
	for _, g := range slices.Concat(r.mesh.Gaps(), r.config.Gaps) {
		r.lack(&g)
	}
	f.Tags = r.config.tags(r.IstioNamespace, r.Revision)
	f.Validator = r.config.validator(r.IstioNamespace, r.Revision)
	f.Origin = r.config.Origin
	f.Istioctl = r.Tool == Istioctl || r.Tool == Usual && f.Origin.Istioctl()
	f.Namesakes = r.config.namesakes(r.IstioNamespace, r.Revision)
	installed := r.config.installed(r.IstioNamespace)
	f.Installed = slices.Contains(installed, r.Revision)
	others := slices.DeleteFunc(installed, func(name string) bool { return name == r.Revision })
	if len(others) == 1 {
		f.Next = others[0]
	}
}

// namespaces finds those that follow the revision. In one that is being deleted nothing is created any more.
func (r *reader) namespaces(ctx context.Context) error {
	tags, installed := r.config.injectingTags(r.IstioNamespace), r.config.installed(r.IstioNamespace)
	isInstalled := func(name string) bool { return name == r.Revision || slices.Contains(installed, name) }
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		return r.Metadata.Resource(cluster.NamespaceResource).List(ctx, o)
	}
	err := cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
		n := o.(*metav1.PartialObjectMetadata)
		r.labels[n.Name] = n.Labels
		follows, is := upgrade.FollowedBy(n.Labels, tags, isInstalled)
		if is && follows.Revision == r.Revision && n.DeletionTimestamp == nil {
			r.following[n.Name] = follows
		}
		return nil
	})
	for name, follows := range r.following {
		r.facts.Namespaces = append(r.facts.Namespaces, Namespace{name, follows})
	}
	slices.SortFunc(r.facts.Namespaces, func(a, b Namespace) int { return cmp.Compare(a.Name, b.Name) })
	gap, err := cluster.Outcome("namespaces", err)
	r.lack(gap)
	return err
}

func (r *reader) follows(namespace string) bool {
	_, is := r.following[namespace]
	return is
}

// gateways finds Gateways whose own label names the revision or a tag that points at it.
func (r *reader) gateways(ctx context.Context) error {
	found := map[Gateway]bool{}
	take := func(o runtime.Object) error {
		g := o.(metav1.Object)
		value, labelled := g.GetLabels()[label.IoIstioRev.Name]
		tag := slices.ContainsFunc(r.facts.Tags, func(t Tag) bool { return t.Name == value })
		if labelled && (tag || value == r.Revision) {
			found[Gateway{g.GetNamespace(), g.GetName(), value, tag}] = true
		}
		return nil
	}
	gap, err := r.Everywhere(ctx, string(mesh.Gateways), "", func(namespace string) error {
		var err error
		for _, resource := range mesh.GatewayResources() {
			client := r.Dynamic.Resource(resource).Namespace(namespace)
			list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
			if err = cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{LabelSelector: label.IoIstioRev.Name}, list, take); !apierrors.IsNotFound(err) {
				break
			}
		}
		return cluster.Optional(err)
	})
	for g := range found {
		r.facts.Gateways = append(r.facts.Gateways, g)
	}
	slices.SortFunc(r.facts.Gateways, func(a, b Gateway) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	r.lack(gap)
	return err
}

// ours says whether a control plane is the one that is to go. One that is called by URL may be.
func (r *reader) ours(owner revision.ControlPlane) bool {
	return owner.Revision == r.Revision && (owner.Namespace == "" || owner.Namespace == r.IstioNamespace)
}

// needs says whether a pod that would be created now comes to the control plane that is to go. Where it cannot be told what becomes of the
// pod, it does if any of the revision's injectors would be called.
func (r *reader) needs(pod proxy.Pod, d injection.Decision) bool {
	switch d.Outcome {
	case injection.NotInjected:
		return false
	case injection.Unknown:
		return r.ours(d.Owner) || slices.ContainsFunc(r.mesh.Injectors(), func(i revision.Injector) bool {
			return r.ours(i.Owner) && slices.ContainsFunc(i.Webhooks, func(w revision.Webhook) bool { return w.Selects(r.labels[pod.Namespace], pod.Labels) })
		})
	default:
		return r.ours(d.Owner)
	}
}
