package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// clusterWide are the resources of rules that are in no namespace.
var clusterWide = []string{"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "namespaces"}

// mayRead makes a ClusterRole of the rules whose resources are wanted, and returns its name.
func mayRead(t *testing.T, lab *cluster.Cluster, name string, wanted func(resource string) bool) string {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}}
	for _, r := range rules {
		if wanted(r.resource) {
			role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{r.group}, Resources: []string{r.resource}, Verbs: []string{r.verb}})
		}
	}
	if _, err := lab.Client().RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// bind gives a user a role in the namespaces, or everywhere where there are none.
func bind(t *testing.T, lab *cluster.Cluster, user, role string, namespaces ...string) {
	t.Helper()
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
	meta := metav1.ObjectMeta{Name: user + "-" + role}
	if len(namespaces) == 0 {
		b := &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}
		if _, err := lab.Client().RbacV1().ClusterRoleBindings().Create(t.Context(), b, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, namespace := range namespaces {
		b := &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}
		if _, err := lab.Client().RbacV1().RoleBindings(namespace).Create(t.Context(), b, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			err := lab.Client().RbacV1().RoleBindings(namespace).Delete(context.Background(), meta.Name, metav1.DeleteOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		})
	}
}

// settledNamespaces returns the names of all namespaces, sorted, once none is on its way out.
func settledNamespaces(t *testing.T, lab *cluster.Cluster) []string {
	t.Helper()
	var names []string
	eventually(t, time.Minute, func() error {
		names = nil
		list, err := lab.Client().CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, ns := range list.Items {
			if ns.Status.Phase != corev1.NamespaceActive {
				return fmt.Errorf("namespace %s is %s", ns.Name, ns.Status.Phase)
			}
			names = append(names, ns.Name)
		}
		return nil
	})
	slices.Sort(names)
	return names
}

// TestWhereOnlyNamespacesMayBeListed has accounts that may not list anything of the whole cluster's namespaces at once.
func TestWhereOnlyNamespacesMayBeListed(t *testing.T) {
	lab := sharedLab(t)
	for _, namespace := range []string{"fallback-one", "fallback-two", "fallback-three"} {
		createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
		createPods(t, lab, newPod(namespace, "a"), newPod(namespace, "b"))
	}
	everywhere := mayRead(t, lab, "fallback-cluster", func(resource string) bool { return slices.Contains(clusterWide, resource) })
	namespaced := mayRead(t, lab, "fallback-namespaced", func(resource string) bool { return !slices.Contains(clusterWide, resource) })
	configs := mayRead(t, lab, "fallback-istio", func(resource string) bool {
		return slices.Contains([]string{"configmaps", "services", "proxyconfigs"}, resource)
	})
	names := settledNamespaces(t, lab)
	ask := func(user string) result {
		return kubectl(t, lab, "mesh-proxyver", "-A", "--all", "-o", "json", "--as", user)
	}

	t.Run("some namespaces", func(t *testing.T) {
		const user = "reads-two"
		bind(t, lab, user, everywhere)
		bind(t, lab, user, configs, "istio-system")
		bind(t, lab, user, namespaced, "fallback-one", "fallback-two")
		r := ask(user)
		wantPods(t, r, "fallback-one/a current", "fallback-one/b current", "fallback-two/a current", "fallback-two/b current")
		if want := warnings(user, names); r.code != 1 || r.stderr != want {
			t.Errorf("exit %d, stderr %s\nwant %s", r.code, r.stderr, want)
		}
	})
	t.Run("every namespace", func(t *testing.T) {
		const user = "reads-each"
		bind(t, lab, user, everywhere)
		bind(t, lab, user, namespaced, names...)
		r, want := ask(user), kubectl(t, lab, "mesh-proxyver", "-A", "--all", "-o", "json")
		if r != want || r.code != 0 || r.stderr != "" {
			t.Errorf("got %+v\nwant %+v", r, want)
		}
	})
}

func wantPods(t *testing.T, r result, want ...string) {
	t.Helper()
	var got []string
	for name, i := range itemsOf(t, r) {
		got = append(got, name+" "+i.Status)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// warnings are what is said to a user who may read two namespaces, and ProxyConfigs in Istio's as well.
func warnings(user string, namespaces []string) string {
	var text strings.Builder
	for _, c := range []struct{ what, group string }{
		{"proxyconfigs", "networking.istio.io"}, {"gateways", "gateway.networking.k8s.io"},
		{"jobs", "batch"}, {"replicasets", "apps"}, {"pods", ""},
	} {
		resource := c.what
		if c.group != "" {
			resource += "." + c.group
		}
		refused := slices.DeleteFunc(slices.Clone(namespaces), func(n string) bool {
			return n == "fallback-one" || n == "fallback-two" || n == "istio-system" && c.what == "proxyconfigs"
		})
		fmt.Fprintf(&text, "warning: cannot read %s in namespaces %s and %d more: %s is forbidden: %s\n",
			c.what, strings.Join(refused[:3], ", "), len(refused)-3, resource, rule{c.group, c.what, "list"}.forbidden(user))
	}
	text.WriteString("error: the answer is incomplete: reads that were refused: 5\n")
	return text.String()
}
