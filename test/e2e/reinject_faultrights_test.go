package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// reinjectRights are what mesh-reinject uses here, beside the reads of mesh-proxyver: "verb,... resource.group".
var reinjectRights = []string{
	"list,watch pods", "create pods", "create pods/eviction", "list,watch events", "list,watch poddisruptionbudgets.policy",
	"list horizontalpodautoscalers.autoscaling", "list,watch deployments.apps", "patch,get deployments.apps",
	"list,watch statefulsets.apps", "list,watch replicasets.apps",
}

// TestReinjectNamesThePermissionThatIsMissing takes one permission away at a time: the message names verb and resource, what
// does not need it goes on, and what does is left as it was.
func TestReinjectNamesThePermissionThatIsMissing(t *testing.T) {
	t.Parallel()
	lab := sharedLab(t)
	const cannot, old, new = "User %q cannot ", "1-22", "1-23"
	for name, c := range map[string]struct {
		lacks    string
		code     int
		outcomes map[string]string
		web, db  string
		says     string
	}{
		"list-statefulsets": {"list statefulsets.apps", 1, map[string]string{"web": "restarted", "db": "skipped"}, new, old,
			cannot + `list resource "statefulsets" in API group "apps"`},
		"patch-deployments": {"patch deployments.apps", 1, map[string]string{"web": "failed", "db": "not-started"}, old, old,
			cannot + `patch resource "deployments" in API group "apps"`},
		"watch-pods": {"watch pods", 1, map[string]string{}, old, old,
			"error: watching pods in namespace lacks-watch-pods: *" + cannot + `watch resource "pods" in API group "" `},
		"create-pods": {"create pods", 0, map[string]string{"web": "restarted", "db": "restarted"}, new, new,
			"warning: the injector cannot be asked in namespace lacks-create-pods (" + cannot + `create resource "pods" in API group "" in the namespace "lacks-create-pods"): the prediction is used instead`},
		"create-evictions": {"create pods/eviction", 1, map[string]string{"web": "restarted", "db": "failed"}, new, old,
			cannot + `create resource "pods/eviction" in API group "" in the namespace "lacks-create-evictions"`},
		"watch-events": {"list,watch events", 0, map[string]string{"web": "restarted", "db": "restarted"}, new, new, ""},
		"budgets":      {"list,watch poddisruptionbudgets.policy", 0, map[string]string{"web": "restarted", "db": "restarted"}, new, new, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newStale(t, lab, "lacks-"+name, aDeployment("web", 1), anOnDelete("db", 1))
			user := restarterWithout(t, lab, m.namespace, c.lacks)
			r := m.reinject(t, "--as", user, "--max-parallel=1")
			r.want(c.code, c.outcomes)
			if want := "*" + strings.ReplaceAll(c.says, "%q", fmt.Sprintf("%q", user)) + "*"; !like(r.stderr, want) {
				t.Errorf("stderr lacks %s:\n%s", want, r.stderr)
			}
			m.wantRuns(t, map[string]string{"web": c.web, "db": c.db})
		})
	}
}

// restarterWithout makes a user who may do all that it takes to restart but for one thing, until the test ends, and returns
// the user's name.
func restarterWithout(t *testing.T, lab *cluster.Cluster, name, missing string) string {
	t.Helper()
	user := "restarter-" + name
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}}
	for _, r := range rules {
		if r.resource != "pods" && r.resource != "replicasets" {
			role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{r.group}, Resources: []string{r.resource}, Verbs: []string{r.verb}})
		}
	}
	for _, right := range reinjectRights {
		role.Rules = append(role.Rules, ruleOf(right, missing)...)
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}
	rbac := lab.Client().RbacV1()
	_, err := rbac.ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	_, bindErr := rbac.ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{})
	t.Cleanup(func() {
		err := rbac.ClusterRoles().Delete(context.Background(), user, metav1.DeleteOptions{})
		if err := errors.Join(err, rbac.ClusterRoleBindings().Delete(context.Background(), user, metav1.DeleteOptions{})); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(err, bindErr); err != nil {
		t.Fatal(err)
	}
	return user
}

// ruleOf returns the rule of a right, without the verbs that are missing for its resource; none where no verb is left.
func ruleOf(right, missing string) []rbacv1.PolicyRule {
	verbs, what, _ := strings.Cut(right, " ")
	lacked, of, _ := strings.Cut(missing, " ")
	left := slices.DeleteFunc(strings.Split(verbs, ","), func(verb string) bool {
		return of == what && slices.Contains(strings.Split(lacked, ","), verb)
	})
	if len(left) == 0 {
		return nil
	}
	resource, group, _ := strings.Cut(what, ".")
	return []rbacv1.PolicyRule{{APIGroups: []string{group}, Resources: []string{resource}, Verbs: left}}
}
