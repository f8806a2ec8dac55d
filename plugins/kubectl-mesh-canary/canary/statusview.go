package canary

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/gateways"
	"github.com/kubectl-mesh/kubectl-mesh/shared/printing"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgradehands"
)

// unknown is what may not be read.
const unknown = "unknown"

// section is a table of a status, in cells as they are printed.
type section struct {
	printing.Table[[]string]
	// names is how many of a row's first cells say which row it is.
	names int
	rows  [][]string
}

// sectionOf makes a section of the rows that columns show.
func sectionOf[T any](o *statusOptions, names int, columns []printing.Column[T], rows []T) section {
	table := printing.Table[T]{Columns: columns, Wide: o.Output == outputWide, NoHeaders: o.NoHeaders}
	s := section{names: names, Table: printing.Table[[]string]{NoHeaders: o.NoHeaders}}
	for _, c := range columns {
		if n := len(s.Columns); !c.Wide || table.Wide {
			s.Columns = append(s.Columns, printing.Column[[]string]{Header: c.Header, Extract: func(row []string) string { return row[n] }})
		}
	}
	for _, row := range rows {
		s.rows = append(s.rows, table.Cells(row))
	}
	return s
}

// sections are the tables of a moment: control planes, gateways and their Services where there are any, and namespaces.
func (o *statusOptions) sections(m *moment) []section {
	found := m.gateways.Of(m.pods.Gateways, upgradehands.Revisions(m.upgrade))
	return []section{
		sectionOf(o, 1, planeColumns(), planeRows(m)),
		sectionOf(o, 2, gatewayColumns(m), found),
		sectionOf(o, 2, serviceColumns(), serviceRows(m, found)),
		sectionOf(o, 1, namespaceColumns(m), namespaceRows(m)),
	}
}

// write prints a moment: what is data to out, and what is to be known and done beside it to errOut.
func (o *statusOptions) write(out, errOut io.Writer, m *moment) error {
	if m.upgrade == nil {
		fmt.Fprintln(errOut, nothingRecorded(m))
		fmt.Fprintln(errOut, nextLine(m))
		return nil
	}
	if _, err := fmt.Fprint(out, head(m)); err != nil {
		return writing(err)
	}
	for _, s := range o.sections(m) {
		if len(s.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(out); err != nil {
			return writing(err)
		}
		if err := s.Print(out, s.rows); err != nil {
			return writing(err)
		}
	}
	fmt.Fprintln(errOut)
	for _, warning := range warnings(m) {
		fmt.Fprintln(errOut, "warning:", printing.Escape(warning))
	}
	fmt.Fprintln(errOut, nextLine(m))
	return nil
}

func nothingRecorded(m *moment) string {
	return "No upgrade is recorded in namespace " + printing.Escape(m.namespace) + ".\nIf there was one, --restore gives back a record that `status -o yaml` has printed."
}

// head says in two lines which upgrade it is, and how far.
func head(m *moment) string {
	u := m.upgrade
	phase := "Phase: " + words(u.Phase)
	if moved, of := moved(m); u.Phase == v1alpha1.PhaseStarted || u.Phase == v1alpha1.PhaseCompleting {
		phase += fmt.Sprintf(", namespaces moved: %d of %s", moved, of)
	}
	return fmt.Sprintf("Upgrade from revision %s to %s, begun %s\n%s\n", printing.Escape(u.From), printing.Escape(u.To),
		u.StartedAt.UTC().Format("2006-01-02 15:04 MST"), phase)
}

// moved counts the namespaces that were seen on the new revision, and those that the upgrade is about.
func moved(m *moment) (moved int, of string) {
	for _, n := range m.upgrade.Namespaces {
		if n.Moved {
			moved++
		}
	}
	if m.seen == nil {
		return moved, "an " + unknown + " number"
	}
	return moved, strconv.Itoa(len(m.upgrade.Namespaces) + len(m.remaining()))
}

func nextLine(m *moment) string {
	return typeNext(m.next())
}

// typeNext is the line that says what to type next: a shell takes it as it is printed.
func typeNext(arguments, why string) string {
	if arguments == "" {
		return "Next: " + printing.Escape(why)
	}
	return fmt.Sprintf("Next: kubectl mesh-canary %s   # %s", printing.Escape(arguments), printing.Escape(why))
}

// warnings are what could not be read, and what is not as it should be about the upgrade's tags.
func warnings(m *moment) (all []string) {
	for _, gap := range m.gaps {
		all = append(all, gap.Error())
	}
	over := m.upgrade.Phase == v1alpha1.PhaseCompleted || m.upgrade.Phase == v1alpha1.PhaseRolledBack
	if m.seen == nil || over {
		return all
	}
	for _, t := range m.upgrade.Tags {
		switch is, exists := m.seen.Tags[t.Name]; {
		case !exists && t.Before != "":
			all = append(all, fmt.Sprintf("tag %s stood for revision %s when the upgrade started, and does not exist", t.Name, t.Before))
		case exists && is.Revision != t.Before && !slices.Contains(t.Wrote, is.Revision):
			all = append(all, fmt.Sprintf("tag %s was pointed at revision %s by somebody else", t.Name, is.Revision))
		// On the way back or to the end, a tag is on its way.
		case exists && is.Half && m.upgrade.Phase == v1alpha1.PhaseStarted:
			all = append(all, fmt.Sprintf("tag %s is not whole: a part of it is missing, or stands for another revision", t.Name))
		}
	}
	return all
}

// planeRow is a control plane.
type planeRow struct{ revision, version, ready, tags string }

func planeColumns() []printing.Column[planeRow] {
	return []printing.Column[planeRow]{
		{Header: "CONTROL PLANE", Extract: func(r planeRow) string { return r.revision }},
		{Header: "VERSION", Extract: func(r planeRow) string { return r.version }},
		{Header: "READY", Extract: func(r planeRow) string { return r.ready }},
		{Header: "TAGS", Extract: func(r planeRow) string { return r.tags }},
	}
}

func planeRows(m *moment) (rows []planeRow) {
	for _, rev := range upgradehands.Revisions(m.upgrade) {
		row := planeRow{revision: rev, version: unknown, ready: unknown, tags: unknown}
		if d, found := m.planes[revision.ControlPlane{Namespace: m.namespace, Revision: rev}]; found {
			row.version, row.ready = unknownIfEmpty(d.Version), outOf(d.Ready, d.Replicas)
		} else if m.planes != nil {
			row.version, row.ready = "", "none found"
		}
		if m.seen != nil {
			row.tags = strings.Join(tagsOf(m.seen, rev), ",")
			if row.ready == "none found" && !m.installed(rev) {
				row.ready = "not installed"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func tagsOf(seen *upgrade.Seen, rev string) (tags []string) {
	for _, name := range slices.Sorted(maps.Keys(seen.Tags)) {
		if seen.Tags[name].Revision == rev {
			tags = append(tags, name)
		}
	}
	return tags
}

func outOf(some, all int) string { return fmt.Sprintf("%d/%d", some, all) }

func gatewayColumns(m *moment) []printing.Column[gateways.Gateway] {
	type gateway = gateways.Gateway
	return []printing.Column[gateway]{
		{Header: "NAMESPACE", Extract: func(g gateway) string { return g.Namespace }},
		{Header: "GATEWAY", Extract: func(g gateway) string { return strings.ToLower(g.Kind) + "/" + g.Name }},
		{Header: "READY", Extract: func(g gateway) string { return gatewayReady(m, g) }},
		{Header: "REVISION", Extract: func(g gateway) string {
			if unread(m.pods.Gap, g.Namespace) {
				return unknown
			}
			return counted(g.ByRevision)
		}},
	}
}

// gatewayReady is what its Deployment says, or what its pods say of one that has none.
func gatewayReady(m *moment, g gateways.Gateway) string {
	switch {
	case g.Deployment != nil:
		return outOf(g.Deployment.Ready, g.Deployment.Replicas)
	case g.Kind == "Deployment" && unread(m.gateways.NoDeployments, g.Namespace):
		return unknown
	default:
		return outOf(g.Ready, g.Pods)
	}
}

// counted names the revisions that pods run, with their numbers where they are several.
func counted(byRevision map[string]int) string {
	var all []string
	for _, rev := range slices.Sorted(maps.Keys(byRevision)) {
		text := cmp.Or(rev, "none")
		if len(byRevision) > 1 {
			text += fmt.Sprintf(" (%d)", byRevision[rev])
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// serviceRow is a Service of gateways, and how its addresses compare with those at the start.
type serviceRow struct{ namespace, name, address, start string }

func serviceColumns() []printing.Column[serviceRow] {
	return []printing.Column[serviceRow]{
		{Header: "NAMESPACE", Extract: func(r serviceRow) string { return r.namespace }},
		{Header: "SERVICE", Extract: func(r serviceRow) string { return r.name }},
		{Header: "ADDRESS", Extract: func(r serviceRow) string { return r.address }},
		{Header: "AT THE START", Extract: func(r serviceRow) string { return r.start }},
	}
}

// serviceRows are the Services that lead to the gateways, and those that did when the upgrade started.
func serviceRows(m *moment, found []gateways.Gateway) []serviceRow {
	type name struct{ namespace, name string }
	rows := map[name]serviceRow{}
	for _, s := range m.gateways.Reaching(found) {
		rows[name{s.Namespace, s.Name}] = serviceRow{s.Namespace, s.Name, addressText(s.Addresses), "not recorded"}
	}
	for _, r := range m.upgrade.Addresses {
		row := serviceRow{namespace: r.Namespace, name: r.Service}
		row.address, row.start = compared(m.gateways, r)
		rows[name{r.Namespace, r.Service}] = row
	}
	return slices.SortedFunc(maps.Values(rows), func(a, b serviceRow) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
}

// compared says where a Service is reached, and how that was when the upgrade started.
func compared(found *gateways.Found, was v1alpha1.UpgradeAddresses) (now, start string) {
	start = addressText(was.Addresses)
	i := slices.IndexFunc(found.Services, func(s gateways.Service) bool { return s.Namespace == was.Namespace && s.Name == was.Service })
	switch {
	case i < 0 && unread(found.NoServices, was.Namespace):
		return unknown, start
	case i < 0:
		return "gone", start
	}
	now = addressText(found.Services[i].Addresses)
	if now == start {
		return now, "the same"
	}
	return now, "differs: " + start
}

func addressText(addresses []string) string { return cmp.Or(strings.Join(addresses, ","), "none") }

// namespaceRow is a namespace that the upgrade is about.
type namespaceRow struct {
	name, label, tag, revision, state string
	pods                              upgradehands.Pods
	unread                            bool
}

func namespaceColumns(m *moment) []printing.Column[namespaceRow] {
	u := m.upgrade
	known := func(text func(namespaceRow) string) func(namespaceRow) string {
		return func(r namespaceRow) string {
			if r.unread {
				return unknown
			}
			return text(r)
		}
	}
	return []printing.Column[namespaceRow]{
		{Header: "NAMESPACE", Extract: func(r namespaceRow) string { return r.name }},
		{Header: "STATE", Extract: func(r namespaceRow) string { return r.state }},
		{Header: "MOVED", Extract: known(func(r namespaceRow) string { return outOf(r.pods.ByRevision[u.To], r.pods.Proxies) })},
		{Header: "READY", Extract: known(func(r namespaceRow) string { return outOf(r.pods.Ready, r.pods.All) })},
		{Header: "REVISION", Extract: func(r namespaceRow) string { return r.revision }},
		{Header: "TAG", Extract: func(r namespaceRow) string { return r.tag }},
		{Header: "LABEL", Extract: func(r namespaceRow) string { return r.label }},
		{Header: "PODS ON " + strings.ToUpper(u.From), Wide: true, Extract: known(func(r namespaceRow) string { return strconv.Itoa(r.pods.ByRevision[u.From]) })},
	}
}

// namespaceRows are the namespaces that are recorded, and those that remain.
func namespaceRows(m *moment) []namespaceRow {
	var rows []namespaceRow
	for i := range m.upgrade.Namespaces {
		n := &m.upgrade.Namespaces[i]
		rows = append(rows, m.row(n.Name, state(m, n)))
	}
	for _, name := range m.remaining() {
		rows = append(rows, m.row(name, stateOfRest(m.upgrade)))
	}
	rows = append(rows, m.leftRows(rows)...)
	slices.SortFunc(rows, func(a, b namespaceRow) int { return cmp.Compare(a.name, b.name) })
	return rows
}

// leftRows are the other namespaces that keep an upgrade from its end: they follow the old revision by a tag that it does not move, or have
// pods of it, apart from gateways, which have a table of their own.
func (m *moment) leftRows(shown []namespaceRow) (rows []namespaceRow) {
	if m.seen == nil || m.upgrade.Phase != v1alpha1.PhaseStarted && m.upgrade.Phase != v1alpha1.PhaseCompleting {
		return nil
	}
	old := m.upgrade.From
	for name, n := range m.seen.Namespaces {
		if !m.ours(n.Labels) || slices.ContainsFunc(shown, func(r namespaceRow) bool { return r.name == name }) {
			continue
		}
		row := m.row(name, "pods left")
		switch {
		case row.revision == old:
			row.state = "by another tag"
			rows = append(rows, row)
		case row.pods.ByRevision[old] > m.gatewayPods(name, old):
			rows = append(rows, row)
		}
	}
	return rows
}

// ours says whether labels may be of a namespace of this mesh: they follow one of its revisions, name a tag of the upgrade that somebody
// has removed, or leave that to the pods.
func (m *moment) ours(labels map[string]string) bool {
	_, follows := m.follows(labels)
	return follows || len(labels) == 0 ||
		slices.ContainsFunc(m.upgrade.Tags, func(t v1alpha1.UpgradeTag) bool { return t.Name == labels[upgrade.Rev] })
}

// follows says what labels follow in the mesh, as upgrade.FollowedBy does.
func (m *moment) follows(labels map[string]string) (upgrade.Follows, bool) {
	tags := map[string]string{}
	for t, at := range m.seen.Tags {
		tags[t] = at.Revision
	}
	return upgrade.FollowedBy(labels, tags, m.installed)
}

func (m *moment) gatewayPods(namespace, revision string) (n int) {
	for _, pod := range m.pods.Gateways {
		if pod.Namespace == namespace && pod.Revision() == revision {
			n++
		}
	}
	return n
}

func (m *moment) row(name, state string) namespaceRow {
	row := namespaceRow{name: name, state: state, pods: m.pods.ByNamespace[name], unread: unread(m.pods.Gap, name)}
	if m.seen == nil {
		row.label, row.tag, row.revision = unknown, unknown, unknown
		return row
	}
	labels := m.seen.Namespaces[name].Labels
	follows, _ := m.follows(labels)
	row.label, row.tag, row.revision = upgrade.LabelText(labels), follows.Tag, follows.Revision
	return row
}

// state says in words what has become of a recorded namespace.
func state(m *moment, n *v1alpha1.UpgradeNamespace) string {
	if m.seen == nil {
		return recordedState(m, n) + " (recorded)"
	}
	switch live, exists := m.seen.Namespaces[n.Name]; {
	case !exists || live.UID != n.UID:
		return "gone"
	case live.Deleting:
		return "being deleted"
	case !upgrade.IsOurs(n, live.Labels):
		return "changed by others"
	case m.upgrade.Phase == v1alpha1.PhaseStarted && n.Moved && maps.Equal(live.Labels, n.Before):
		return "labels put back"
	case m.upgrade.Phase == v1alpha1.PhaseRollingBack && maps.Equal(live.Labels, n.Before) && m.left(n.Name):
		return "as it was"
	default:
		return recordedState(m, n)
	}
}

// left says whether no pod of a namespace was seen to run the new revision.
func (m *moment) left(name string) bool {
	return !unread(m.pods.Gap, name) && m.pods.ByNamespace[name].ByRevision[m.upgrade.To] == 0
}

// recordedState is what the record says of a namespace.
func recordedState(m *moment, n *v1alpha1.UpgradeNamespace) string {
	switch {
	case m.upgrade.Phase == v1alpha1.PhaseRolledBack:
		return "as it was"
	case m.upgrade.Phase == v1alpha1.PhaseRollingBack:
		return "moving back"
	case n.Moved:
		return "moved"
	default:
		return "moving"
	}
}

// stateOfRest says in words how it is with the namespaces that are not recorded.
func stateOfRest(u *v1alpha1.CanaryUpgrade) string {
	switch u.Phase {
	case v1alpha1.PhaseStarted, v1alpha1.PhaseCompleting:
		return "to move"
	case v1alpha1.PhaseCompleted:
		return "not moved"
	default:
		return "as it was"
	}
}

func words(p v1alpha1.Phase) string { return strings.ReplaceAll(string(p), "-", " ") }
