package proxyver

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
)

// The values of --by.
const (
	byWorkload  = "workload"
	byPod       = "pod"
	byNamespace = "namespace"
	byVersion   = "version"
	byRevision  = "revision"
	byNode      = "node"
)

func groupings() []string {
	return []string{byWorkload, byPod, byNamespace, byVersion, byRevision, byNode}
}

// grouping is a way to turn items into rows.
type grouping struct {
	by      string
	key     func(scan.Item) groupKey
	compare func(a, b groupKey) int
	// keyColumns come first; what they say is left out of the columns that follow.
	keyColumns []column
	without    []string
}

type column = printing.Column[*group]

var (
	namespaceColumn = column{Header: "NAMESPACE", Extract: func(g *group) string { return g.key.namespace }}
	nameColumn      = func(header string) column {
		return column{Header: header, Extract: func(g *group) string { return g.key.name }}
	}
)

// groupingOf returns the grouping for a value of --by. A value that is none has been refused before.
func groupingOf(by string) grouping {
	g := grouping{by: by, compare: compareKeys}
	switch by {
	case byPod:
		g.key = func(i scan.Item) groupKey { return groupKey{i.Pod.Namespace, "Pod", i.Pod.Name} }
		g.keyColumns = []column{namespaceColumn, nameColumn("POD")}
		g.without = []string{"PODS"}
	case byNamespace:
		g.key = func(i scan.Item) groupKey { return groupKey{name: i.Pod.Namespace} }
		g.keyColumns = []column{nameColumn("NAMESPACE")}
	case byVersion:
		g.key = func(i scan.Item) groupKey { return groupKey{name: runningVersion(i)} }
		g.compare = compareVersions
		g.keyColumns = []column{nameColumn("VERSION")}
		g.without = []string{"VERSION"}
	case byRevision:
		g.key = func(i scan.Item) groupKey { return groupKey{name: runningRevision(i)} }
		g.keyColumns = []column{nameColumn("REVISION")}
		g.without = []string{"REVISION"}
	case byNode:
		g.key = func(i scan.Item) groupKey { return groupKey{name: i.Pod.Node} }
		g.keyColumns = []column{nameColumn("NODE")}
		g.without = []string{"NODE"}
	default:
		g.key = func(i scan.Item) groupKey {
			w := i.Chain.Workload()
			return groupKey{i.Pod.Namespace, qualifiedKind(w.Kind, w.Group), w.Name}
		}
		g.keyColumns = []column{namespaceColumn, {Header: "WORKLOAD", Extract: func(g *group) string {
			kind, _, _ := strings.Cut(g.key.kind, ".")
			return kind + "/" + g.key.name
		}}}
	}
	return g
}

// qualifiedKind is how `kubectl get -o name` writes a kind: `deployment.apps`, `pod`.
func qualifiedKind(kind, group string) string {
	kind = strings.ToLower(kind)
	if group == "" {
		return kind
	}
	return kind + "." + group
}

func runningVersion(i scan.Item) string {
	if i.Verdict.Proxy == nil {
		return ""
	}
	return cmp.Or(i.Verdict.Proxy.Version, shortImage(i.Verdict.Proxy.Image))
}

func runningRevision(i scan.Item) string {
	if i.Verdict.Proxy == nil {
		return ""
	}
	return i.Verdict.Proxy.Revision
}

// verifiedHeader is the column of --verify.
const verifiedHeader = "VERIFIED"

// columns returns the key's columns and those that the key does not say already.
func (g grouping) columns() []column {
	columns := append([]column{}, g.keyColumns...)
	for _, c := range commonColumns {
		if !slices.Contains(g.without, c.Header) {
			columns = append(columns, c)
		}
	}
	return columns
}

var commonColumns = []column{
	{Header: "PODS", Extract: func(g *group) string { return strconv.Itoa(g.pods) }},
	{Header: "VERSION", Extract: func(g *group) string { return versionList(g.versions) }},
	{Header: "WANT", Extract: func(g *group) string { return versionList(g.wants) }},
	{Header: "REVISION", Extract: func(g *group) string { return g.revisionList() }},
	{Header: "STATUS", Extract: statusCell},
	{Header: verifiedHeader, Extract: func(g *group) string { return g.verified.list() }},
	{Header: "IMAGE", Wide: true, Extract: func(g *group) string { return few(g.images, ",") }},
	{Header: "TYPE", Wide: true, Extract: func(g *group) string { return g.types.list() }},
	{Header: "NODE", Wide: true, Extract: func(g *group) string { return few(g.nodes, ",") }},
	{Header: "TAG", Wide: true, Extract: func(g *group) string { return few(g.tags, ",") }},
	{Header: "CONTROLLED BY", Wide: true, Extract: func(g *group) string { return few(g.ups, ",") }},
	{Header: "REASON", Wide: true, Extract: func(g *group) string { return few(g.reasons, " | ") }},
}

// goneStatus stands in the row of a group that is no more.
const goneStatus = "gone"

func statusCell(g *group) string {
	if g.gone {
		return goneStatus
	}
	return statusList(g.statuses)
}

// name is what `-o name` prints for a group.
func (g grouping) name(row *group) string {
	name := cmp.Or(row.key.name, "-")
	switch g.by {
	case byWorkload:
		return row.key.kind + "/" + name
	case byPod, byNamespace, byNode:
		return g.by + "/" + name
	default:
		return name
	}
}
