package offline

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dump"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

var errNone = errors.New("the dump has none")

// part is a kind of a dump that decides about injection. Every cluster has objects of the required ones; where others are
// not there, a cluster may as well have none.
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
func (c *Cluster) account(contents dump.Contents) {
	for _, p := range parts {
		c.accountFor(p, contents)
	}
	for kind := range c.controllers {
		_, between := workloadKinds[kind]
		if why := c.incomplete(kind, contents); between && why != nil {
			c.Owners.Lack(cluster.Gap{Missing: resource(kind), Err: why})
		}
	}
	if why := c.incomplete(dump.DaemonSets, contents); why != nil {
		c.Sets.LackQuietly(cluster.Gap{Missing: resource(dump.DaemonSets), Err: why})
	}
	if why := c.incomplete(dump.Pods, contents); why != nil {
		c.Gaps = append(c.Gaps, cluster.Gap{Missing: "all pods", Err: why})
	} else if contents.Cut != "" {
		c.Gaps = append(c.Gaps, cluster.Gap{Missing: "the whole dump", Err: errors.New(contents.Cut)})
	}
}

// workloadKinds are those that stand between pods and their workloads.
var workloadKinds = map[schema.GroupKind]bool{dump.ReplicaSets: true, dump.Jobs: true}

// accountFor notes what of one kind is missing. What is not required matters only to some pods, and is told with them.
func (c *Cluster) accountFor(p part, contents dump.Contents) {
	why := c.incomplete(p.kind, contents)
	gap := cluster.Gap{Missing: string(p.part), Err: why}
	switch {
	case why == nil:
	case p.required || why != errNone:
		c.Objects.Lack(p.part, gap)
	case p.kind == dump.ProxyConfigs:
		// A cluster that has none, or not even the kind, dumps none, and that is the rule.
		c.Notes = append(c.Notes, "the dump has no ProxyConfigs: it is taken that the cluster has none")
	default:
		c.Objects.LackQuietly(p.part, gap)
	}
}

// incomplete says why objects of a kind may be missing, nil where all are there.
func (c *Cluster) incomplete(kind schema.GroupKind, contents dump.Contents) error {
	switch {
	case slices.Contains(contents.Partial, kind):
		return errors.New("the dump has only the first page of the list")
	case contents.Cut != "" && c.last == kind:
		return errors.New(contents.Cut)
	case !contents.Covers(kind):
		return errNone
	default:
		return nil
	}
}

func resource(kind schema.GroupKind) string { return strings.ToLower(kind.Kind) + "s" }

func byName(a, b proxy.Pod) int {
	return cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
}
