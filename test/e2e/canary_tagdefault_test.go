package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubelabels "k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// overUnrevisioned moves what follows istio-injection=enabled from an installation without a revision to a tag and back, and
// watches that somebody injects all the time: by the selectors after every change, and by dry runs all along.
func (g *tagging) overUnrevisioned() {
	g.unrevision()
	const namespace = "tag-enabled"
	createNamespace(g.t, g.lab, namespace, labels{"istio-injection": "enabled"})
	awaitServiceAccount(g.t, g.lab, namespace)
	before := g.injectedBy(namespace)
	guard := g.guard(namespace)
	g.ours("set", "default", "-r", newRevision, "-y")
	over := g.injectedBy(namespace)
	g.ours("remove", "default", "-y")
	back := g.injectedBy(namespace)
	changes := guard()
	if before != "default" || over != newRevision || back != "default" {
		g.t.Errorf("a pod was injected by %s, %s, %s", before, over, back)
	}
	if changes < 4 {
		g.t.Errorf("saw %d changes of webhook configurations", changes)
	}
	if left := g.objects("default"); len(left) > 0 {
		g.t.Errorf("left is %v", left)
	}
	out, err := g.lab.Kubectl(g.t.Context(), "get", "validatingwebhookconfiguration", "istiod-default-validator", "-o",
		`jsonpath={.metadata.labels.istio\.io/rev} {.webhooks[0].clientConfig.service.name} {.webhooks[0].objectSelector}`)
	if err != nil || strings.TrimSuffix(out, " {}") != "default istiod" {
		g.t.Errorf("the validator is that of %q, %v", out, err)
	}
}

// unrevision installs Istio without a revision as Helm leaves it.
func (g *tagging) unrevision() {
	g.t.Helper()
	g.ours("remove", "default", "-y")
	install(g.t, g.lab, cluster.Istio{Tag: "1.21.0"})
	asHelmLeaves(g.t, g.lab)
}

// asHelmLeaves makes of an installation without a revision by istioctl, which gives it a tag default at once, one by Helm.
func asHelmLeaves(t *testing.T, lab *cluster.Cluster) {
	t.Helper()
	reactivate(t, lab, "istio-sidecar-injector", "istio-revision-tag-default")
	for _, args := range [][]string{
		{"label", "validatingwebhookconfiguration", "istiod-default-validator", "istio.io/tag-"},
		{"patch", "validatingwebhookconfiguration", "istiod-default-validator", "--type=json", "-p", `[{"op":"remove","path":"/webhooks/0/objectSelector"}]`},
	} {
		if _, err := lab.Kubectl(t.Context(), args...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := lab.Istioctl(t.Context(), "tag", "remove", "default", "-y"); err != nil {
		t.Fatal(err)
	}
}

// injectedBy returns the revision by which a pod of the namespace is injected once the API server has taken up what was
// changed.
func (g *tagging) injectedBy(namespace string) string {
	g.t.Helper()
	time.Sleep(time.Second)
	got, err := ask(g.t.Context(), g.lab, newPod(namespace, "asked"))
	if err != nil {
		g.t.Fatal(err)
	}
	return got.revision
}

// guard watches the namespace's pods being injected until the function that it returns is called, which says how many changes
// of webhook configurations there were.
func (g *tagging) guard(namespace string) func() int {
	g.t.Helper()
	ctx, cancel := context.WithCancel(g.t.Context())
	client := g.lab.Client().AdmissionregistrationV1().MutatingWebhookConfigurations()
	list, err := client.List(ctx, metav1.ListOptions{})
	if err != nil {
		g.t.Fatal(err)
	}
	configurations := map[string]admissionv1.MutatingWebhookConfiguration{}
	for _, c := range list.Items {
		configurations[c.Name] = c
	}
	watcher, err := client.Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		g.t.Fatal(err)
	}
	var work sync.WaitGroup
	changes := 0
	work.Go(func() {
		for event := range watcher.ResultChan() {
			c, ok := event.Object.(*admissionv1.MutatingWebhookConfiguration)
			if !ok {
				continue
			}
			changes++
			configurations[c.Name] = *c
			if event.Type == watch.Deleted {
				delete(configurations, c.Name)
			}
			if !someoneSelects(configurations, labels{"istio-injection": "enabled"}, nil) {
				g.t.Errorf("after %s of %s nobody injects", event.Type, c.Name)
			}
		}
	})
	asked := 0
	work.Go(func() {
		for ; ctx.Err() == nil; asked++ {
			got, err := ask(ctx, g.lab, newPod(namespace, fmt.Sprintf("guard-%d", asked)))
			if ctx.Err() == nil && (err != nil || !got.injected) {
				g.t.Errorf("a pod: %v, %v", got, err)
			}
		}
	})
	return func() int {
		cancel()
		watcher.Stop()
		work.Wait()
		g.t.Logf("%d pods were injected meanwhile, and %d changes seen", asked, changes)
		return changes
	}
}

// someoneSelects says whether an injector selects a pod by its namespace's labels and its own.
func someoneSelects(configurations map[string]admissionv1.MutatingWebhookConfiguration, namespace, pod labels) bool {
	matches := func(s *metav1.LabelSelector, l labels) bool {
		selector, err := metav1.LabelSelectorAsSelector(s)
		return err == nil && selector.Matches(kubelabels.Set(l))
	}
	for _, c := range configurations {
		for _, w := range c.Webhooks {
			if strings.HasSuffix(w.Name, "sidecar-injector.istio.io") && matches(w.NamespaceSelector, namespace) && matches(w.ObjectSelector, pod) {
				return true
			}
		}
	}
	return false
}
