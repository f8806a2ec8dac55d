package offline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dump"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

var (
	errNone      = errors.New("the dump has none")
	errFirstPage = errors.New("the dump has only the first page of the list")
)

// part is a kind of a dump that decides about injection. Every cluster with a mesh has objects of the required ones; where
// others are not there, a cluster may as well have none.
type part struct {
	kind     schema.GroupKind
	part     mesh.Part
	required bool
}

var parts = []part{
	{dump.MutatingWebhooks, mesh.Webhooks, true},
	{dump.Namespaces, mesh.Namespaces, true},
	{dump.ConfigMaps, mesh.ConfigMaps, true},
	{dump.Services, mesh.Services, false},
	{dump.ProxyConfigs, mesh.ProxyConfigs, false},
	{dump.Gateways, mesh.Gateways, false},
	{dump.ValidatingWebhooks, mesh.Validator, false},
}

// account works out what the dump lacks.
func (c *Cluster) account() {
	for _, p := range parts {
		c.accountFor(p)
	}
	c.accountForIstio()
	c.lackOwners(dump.ReplicaSets, dump.Jobs)
	c.lackSomeOwners()
	if why := c.incomplete(dump.DaemonSets); why != nil {
		gap := cluster.Gap{Missing: resource(dump.DaemonSets), Err: why}
		c.Sets.LackQuietly(gap)
		c.quiet = append(c.quiet, gap)
	}
	if why := c.incomplete(dump.Pods); why != nil {
		c.Gaps = append(c.Gaps, cluster.Gap{Missing: "all pods", Err: why})
	} else if c.contents.Cut != "" {
		c.Gaps = append(c.Gaps, cluster.Gap{Missing: "the whole dump", Err: c.cutOff()})
	}
}

// accountFor notes what of one kind is missing. What is not required matters only to some pods, and is told with them.
func (c *Cluster) accountFor(p part) {
	why := c.incomplete(p.kind)
	gap := cluster.Gap{Missing: string(p.part), Err: why}
	switch {
	case why == nil:
	case p.required:
		c.Objects.Lack(p.part, gap)
	case p.kind == dump.ProxyConfigs && why == errNone:
		// A cluster that has none, or not even the kind, dumps none, and that is the rule.
		c.Notes = append(c.Notes, "the dump has no ProxyConfigs: it is taken that the cluster has none")
	default:
		c.Objects.LackQuietly(p.part, gap)
		c.quiet = append(c.quiet, gap)
	}
}

// accountForIstio notes where the dump has ConfigMaps, but none of a namespace in which a control plane is: it is of
// other namespaces only.
func (c *Cluster) accountForIstio() {
	if c.incomplete(dump.ConfigMaps) != nil {
		return
	}
	for _, namespace := range c.Objects.IstioNamespaces("") {
		if c.configMaps[namespace] || !c.Has(namespace, noRef) {
			continue
		}
		c.Objects.Lack(mesh.ConfigMaps, cluster.Gap{
			Missing: string(mesh.ConfigMaps) + " in namespace " + namespace, Namespaces: []string{namespace}, Err: errNone,
		})
	}
}

// Quiet returns the gaps that matter to few pods, if to any: the reasons why those are unknown hold their texts. There are
// none without a dump.
func (c *Cluster) Quiet() []cluster.Gap {
	if c == nil {
		return nil
	}
	return c.quiet
}

// LackAbove notes as well what is missing of what stands between workloads and what controls them. Only those need it who
// ask what stands above.
func (c *Cluster) LackAbove() {
	c.lackOwners(dump.Deployments, dump.StatefulSets, dump.DaemonSets, dump.ReplicationControllers)
}

// lackOwners notes which of these kinds are missing, though something in the dump names one of them as its controller.
func (c *Cluster) lackOwners(kinds ...schema.GroupKind) {
	for _, kind := range kinds {
		if why := c.incomplete(kind); why != nil && c.controllers[kind] {
			c.Owners.Lack(cluster.Gap{Missing: resource(kind), Err: why})
		}
	}
}

// lackSomeOwners notes the kinds of which the dump has some, but not those that all of its pods belong to.
func (c *Cluster) lackSomeOwners() {
	noted := map[string]bool{}
	for _, pod := range c.pods {
		if c.Owners.Knows(pod) || noted[pod.Controller.Kind] {
			continue
		}
		noted[pod.Controller.Kind] = true
		kind := workload.Kind(schema.FromAPIVersionAndKind(pod.Controller.APIVersion, pod.Controller.Kind).GroupKind())
		if c.incomplete(kind) == nil {
			c.Owners.Lack(cluster.Gap{Missing: resource(kind), Err: fmt.Errorf(
				"the dump has not all of them: pod %s belongs to %s", pod.Namespace+"/"+pod.Name, pod.Controller.Name)})
		}
	}
}

// incomplete says why objects of a kind may be missing, nil where all are there.
func (c *Cluster) incomplete(kind schema.GroupKind) error {
	switch {
	case slices.Contains(c.contents.Partial, kind):
		return errFirstPage
	case c.contents.Cut != "" && c.mayFollow(kind):
		return c.cutOff()
	case !c.contents.Covers(kind):
		return errNone
	default:
		return nil
	}
}

func (c *Cluster) cutOff() error { return errors.New("the dump is cut off: " + c.contents.Cut) }

// mayFollow says whether objects of a kind may come after the end of a dump that is cut off. A kind of which there are
// objects is all there when another follows it, unless kinds come by turns, as in a dump of one namespace after another.
// One of which there are none may follow, unless all before is in the order in which dump.Command has them.
func (c *Cluster) mayFollow(kind schema.GroupKind) bool {
	var last schema.GroupKind
	if n := len(c.sections); n > 0 {
		last = c.sections[n-1]
	}
	switch {
	case kind == last || c.byTurns():
		return true
	case c.contents.Covers(kind):
		return false
	default:
		at := slices.Index(commandOrder, kind)
		return at < 0 || !c.inCommandOrder() || at > slices.Index(commandOrder, last)
	}
}

func (c *Cluster) byTurns() bool {
	begun := map[schema.GroupKind]bool{}
	for _, kind := range c.sections {
		if begun[kind] {
			return true
		}
		begun[kind] = true
	}
	return false
}

// commandOrder is that of the kinds in dump.Command, which kubectl keeps to.
var commandOrder = []schema.GroupKind{
	dump.MutatingWebhooks, dump.Namespaces, dump.ConfigMaps, dump.Services, dump.ProxyConfigs, dump.Gateways,
	dump.ReplicaSets, dump.Deployments, dump.DaemonSets, dump.StatefulSets, dump.ReplicationControllers, dump.Jobs, dump.Pods,
}

// inCommandOrder says whether the kinds come in that order, with all that every cluster has, as far as the dump goes.
func (c *Cluster) inCommandOrder() bool {
	reached := -1
	for _, kind := range c.sections {
		at := slices.Index(commandOrder, kind)
		if at < reached {
			return false
		}
		reached = at
	}
	return !slices.ContainsFunc(parts, func(p part) bool {
		return p.required && slices.Index(commandOrder, p.kind) < reached && !c.contents.Covers(p.kind)
	})
}

func resource(kind schema.GroupKind) string { return strings.ToLower(kind.Kind) + "s" }

func byName(a, b proxy.Pod) int {
	return cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
}
