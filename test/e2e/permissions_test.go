package e2e

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/audit"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// rule is one permission that mesh-proxyver uses.
type rule struct{ group, resource, verb string }

var rules = []rule{
	{"admissionregistration.k8s.io", "mutatingwebhookconfigurations", "list"},
	{"admissionregistration.k8s.io", "validatingwebhookconfigurations", "get"},
	{"", "namespaces", "list"},
	{"", "configmaps", "get"},
	{"", "configmaps", "list"},
	{"", "services", "list"},
	{"networking.istio.io", "proxyconfigs", "list"},
	{"gateway.networking.k8s.io", "gateways", "list"},
	{"apps", "replicasets", "list"},
	{"batch", "jobs", "list"},
	{"", "pods", "list"},
}

// forbidden is the end of the API server's message for a rule that is missing.
func (r rule) forbidden(user string) string {
	scope := "at the cluster scope"
	switch r.resource {
	case "configmaps", "services":
		scope = `in the namespace "istio-system"`
	}
	return fmt.Sprintf(`User %q cannot %s resource %q in API group %q %s`, user, r.verb, r.resource, r.group, scope)
}

// withoutRule makes a user who has all rules but one, until the test ends, and returns the user's name.
func withoutRule(t *testing.T, lab *cluster.Cluster, missing string) string {
	t.Helper()
	user := "reader-without-" + missing
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}}
	for _, r := range rules {
		if r.resource != missing {
			role.Rules = append(role.Rules, rbacv1.PolicyRule{
				APIGroups: []string{r.group}, Resources: []string{r.resource}, Verbs: []string{r.verb}})
		}
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}
	if _, err := lab.Client().RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Client().RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := lab.Client().RbacV1().ClusterRoles().Delete(context.Background(), user, metav1.DeleteOptions{})
		if err := cmp.Or(err, lab.Client().RbacV1().ClusterRoleBindings().Delete(context.Background(), user, metav1.DeleteOptions{})); err != nil {
			t.Error(err)
		}
	})
	return user
}

// TestWhatMayNotBeReadIsUnknown takes away one permission at a time: what can be told still is, the rest is unknown,
// the message names verb, resource and namespace, and the exit code is 1.
func TestWhatMayNotBeReadIsUnknown(t *testing.T) {
	lab := sharedLab(t)
	createNamespace(t, lab, "may-not", labels{"istio.io/rev": oldRevision})
	createNamespace(t, lab, "may-not-gw", labels{"istio.io/rev": oldRevision})
	createDeployment(t, lab, newDeployment("may-not", "app", 1))
	gatewayCase{}.create(t, lab, "may-not-gw")
	awaitGatewayPod(t, lab, "may-not-gw")

	// What app and the gateway are without the rule; both are current with all of them.
	for missing, want := range map[string]struct{ app, gateway string }{
		"nothing":                       {"current", "current"},
		"mutatingwebhookconfigurations": {"unknown", "unknown"},
		"namespaces":                    {"unknown", "unknown"},
		"configmaps":                    {"unknown", "unknown"},
		"proxyconfigs":                  {"unknown", "unknown"},
		// The gateway follows a label; only gateways without one may be the default validator's.
		"validatingwebhookconfigurations": {"current", "current"},
		"services":                        {"current", "unknown"},
		"gateways":                        {"current", "unknown"},
		"replicasets":                     {"current", "current"},
		"jobs":                            {"current", "current"},
	} {
		t.Run(missing, func(t *testing.T) {
			user := withoutRule(t, lab, missing)
			r := kubectl(t, lab, "mesh-proxyver", "-A", "-o", "json", "--as", user)
			seen := 0
			for _, i := range itemsOf(t, r) {
				switch i.Namespace {
				case "may-not":
					seen++
					wantStatus(t, i, want.app)
					wantOwner(t, i, missing)
				case "may-not-gw":
					seen++
					wantStatus(t, i, want.gateway)
				}
			}
			if seen != 2 {
				t.Errorf("%d of 2 pods are in the report", seen)
			}
			wantForbidden(t, r, missing, user)
		})
	}
	t.Run("pods", func(t *testing.T) {
		user := withoutRule(t, lab, "pods")
		wantFailure(t, kubectl(t, lab, "mesh-proxyver", "-A", "--as", user), 1, fmt.Sprintf(
			"error: reading pods: pods is forbidden: %s; ask for that permission, or name a namespace with -n: see "+
				"`kubectl auth can-i --list`\n", rule{"", "pods", "list"}.forbidden(user)))
	})
}

func wantStatus(t *testing.T, i item, want string) {
	t.Helper()
	if i.Status != want {
		t.Errorf("%s is %s, want %s: %s", i.Pod, i.Status, want, i.Reason)
	}
	if want != "missing" && i.Proxy == nil {
		t.Errorf("%s runs a proxy, which can be told: %+v", i.Pod, i)
	}
}

// wantOwner: without ReplicaSets, the way from a pod to its Deployment ends there; nothing is guessed from names.
func wantOwner(t *testing.T, i item, missing string) {
	t.Helper()
	want := "Deployment"
	if missing == "replicasets" {
		want = "ReplicaSet"
	}
	if i.Workload.Kind != want {
		t.Errorf("%s belongs to %+v, want a %s", i.Pod, i.Workload, want)
	}
}

func wantForbidden(t *testing.T, r result, missing, user string) {
	t.Helper()
	if missing == "nothing" {
		if r.code != 0 || r.stderr != "" {
			t.Errorf("exit %d, stderr %q", r.code, r.stderr)
		}
		return
	}
	for _, rule := range rules {
		if rule.resource == missing && !strings.Contains(r.stderr, rule.forbidden(user)) {
			t.Errorf("stderr lacks %q:\n%s", rule.forbidden(user), r.stderr)
		}
	}
	if r.code != 1 || !strings.Contains(r.stderr, "error: the answer is incomplete") {
		t.Errorf("exit %d, stderr %q", r.code, r.stderr)
	}
}

// TestItOnlyReads proves from the API server's audit log that nothing but reads is sent.
func TestItOnlyReads(t *testing.T) {
	lab := sharedLab(t)
	const user = "only-reads"
	run := func(args ...string) {
		t.Helper()
		args = append([]string{"mesh-proxyver", "--as", user, "--as-group", "system:masters"}, args...)
		if r := kubectl(t, lab, args...); r.code != 0 {
			t.Fatalf("%v: exit %d, %s", args, r.code, r.stderr)
		}
	}
	createNamespace(t, lab, "reads", labels{"istio.io/rev": stableTag})
	createDeployment(t, lab, newDeployment("reads", "app", 1))
	run("-n", "reads", "-o", "json")
	first := requestsOf(t, lab, user)
	// What is read does not depend on chance: the same question costs the same reads, in whatever order.
	if len(first) < len(rules) {
		t.Errorf("the audit log has %d requests, but %d kinds are read: %v", len(first), len(rules), first)
	}
	run("-n", "reads", "-o", "json")
	if again := requestsOf(t, lab, user); len(again) != 2*len(first) {
		t.Errorf("the same question cost %d requests first and %d then", len(first), len(again)-len(first))
	}
	for _, args := range [][]string{
		{"-A"}, {"-A", "-o", "wide"}, {"-A", "--all", "-o", "yaml"}, {"-n", "reads", "deployment/app"},
		{"-A", "--by", "revision"}, {"-A", "--by", "node", "-o", "name"},
	} {
		run(args...)
	}
	for _, r := range requestsOf(t, lab, user) {
		if verb, _, _ := strings.Cut(r, " "); verb != "get" && verb != "list" && verb != "watch" {
			t.Errorf("sent %s", r)
		}
	}
}

// requestsOf returns what a user has asked of the API server so far, as "verb URI".
func requestsOf(t *testing.T, lab *cluster.Cluster, user string) []string {
	t.Helper()
	events, _, err := audit.Read(lab.AuditLog(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var requests []string
	for _, e := range events {
		if e.ImpersonatedUser != nil && e.ImpersonatedUser.Username == user {
			requests = append(requests, e.Verb+" "+e.RequestURI)
		}
	}
	return requests
}
