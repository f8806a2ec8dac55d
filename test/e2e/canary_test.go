package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// upgraded is a mesh on which upgrades are played.
type upgraded struct {
	t   *testing.T
	lab *cluster.Cluster
	// istio is Istio's namespace.
	istio string
	// namespaces are those that are moved.
	namespaces []string
	// path is where executables are found, empty for the usual place.
	path string
}

// canary runs `kubectl mesh-canary`.
func (u *upgraded) canary(args ...string) result {
	u.t.Helper()
	env := []string{"KUBECONFIG=" + u.lab.Kubeconfig()}
	if u.path != "" {
		env = append(env, "PATH="+u.path)
	}
	return kubectlWith(u.t, u.lab.Tool("kubectl"), env, append([]string{"mesh-canary"}, args...)...)
}

// does wants a command to end well, and returns what it said.
func (u *upgraded) does(args ...string) result {
	u.t.Helper()
	r := u.canary(args...)
	if r.code != 0 {
		u.t.Fatalf("mesh-canary %s: exit %d\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r
}

// status is all that the status says.
func (u *upgraded) status() string {
	u.t.Helper()
	r := u.does("status")
	return r.stdout + r.stderr
}

// refuses wants a command to end with exit code 1, an error that has a text, and nothing changed.
func (u *upgraded) refuses(text string, args ...string) {
	u.t.Helper()
	before := u.snapshot()
	r := u.canary(args...)
	last := r.stderr
	if i := strings.Index(last, "error: "); i >= 0 {
		last = last[i:]
	}
	if r.code != 1 || !strings.Contains(last, text) || r.stdout != "" || strings.Count(strings.TrimSpace(last), "\n") > 0 {
		u.t.Errorf("mesh-canary %s: exit %d, want 1 and %q\nstdout: %s\nstderr: %s", strings.Join(args, " "), r.code, text, r.stdout, r.stderr)
	}
	u.wantSame(before, strings.Join(args, " "))
}

// namespace makes a namespace with two Deployments, whose pods are what its labels say.
func (u *upgraded) namespace(name string, labels map[string]string) {
	u.t.Helper()
	u.namespaceOf(name, labels, 2, 1)
}

// namespaceOf makes a namespace with a Deployment for each number of replicas.
func (u *upgraded) namespaceOf(name string, labels map[string]string, deployments ...int32) {
	u.t.Helper()
	createNamespace(u.t, u.lab, name, labels)
	awaitServiceAccount(u.t, u.lab, name)
	for i, replicas := range deployments {
		if _, err := u.lab.Client().AppsV1().Deployments(name).Create(u.t.Context(), newDeployment(name, fmt.Sprint("web-", i), replicas), metav1.CreateOptions{}); err != nil {
			u.t.Fatal(err)
		}
	}
	u.namespaces = append(u.namespaces, name)
	u.settles(name)
}

// settles waits until the pods of a namespace are ready, and no others are there.
func (u *upgraded) settles(name string) {
	u.t.Helper()
	eventually(u.t, patience, func() error {
		deployments, err := u.lab.Client().AppsV1().Deployments(name).List(u.t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		pods, err := u.lab.Client().CoreV1().Pods(name).List(u.t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		ready, want := 0, 0
		for _, d := range deployments.Items {
			want += int(*d.Spec.Replicas)
		}
		for i := range pods.Items {
			if isReady(&pods.Items[i]) && pods.Items[i].DeletionTimestamp == nil {
				ready++
			}
		}
		if ready != want || len(pods.Items) != want {
			return fmt.Errorf("%d of %d pods are ready in %s, want %d", ready, len(pods.Items), name, want)
		}
		return nil
	})
}

// runs wants every pod of a namespace to run a revision's proxy.
func (u *upgraded) runs(revision string, namespaces ...string) {
	u.t.Helper()
	for _, name := range namespaces {
		if got := u.revisions(name); len(got) != 1 || !got[revision] {
			u.t.Errorf("the pods of %s run %v, want %s", name, slices.Collect(maps.Keys(got)), revision)
		}
	}
}

func (u *upgraded) revisions(namespace string) map[string]bool {
	u.t.Helper()
	pods, err := u.lab.Client().CoreV1().Pods(namespace).List(u.t.Context(), metav1.ListOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	revisions := map[string]bool{}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodRunning {
			revisions[p.Annotations["istio.io/rev"]] = true
		}
	}
	return revisions
}

// snapshot is all that an upgrade may change, but for what the server and istiod own.
func (u *upgraded) snapshot() map[string]any {
	u.t.Helper()
	all := map[string]any{}
	client, ctx := u.lab.Client(), u.t.Context()
	webhooks, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, c := range webhooks.Items {
		var selectors []any
		for _, w := range c.Webhooks {
			selectors = append(selectors, asJSON(u.t, []any{w.Name, w.NamespaceSelector, w.ObjectSelector, w.ClientConfig.Service, w.ClientConfig.URL}))
		}
		all["webhook "+c.Name] = []any{c.Labels, c.Annotations, selectors}
	}
	validators, err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, c := range validators.Items {
		all["validator "+c.Name] = []any{c.Labels, asJSON(u.t, c.Webhooks[0].ClientConfig.Service)}
	}
	services, err := client.CoreV1().Services("").List(ctx, metav1.ListOptions{LabelSelector: "istio.io/tag"})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, s := range services.Items {
		all["service "+s.Namespace+"/"+s.Name] = []any{s.Labels, asJSON(u.t, s.Spec.Ports), s.Spec.Selector}
	}
	namespaces, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	// Those of a test before may still be on their way out.
	stays := map[string]bool{}
	for _, n := range namespaces.Items {
		if n.DeletionTimestamp == nil {
			stays[n.Name], all["namespace "+n.Name] = true, n.Labels
		}
	}
	deployments, err := client.AppsV1().Deployments("").List(ctx, metav1.ListOptions{})
	if err != nil {
		u.t.Fatal(err)
	}
	for _, d := range deployments.Items {
		if stays[d.Namespace] {
			all["replicas "+d.Namespace+"/"+d.Name] = *d.Spec.Replicas
		}
	}
	for _, name := range u.namespaces {
		all["pods of "+name] = u.revisions(name)
	}
	return all
}

// asJSON is a value as JSON has it, so that what is left out and what is empty are the same.
func asJSON(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// wantSame wants everything to be as it was.
func (u *upgraded) wantSame(before map[string]any, after string) {
	u.t.Helper()
	now := u.snapshot()
	for what, was := range before {
		if is, there := now[what]; !there || !reflect.DeepEqual(is, was) {
			u.t.Errorf("after %s, %s is %v, was %v", after, what, is, was)
		}
	}
	for what, is := range now {
		if _, was := before[what]; !was {
			u.t.Errorf("after %s, there is %s: %v", after, what, is)
		}
	}
}

// next types what a command said to type next.
func (u *upgraded) next(r result) result {
	u.t.Helper()
	_, line, found := strings.Cut(r.stderr, "Next: kubectl mesh-canary ")
	if !found {
		u.t.Fatalf("it does not say what is next:\n%s", r.stderr)
	}
	line, _, _ = strings.Cut(line, "   # ")
	args := strings.Fields(line)
	if args[0] != "revisions" {
		args = append(args, "--yes")
	}
	return u.canary(args...)
}
