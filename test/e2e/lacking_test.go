package e2e

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// parts are a dump's objects, to make another dump of.
type parts []map[string]any

func partsOf(t *testing.T, text string) parts {
	t.Helper()
	var list struct{ Items parts }
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func kindOf(o map[string]any) string { return o["kind"].(string) }

// without leaves objects of a kind out.
func (p parts) without(kind string) parts {
	return slices.DeleteFunc(slices.Clone(p), func(o map[string]any) bool { return kindOf(o) == kind })
}

// beginning puts these kinds first.
func (p parts) beginning(kinds ...string) parts {
	sorted := slices.Clone(p)
	slices.SortStableFunc(sorted, func(a, b map[string]any) int {
		return placeAmong(kinds, kindOf(a)) - placeAmong(kinds, kindOf(b))
	})
	return sorted
}

func placeAmong(kinds []string, kind string) int {
	if i := slices.Index(kinds, kind); i >= 0 {
		return i
	}
	return len(kinds)
}

// text is a list of the objects.
func (p parts) text(t *testing.T) string {
	t.Helper()
	text, _ := p.cutIn(t, len(p))
	return text + "]}\n"
}

// cutIn is the list up to the middle of an object, and where it ends, in the words of messages.
func (p parts) cutIn(t *testing.T, at int) (text, where string) {
	t.Helper()
	var out strings.Builder
	out.WriteString(`{"apiVersion":"v1","kind":"List","items":[`)
	for i, o := range p[:min(at+1, len(p))] {
		if i > 0 {
			out.WriteString(",\n")
		}
		object := jsonOf(t, o)
		if i == at {
			out.WriteString(object[:len(object)/2])
			break
		}
		out.WriteString(object)
	}
	where = fmt.Sprintf("the dump is cut off: it ends in the middle of object %d", at+1)
	if at > 0 {
		where += ", after " + nameOf(p[at-1])
	}
	return out.String(), where
}

func nameOf(o map[string]any) string {
	metadata := o["metadata"].(map[string]any)
	name := metadata["name"].(string)
	if namespace, ok := metadata["namespace"].(string); ok {
		name = namespace + "/" + name
	}
	return strings.ToLower(kindOf(o)) + " " + name
}

// middle is the index of an object in the middle of its kind.
func (p parts) middle(kind string) int {
	first := slices.IndexFunc(p, func(o map[string]any) bool { return kindOf(o) == kind })
	return first + (len(p)-len(p.without(kind)))/2
}

// Which pods a part that is missing leaves unknown.
func agents(i item) bool   { return i.Type == "ztunnel" || i.Type == "cni" }
func noAgents(i item) bool { return !agents(i) }
func noPods(item) bool     { return false }
func managed(i item) bool {
	return i.Type == "waypoint" || i.Type == "gateway" && strings.Contains(i.Reason, "Gateway ")
}
func configured(i item) bool { return i.Expected.Injected || managed(i) }

// lacking is what a dump lacks, and what is said then.
var lacking = map[string]struct {
	unknown func(item) bool
	said    string
}{
	"Namespace":                    {noAgents, "warning: cannot read namespaces: the dump has none\n"},
	"MutatingWebhookConfiguration": {noAgents, "warning: cannot read webhook configurations: the dump has none\n"},
	"ConfigMap":                    {configured, "warning: cannot read configmaps: the dump has none\n"},
	"Service":                      {managed, "warning: cannot read services: the dump has none\n"},
	"Gateway":                      {managed, "warning: cannot read gateways: the dump has none\n"},
	"DaemonSet":                    {agents, "warning: cannot read daemonsets: the dump has none\n"},
	"ReplicaSet":                   {noPods, "warning: cannot read replicasets: the dump has none\n"},
	"Job":                          {noPods, "warning: cannot read jobs: the dump has none\n"},
	"Deployment":                   {noPods, ""},
	"StatefulSet":                  {noPods, ""},
	"ReplicationController":        {noPods, ""},
	// The default tag tells which revision is the default.
	"ValidatingWebhookConfiguration": {noPods, ""},
}

const hiddenConfiguration = "warning: unknown: namespace label istio.io/rev=managed -> revision managed: webhook configuration managed-injector " +
	"calls a URL, so its control plane's configuration is hidden; if it is in this cluster, name its namespace with --istio-namespace\n"

func lessWhatItLacks(t *testing.T, d parts, whole map[string]item) {
	for kind, c := range lacking {
		t.Run(kind, func(t *testing.T) {
			r := offlineAlone(t, d.without(kind).text(t), "-f", "-", "--all", "-o", "json")
			items := itemsOf(t, r)
			unknown := sameBut(t, items, whole, c.unknown, kind)
			said := c.said
			if kind != "Namespace" && kind != "MutatingWebhookConfiguration" {
				said += hiddenConfiguration
			}
			said += fmt.Sprintf("error: the answer is incomplete: unknown: %d of %d pods\n", unknown, len(whole))
			if r.code != 1 || r.stderr != said {
				t.Errorf("exit %d, stderr:\n%swant:\n%s", r.code, r.stderr, said)
			}
		})
	}
	t.Run("ProxyConfig", func(t *testing.T) {
		r := offlineAlone(t, d.without("ProxyConfig").text(t), "-f", "-", "--all", "-o", "json")
		if want := "note: the dump has no ProxyConfigs: it is taken that the cluster has none\n"; !strings.HasPrefix(r.stderr, want) {
			t.Errorf("stderr %q", r.stderr)
		}
	})
	t.Run("Pod", func(t *testing.T) {
		r := offlineAlone(t, d.without("Pod").text(t), "-f", "-")
		if r.code != 1 || r.stdout != "" || !strings.HasPrefix(r.stderr, "error: reading standard input: the dump has no pods, but ") {
			t.Errorf("exit %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
		}
	})
	t.Run("what stands above", func(t *testing.T) {
		for _, kind := range []string{"Deployment", "ReplicationController", "StatefulSet"} {
			r := offlineAlone(t, d.without(kind).text(t), "-f", "-", "-o", "wide")
			if want := "\nwarning: cannot read " + strings.ToLower(kind) + "s: the dump has none\n"; r.code != 1 || !strings.Contains(r.stderr, want) {
				t.Errorf("stderr %q, want %q", r.stderr, want)
			}
		}
	})
	t.Run("Istio's namespace", func(t *testing.T) { lessIstiosNamespace(t, d, whole) })
}

// lessIstiosNamespace is a dump of the users' namespaces alone: that their control plane's configuration is not there must
// not be taken for its being gone.
func lessIstiosNamespace(t *testing.T, d parts, whole map[string]item) {
	users := slices.DeleteFunc(slices.Clone(d), func(o map[string]any) bool {
		return kindOf(o) == "ConfigMap" && o["metadata"].(map[string]any)["namespace"] == "istio-system"
	})
	r := offlineAlone(t, users.text(t), "-f", "-", "--all", "-o", "json")
	sameBut(t, itemsOf(t, r), whole, func(i item) bool {
		return managed(i) || i.Expected.Injected && i.Expected.Revision != zooRevision
	}, "")
	if want := "warning: cannot read configmaps in namespace istio-system: the dump has none\n"; r.code != 1 || !strings.HasPrefix(r.stderr, want) {
		t.Errorf("exit %d, stderr %q", r.code, r.stderr)
	}
}

// sameBut compares a part of an answer with the whole: some pods are unknown, and the others as they are there. It returns
// how many are unknown.
func sameBut(t *testing.T, items, whole map[string]item, unknown func(item) bool, lacks string) int {
	t.Helper()
	n := 0
	for id, got := range items {
		want := whole[id]
		if lacks == "ReplicaSet" && want.Workload.Kind == "Deployment" {
			if got.Workload.Kind != "ReplicaSet" || !strings.HasPrefix(got.Workload.Name, want.Workload.Name+"-") {
				t.Errorf("%s belongs to %+v", id, got.Workload)
			}
			got.Workload = want.Workload
		}
		if unknown(want) {
			if got.Status != "unknown" || got.Expected.Image != "" || !reflect.DeepEqual(got.Proxy, want.Proxy) {
				t.Errorf("%s is %s, expected %+v, with %+v: %s", id, got.Status, got.Expected, got.Proxy, got.Reason)
			}
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", id, got, want)
		}
		if got.Status == "unknown" {
			n++
		}
	}
	return n
}

// inOrder are the kinds as the command has them, and with the pods first.
var (
	inOrder = []string{"MutatingWebhookConfiguration", "Namespace", "ConfigMap", "Service", "ProxyConfig", "Gateway", "ReplicaSet",
		"Deployment", "DaemonSet", "StatefulSet", "Job", "Pod"}
	podsFirst = []string{"Pod", "ReplicaSet", "Job", "DaemonSet", "Namespace", "ProxyConfig", "Service", "Gateway", "MutatingWebhookConfiguration",
		"ConfigMap"}
)

// cutCase is a dump that is cut off, and what is missing then.
type cutCase struct {
	rule  string
	order []string
	// in is the kind in the midst of which it is cut.
	in      string
	unknown func(item) bool
	missing []string
}

var cutCases = []cutCase{
	{"in the pods", inOrder, "Pod", noPods, []string{"all pods"}},
	{"in pods that come first", podsFirst, "Pod", noAgentsYet,
		[]string{"webhook configurations", "namespaces", "configmaps", "replicasets", "jobs", "daemonsets", "all pods"}},
	{"in the namespaces, after the pods", podsFirst, "Namespace", noAgents, []string{"webhook configurations", "namespaces", "configmaps", "the whole dump"}},
	{"in the webhooks, after the pods", podsFirst, "MutatingWebhookConfiguration", noAgents, []string{"webhook configurations", "configmaps", "the whole dump"}},
	{"in the ConfigMaps, after the pods", podsFirst, "ConfigMap", managed, []string{"configmaps", "the whole dump"}},
}

// noAgentsYet: where DaemonSets are to follow, nothing is known of any pod.
func noAgentsYet(item) bool { return true }

func asFarAsItGoes(t *testing.T, d parts, whole map[string]item) {
	d = d.without("ValidatingWebhookConfiguration").without("ReplicationController")
	for _, c := range cutCases {
		t.Run(c.rule, func(t *testing.T) { c.check(t, d.beginning(c.order...), whole) })
	}
	t.Run("before the pods", func(t *testing.T) {
		d := d.beginning(inOrder...)
		for _, kind := range []string{"MutatingWebhookConfiguration", "ConfigMap"} {
			text, where := d.cutIn(t, d.middle(kind))
			want := strings.Replace(where, "the dump is cut off: ", "the dump is cut off before its pods: ", 1)
			wantFailure(t, offlineAlone(t, text, "-f", "-"), 1, "error: reading standard input: "+want+"\n")
		}
	})
	t.Run("of compressed data", func(t *testing.T) {
		packed := gzipped(t, d.beginning(inOrder...).text(t))
		r := offlineAlone(t, packed[:len(packed)*19/20], "-f", "-", "--all", "-o", "json")
		items := itemsOf(t, r)
		sameBut(t, items, whole, noPods, "")
		want := "warning: cannot read all pods: the dump is cut off: it ends in the middle of object "
		if r.code != 1 || !strings.HasPrefix(r.stderr, want) || len(items) == 0 || len(items) == len(whole) {
			t.Errorf("exit %d, %d pods, stderr %q", r.code, len(items), r.stderr)
		}
	})
}

func (c cutCase) check(t *testing.T, d parts, whole map[string]item) {
	text, where := d.cutIn(t, d.middle(c.in))
	r := offlineAlone(t, text, "-f", "-", "--all", "-o", "json")
	items := itemsOf(t, r)
	c.holds(t, items, whole)
	var said string
	for _, missing := range c.missing {
		said += "warning: cannot read " + missing + ": " + where + "\n"
	}
	if r.code != 1 || !strings.HasPrefix(r.stderr, said) || !strings.Contains(r.stderr, "\nerror: the answer is incomplete: ") {
		t.Errorf("exit %d, stderr:\n%swant:\n%s", r.code, r.stderr, said)
	}
	if all := len(items) == len(whole); all == (c.in == "Pod") {
		t.Errorf("%d pods of %d", len(items), len(whole))
	}
}

// holds sees that what is known is right, and that what must be is unknown. Of the ConfigMaps before the cut, some tell
// about their pods.
func (c cutCase) holds(t *testing.T, items, whole map[string]item) {
	for id, got := range items {
		if got.Status != "unknown" && !reflect.DeepEqual(got, whole[id]) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", id, got, whole[id])
		}
		if must := c.unknown(whole[id]); must && got.Status != "unknown" {
			t.Errorf("%s is %s", id, got.Status)
		} else if !must && c.in != "ConfigMap" && got.Status == "unknown" && whole[id].Status != "unknown" {
			t.Errorf("%s is unknown: %s", id, got.Reason)
		}
	}
}
