package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// watchRules is what --watch asks for.
func watchRules(verbs ...string) []rbacv1.PolicyRule {
	var all []rbacv1.PolicyRule
	for _, r := range rules {
		all = append(all, rbacv1.PolicyRule{APIGroups: []string{r.group}, Resources: []string{r.resource}, Verbs: verbs})
	}
	return all
}

// but returns the rules with other verbs for one resource.
func but(all []rbacv1.PolicyRule, resource string, verbs ...string) []rbacv1.PolicyRule {
	var changed []rbacv1.PolicyRule
	for _, r := range all {
		if r.Resources[0] == resource {
			r.Verbs = verbs
		}
		if len(r.Verbs) > 0 {
			changed = append(changed, r)
		}
	}
	return changed
}

// grant gives a user rules: in one namespace, or everywhere for "".
func grant(t *testing.T, lab *cluster.Cluster, user, namespace string, rules []rbacv1.PolicyRule) {
	t.Helper()
	rbac := lab.Client().RbacV1()
	name := metav1.ObjectMeta{Name: user, Namespace: namespace}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Name: user, Kind: "Role"}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
	var err error
	if namespace == "" {
		ref.Kind = "ClusterRole"
		if _, err = rbac.ClusterRoles().Create(t.Context(), &rbacv1.ClusterRole{ObjectMeta: name, Rules: rules}, metav1.CreateOptions{}); err == nil {
			_, err = rbac.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: name, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		}
	} else if _, err = rbac.Roles(namespace).Create(t.Context(), &rbacv1.Role{ObjectMeta: name, Rules: rules}, metav1.CreateOptions{}); err == nil {
		_, err = rbac.RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: name, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func watchForbidden(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "forbidden", oldRevision)
	all := watchRules("get", "list", "watch")
	grant(t, lab, "watches-all", "", all)
	grant(t, lab, "lists-pods", "", but(all, "pods", "list"))
	grant(t, lab, "lists-gateways", "", but(all, "gateways", "list"))
	grant(t, lab, "no-gateways", "", but(all, "gateways"))
	grant(t, lab, "no-pods", "", but(all, "pods"))

	for _, c := range []struct{ user, stderr string }{
		{"lists-pods", `error: watching pods: pods is forbidden: User "lists-pods" cannot watch resource "pods" in API group "" at the cluster scope` +
			"; ask for that permission, or name a namespace with -n: see `kubectl auth can-i --list`\n"},
		{"no-pods", `error: reading pods: pods is forbidden: User "no-pods" cannot list resource "pods" in API group "" at the cluster scope` +
			"; ask for that permission, or name a namespace with -n: see `kubectl auth can-i --list`\n"},
	} {
		w := startWatch(t, lab, "-A", "--as", c.user)
		w.wait(1)
		if w.stderr.String() != c.stderr {
			t.Errorf("%s: stderr %q", c.user, w.stderr)
		}
	}

	gateways := `gateways.gateway.networking.k8s.io is forbidden: User %q cannot %s resource "gateways" in API group "gateway.networking.k8s.io" at the cluster scope`
	wants := map[string]string{
		"watches-all":    "",
		"lists-gateways": "warning: watching gateways: " + fmt.Sprintf(gateways, "lists-gateways", "watch") + "; it is read again every minute instead\n",
		"no-gateways":    "warning: cannot read gateways: " + fmt.Sprintf(gateways, "no-gateways", "list") + "\n",
	}
	watches := map[string]*watching{}
	for user, want := range wants {
		watches[user] = startWatch(t, lab, "-A", "--as", user)
		watches[user].awaitLine(`^forbidden +pod/bare .*current$`)
		watches[user].awaitStderr(want)
	}
	follow(t, lab, "forbidden", newRevision)
	for user, w := range watches {
		w.awaitLine(`^forbidden +pod/bare .*outdated$`)
		w.interrupt()
		if got := w.stderr.String(); got != wants[user]+"error: interrupted\n" {
			t.Errorf("%s: stderr %q", user, got)
		}
	}
}

func watchOneNamespace(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "only-mine", oldRevision)
	createNamespace(t, lab, "only-theirs", labels{"istio.io/rev": oldRevision})
	const user = "of-one-namespace"
	// The webhook configurations are in no namespace.
	grant(t, lab, user, "", watchRules("get", "list", "watch")[:2])
	grant(t, lab, user, "istio-system", watchRules("get", "list", "watch"))
	grant(t, lab, user, "only-mine", watchRules("get", "list", "watch"))
	w := startWatch(t, lab, "-n", "only-mine", "--as", user)
	w.awaitLine(`^only-mine +pod/bare .*current$`)
	createPods(t, lab, newPod("only-mine", "later"))
	w.awaitLine(`^only-mine +pod/later .*current$`)
	w.awaitStderr("; it is read again every minute instead")
	w.interrupt()
	if n := strings.Count(w.stderr.String(), "warning:"); n != 1 || !strings.Contains(w.stderr.String(), "watching namespaces: ") {
		t.Errorf("stderr %q", w.stderr)
	}
	theirs := startWatch(t, lab, "-n", "only-theirs", "--as", user)
	theirs.wait(1)
	if !strings.Contains(theirs.stderr.String(), `cannot list resource "pods" in API group "" in the namespace "only-theirs"`) {
		t.Errorf("stderr %q", theirs.stderr)
	}
}

func watchSomeNamespaces(t *testing.T, lab *cluster.Cluster) {
	following(t, lab, "some-mine", oldRevision)
	const user = "of-some-namespaces"
	all := watchRules("get", "list", "watch")
	var wide []rbacv1.PolicyRule
	for _, r := range all {
		if slices.Contains(clusterWide, r.Resources[0]) {
			wide = append(wide, r)
		}
	}
	grant(t, lab, user, "", wide)
	grant(t, lab, user, "istio-system", all)
	grant(t, lab, user, "some-mine", all)
	w := startWatch(t, lab, "-A", "--as", user)
	w.awaitLine(`^some-mine +pod/bare .*current$`)
	w.awaitStderr("warning: cannot read pods in namespaces ")
	follow(t, lab, "some-mine", newRevision)
	w.awaitLine(`^some-mine +pod/bare .*outdated$`)
	w.interrupt()
}

func watchNoNamespace(t *testing.T, lab *cluster.Cluster) {
	w := startWatch(t, lab, "-n", "no-such-namespace")
	w.wait(1)
	if want := "error: namespace no-such-namespace does not exist: see `kubectl get namespaces`\n"; w.stderr.String() != want {
		t.Errorf("stderr %q, want %q", w.stderr, want)
	}
}
