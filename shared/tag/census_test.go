package tag

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// meshOf is the mesh of a world with namespaces of those labels.
func meshOf(o *Objects, namespaces map[string]map[string]string) *mesh.Objects {
	m := mesh.NewObjects()
	for i := range o.Webhooks {
		m.Set(&o.Webhooks[i])
	}
	for i := range o.Services {
		m.Set(&o.Services[i])
	}
	for rev, version := range map[string]string{"1-22": "1.22.0", "1-23": "1.23.0"} {
		m.Set(fixture.ConfigMap(rev, version))
	}
	for name, labels := range namespaces {
		m.Set(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}})
	}
	gateway := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"gatewayClassName": "istio"}}}
	gateway.SetNamespace("labelled")
	gateway.SetName("gw")
	m.Set(gateway)
	return m
}

func countedPods() []*corev1.Pod {
	ended := func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }
	return []*corev1.Pod{
		fixture.Pod("labelled/a"), fixture.Pod("labelled/b"),
		fixture.Pod("labelled/refuses", fixture.Label("sidecar.istio.io/inject", "false")),
		fixture.Pod("labelled/ended", ended),
		fixture.Pod("labelled/gw-1", fixture.Label("gateway.istio.io/managed", "istio.io-gateway-controller"),
			fixture.Label("gateway.networking.k8s.io/gateway-name", "gw"), fixture.Label("sidecar.istio.io/inject", "false"),
			fixture.Proxy("docker.io/istio/proxyv2:1.22.0")),
		fixture.Pod("plain/own", fixture.Label("istio.io/rev", "prod")), fixture.Pod("plain/none"),
		fixture.Pod("both/a"), fixture.Pod("enabled/a"), fixture.Pod("other/a"),
	}
}

func countedNamespaces() map[string]map[string]string {
	return map[string]map[string]string{
		"labelled": {"istio.io/rev": "prod"}, "empty": {"istio.io/rev": "prod"}, "plain": nil,
		"both": {"istio.io/rev": "prod", "istio-injection": "enabled"}, "enabled": {"istio-injection": "enabled"}, "other": {"istio.io/rev": "1-22"},
	}
}

// counted counts what a wish changes.
func counted(t *testing.T, o *Objects, w Wish) (*Census, []Write) {
	t.Helper()
	writes, err := Plan(o, w)
	if err != nil {
		t.Fatal(err)
	}
	objects := meshOf(o, countedNamespaces())
	before := objects.Mesh("")
	for _, w := range writes {
		if w.Verb == Delete {
			objects.Delete(w.Object)
		} else {
			objects.Set(w.Object)
		}
	}
	c := NewCensus(before, objects.Mesh(""))
	for _, pod := range countedPods() {
		c.Add(proxy.FromPod(pod))
	}
	return c, writes
}

func TestWhoFollowsATag(t *testing.T) {
	o := world(withTag("prod", "1-22"), withTag(Default, "1-22"))
	c, _ := counted(t, o, Set(o, istio, "prod", "1-22"))
	prod := Usage{ByLabel: []string{"empty", "labelled"}, ByPod: []string{"plain"}, Pods: 3, Gateways: []string{"labelled/gw"}}
	if got := c.Usage(istio, "prod"); !reflect.DeepEqual(got, prod) || !got.Followed() {
		t.Errorf("got  %+v\nwant %+v", got, prod)
	}
	// istio-injection=enabled beats the label, and istioctl tag list does not see it.
	if got, want := c.Usage(istio, Default).Namespaces(), []string{"both", "enabled"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := c.Usage(istio, "none"); got.Followed() {
		t.Errorf("got %+v", got)
	}
	if got := c.Effect(); len(got.Namespaces)+got.Pods+len(got.Gateways) > 0 {
		t.Errorf("nothing changes: %+v", got)
	}
}

func TestWhatAChangeMoves(t *testing.T) {
	o := world(withTag("prod", "1-22"), withTag(Default, "1-22"))
	moved := map[string]int{"labelled": 2, "empty": 0, "plain": 1}
	for _, c := range []struct {
		rule   string
		wish   Wish
		want   Effect
		action v1alpha1.TagAction
	}{
		{"a tag that moves", Set(o, istio, "prod", "1-23"), Effect{Namespaces: moved, Pods: 3, Gateways: []string{"labelled/gw"}}, v1alpha1.TagMove},
		{"a tag that goes", Remove(o, istio, "prod"),
			Effect{Namespaces: moved, Uninjected: []string{"empty", "labelled", "plain"}, Pods: 3, Lost: 3, Gateways: []string{"labelled/gw"}}, v1alpha1.TagRemove},
		{"the default one that moves", Set(o, istio, Default, "1-23"), Effect{Namespaces: map[string]int{"both": 1, "enabled": 1}, Pods: 2}, v1alpha1.TagMove},
		{"one that nobody follows", Set(o, istio, "new", "1-23"), Effect{Namespaces: map[string]int{}}, v1alpha1.TagCreate},
		{"one that stays", Set(o, istio, "prod", "1-22"), Effect{Namespaces: map[string]int{}}, v1alpha1.TagKeep},
	} {
		t.Run(c.rule, func(t *testing.T) {
			census, writes := counted(t, o, c.wish)
			if got := census.Effect(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if change := Change(o, c.wish, writes, census.Effect()); change.Action != c.action || len(change.Writes) != len(writes) {
				t.Errorf("got %+v", change)
			}
		})
	}
}

func TestTheListJudgesTags(t *testing.T) {
	o := world(withTag("prod", "1-22"), withWebhook("old", "1-22"), withService("half", "1-22"), withWebhook("torn", "1-22"), withService("torn", "1-23"))
	left := rendered("left", "1-22").Webhook
	left.Labels["istio.io/rev"] = "1-21"
	o.Webhooks = append(o.Webhooks, *left)
	c, _ := counted(t, o, Set(o, istio, "prod", "1-22"))
	want := map[string]string{
		"prod": "whole ", "old": "whole no Service", "half": "half no webhook configuration: it injects nothing",
		"torn": "conflicting webhook configuration istio-revision-tag-torn says 1-22, Service istiod-revision-tag-torn says 1-23",
		"left": "dangling revision 1-21 is not installed",
	}
	list := List(o, c)
	for _, i := range list.Items {
		if got := string(i.State) + " " + i.Reason; got != want[i.Tag] {
			t.Errorf("%s: got %q, want %q", i.Tag, got, want[i.Tag])
		}
	}
	if len(list.Items) != len(want) {
		t.Errorf("got %+v", list.Items)
	}
}
