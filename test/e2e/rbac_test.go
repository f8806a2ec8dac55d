package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/audit"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// everyRule has every permission taken away, one after the other. `make test` takes a sample.
var everyRule = flag.Bool("rbac-all", false, "take away every permission of the documented roles, not only a sample")

// roleDir holds the roles that the docs hand out.
var roleDir = filepath.Join("..", "..", "docs", "rbac")

// permission is one verb on one kind of object.
type permission struct{ verb, group, resource string }

// String is how the tables of these tests name it: "list deployments.apps".
func (p permission) String() string {
	if p.group == "" {
		return p.verb + " " + p.resource
	}
	return p.verb + " " + p.resource + "." + p.group
}

// forbidden is how the API server says that a user lacks it.
func (p permission) forbidden(user string) string {
	return fmt.Sprintf("User %q cannot %s resource %q in API group %q", user, p.verb, p.resource, p.group)
}

// granted is one permission of a role, for the object of that name, or for all where there is none.
type granted struct {
	permission
	name string
}

// grants are roles by name, and the namespaces in which each is bound; none for the whole cluster.
type grants map[string][]string

// here stands in grants for the namespace that a plugin is to work in, and there for a second one, which beyond names.
const here, there = "HERE", "THERE"

func beyond(namespace string) string { return namespace + "-too" }

// in puts a namespace in the place of here.
func (g grants) in(namespace string) grants {
	all := grants{}
	for role, namespaces := range g {
		for _, n := range namespaces {
			switch n {
			case here:
				n = namespace
			case there:
				n = beyond(namespace)
			}
			all[role] = append(all[role], n)
		}
		if len(namespaces) == 0 {
			all[role] = nil
		}
	}
	return all
}

// and returns these grants with others.
func (g grants) and(others grants) grants {
	all := grants{}
	maps.Copy(all, g)
	maps.Copy(all, others)
	return all
}

// rolebook is the documented roles, applied to a lab.
type rolebook struct {
	lab   *cluster.Cluster
	roles map[string][]granted
	// from is where the audit log was when they were applied.
	from int64
}

// ofThisTest marks what a test has made beside the documented roles.
const ofThisTest = "rolebook.test=true"

// applyRoles applies the documented roles with kubectl until the test ends, and reads them.
func applyRoles(t *testing.T, lab *cluster.Cluster) *rolebook {
	t.Helper()
	mustKubectl(t, lab, "apply", "-f", roleDir)
	t.Cleanup(func() {
		for _, args := range [][]string{
			{"delete", "--ignore-not-found", "-f", roleDir},
			{"delete", "clusterroles,clusterrolebindings", "-l", ofThisTest},
			{"delete", "rolebindings", "-A", "-l", ofThisTest},
		} {
			if _, err := lab.Kubectl(context.Background(), args...); err != nil {
				t.Error(err)
			}
		}
	})
	log, err := os.Stat(lab.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	return &rolebook{lab, documentedRoles(t), log.Size()}
}

// fallback is a request that may be refused to somebody who has all roles of a task, for there is another way: docs/rbac/README.md
// names them.
type fallback struct {
	// users is how the names of those begin who make it.
	users string
	permission
	// everywhere is true for what is asked of the whole cluster, before single namespaces are.
	everywhere bool
}

// fallbacks are all that there are.
var fallbacks = slices.Concat(
	// ProxyConfigs are listed namespace by namespace then.
	[]fallback{{userPrefix, permission{"list", "networking.istio.io", "proxyconfigs"}, true}},
	// The validator is got by its name then.
	[]fallback{{userPrefix + "proxyver-watch", permission{"list", "admissionregistration.k8s.io", "validatingwebhookconfigurations"}, true}},
	// What a killed run has left at two replicas stays so.
	[]fallback{{userPrefix + "reinject", permission{"list", "autoscaling", "horizontalpodautoscalers"}, false}},
	// The folder for manifests of bare pods is named by the API server's URL.
	[]fallback{{userPrefix + "reinject-bare-pods", permission{"get", "", "namespaces"}, false}},
	// An upgrade follows what it restarts namespace by namespace then, and does without the others' events.
	askedOfAll(userPrefix+"canary", "watch", "apps", "deployments", "statefulsets", "daemonsets", "replicasets", "controllerrevisions"),
	askedOfAll(userPrefix+"canary", "watch", "", "pods", "replicationcontrollers"),
	askedOfAll(userPrefix+"canary", "list", "", "events"),
)

// askedOfAll returns the fallbacks of users who ask for resources of the whole cluster.
func askedOfAll(users, verb, group string, resources ...string) (all []fallback) {
	for _, resource := range resources {
		all = append(all, fallback{users, permission{verb, group, resource}, true})
	}
	return all
}

// isFallback says whether a request is one of them.
func isFallback(e auditv1.Event) bool {
	ref := e.ObjectRef
	return ref != nil && slices.ContainsFunc(fallbacks, func(f fallback) bool {
		return strings.HasPrefix(e.ImpersonatedUser.Username, f.users) && f.permission == permission{e.Verb, ref.APIGroup, ref.Resource} &&
			f.everywhere == (ref.Namespace == "")
	})
}

// wantNothingElse wants none of the users of this test to have asked for a Secret, and those who have all of their roles for nothing
// that these do not grant, but for fallbacks.
func (b *rolebook) wantNothingElse(t *testing.T) {
	t.Helper()
	events, _, err := audit.Read(b.lab.AuditLog(), b.from)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, e := range events {
		if e.ImpersonatedUser == nil || !strings.HasPrefix(e.ImpersonatedUser.Username, userPrefix) {
			continue
		}
		asked++
		if e.ObjectRef != nil && e.ObjectRef.Resource == "secrets" {
			t.Errorf("%s asked for a Secret: %s %s", e.ImpersonatedUser.Username, e.Verb, e.RequestURI)
		}
		refused := e.ResponseStatus != nil && e.ResponseStatus.Code == http.StatusForbidden
		if refused && !strings.Contains(e.ImpersonatedUser.Username, withoutOne) && !isFallback(e) {
			t.Errorf("%s has all of the roles, and is refused: %s %s", e.ImpersonatedUser.Username, e.Verb, e.RequestURI)
		}
	}
	if asked == 0 {
		t.Error("the audit log shows no request of theirs")
	}
}

// userPrefix is how the names of this test's users begin, and withoutOne is in those of users who lack a permission.
const (
	userPrefix = "may-"
	withoutOne = "-lacks-"
)

// documentedRoles reads the permissions of every role of the docs.
func documentedRoles(t *testing.T) map[string][]granted {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(roleDir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s: %v", len(files), roleDir, err)
	}
	roles := map[string][]granted{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(text), "# For ") {
			t.Errorf("%s does not begin with what it is for", file)
		}
		for document := range strings.SplitSeq(string(text), "\n---\n") {
			var role rbacv1.ClusterRole
			if err := yaml.UnmarshalStrict([]byte(document), &role); err != nil || role.Kind != "ClusterRole" {
				t.Fatalf("%s: %q, %v", file, role.Kind, err)
			}
			roles[role.Name] = append(roles[role.Name], permissionsOf(role.Rules)...)
		}
	}
	return roles
}

// permissionsOf takes rules apart into single permissions.
func permissionsOf(rules []rbacv1.PolicyRule) []granted {
	var all []granted
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					for _, name := range append(r.ResourceNames, "")[:max(1, len(r.ResourceNames))] {
						all = append(all, granted{permission{verb, group, resource}, name})
					}
				}
			}
		}
	}
	return all
}

// of returns the permissions of the roles, each once, sorted.
func (b *rolebook) of(t *testing.T, roles ...string) []permission {
	t.Helper()
	seen := map[permission]bool{}
	for _, role := range roles {
		if len(b.roles[role]) == 0 {
			t.Fatalf("the docs hold no role %s", role)
		}
		for _, g := range b.roles[role] {
			seen[g.permission] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b permission) int { return strings.Compare(a.String(), b.String()) })
}

// user makes one with the roles as they are.
func (b *rolebook) user(t *testing.T, name string, g grants) string {
	t.Helper()
	for role, namespaces := range g {
		b.bind(t, name, role, namespaces)
		b.await(t, name, b.roles[role], namespaces)
	}
	return name
}

// userWithout makes one who lacks a permission: it is taken out of every role that grants it.
func (b *rolebook) userWithout(t *testing.T, name string, g grants, missing permission) string {
	t.Helper()
	for role, namespaces := range g {
		left := slices.DeleteFunc(slices.Clone(b.roles[role]), func(g granted) bool { return g.permission == missing })
		if len(left) == 0 {
			continue
		}
		bound := role
		if len(left) < len(b.roles[role]) {
			bound = name + "." + role
			b.createRole(t, bound, left)
		}
		b.bind(t, name, bound, namespaces)
		b.await(t, name, left, namespaces)
	}
	return name
}

func (b *rolebook) createRole(t *testing.T, name string, permissions []granted) {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: b.meta(name)}
	for _, g := range permissions {
		rule := rbacv1.PolicyRule{APIGroups: []string{g.group}, Resources: []string{g.resource}, Verbs: []string{g.verb}}
		if g.name != "" {
			rule.ResourceNames = []string{g.name}
		}
		role.Rules = append(role.Rules, rule)
	}
	if _, err := b.lab.Client().RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (b *rolebook) meta(name string) metav1.ObjectMeta {
	key, value, _ := strings.Cut(ofThisTest, "=")
	return metav1.ObjectMeta{Name: name, Labels: labels{key: value}}
}

// bind binds a role in the namespaces, or in the whole cluster where there are none.
func (b *rolebook) bind(t *testing.T, user, role string, namespaces []string) {
	t.Helper()
	rbac := b.lab.Client().RbacV1()
	meta := b.meta(user + ".of." + role)
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
	var err error
	if len(namespaces) == 0 {
		_, err = rbac.ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
	}
	for _, namespace := range namespaces {
		if err == nil {
			_, err = rbac.RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// await waits until the API server goes by what was bound: it takes up roles and bindings a moment later.
func (b *rolebook) await(t *testing.T, user string, permissions []granted, namespaces []string) {
	t.Helper()
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, namespace := range namespaces {
		for _, g := range permissions {
			resource, subresource, _ := strings.Cut(g.resource, "/")
			ask := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
				User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
					Namespace: namespace, Verb: g.verb, Group: g.group, Resource: resource, Subresource: subresource, Name: g.name,
				},
			}}
			eventually(t, patience, func() error {
				answer, err := b.lab.Client().AuthorizationV1().SubjectAccessReviews().Create(t.Context(), ask, metav1.CreateOptions{})
				if err == nil && !answer.Status.Allowed {
					err = fmt.Errorf("%s may not %s in %q yet", user, g.permission, namespace)
				}
				return err
			})
		}
	}
}

// without is what comes of a permission that is missing.
type without struct {
	code int
	// says is a text of what is printed.
	says string
}

// want wants the consequence of what a command did.
func (w without) want(t *testing.T, r result, missing permission) {
	t.Helper()
	if r.code != w.code || !strings.Contains(r.stdout+r.stderr, w.says) {
		t.Errorf("without %s: exit %d, want %d and %q\nstdout: %s\nstderr: %s", missing, r.code, w.code, w.says, r.stdout, r.stderr)
	}
}

// usage is one way to use a plugin that takes roles.
type usage struct {
	name string
	// base is bound as well, and none of it is taken away; roles are what it is about.
	base, roles grants
	// place makes the namespace that it is about, whose name has to be unique.
	place func(t *testing.T, name string) (namespace string)
	// works runs it as somebody who has all of the roles.
	works func(t *testing.T, user, namespace string)
	// lacks runs as much of it as shows that the permission is missing.
	lacks func(t *testing.T, user, namespace string, missing permission) result
	// code is the exit code where a permission is missing, unless are the permissions of which something else comes than that and the
	// API server's own words, which name verb and resource.
	code   int
	unless map[string]without
	// rare is true for one that is tried only where every permission is taken away.
	rare bool
	// only are the permissions that it shows, nil for all but those that are idle; the others another usage shows.
	only, idle []string
	// sample are the permissions that are taken away unless every one is; nil for all.
	sample []string
}

// try tries a usage with all of its roles, and then with each of their permissions missing in turn.
func (u usage) try(t *testing.T, b *rolebook) {
	t.Helper()
	if u.rare && !*everyRule {
		return
	}
	t.Run(u.name, func(t *testing.T) {
		name, all := userPrefix+u.name, u.base.and(u.roles)
		namespace := u.place(t, name)
		u.works(t, b.user(t, name, all.in(namespace)), namespace)
		t.Run("without", func(t *testing.T) {
			for i, missing := range b.of(t, slices.Sorted(maps.Keys(u.roles))...) {
				if !u.takesAway(missing.String(), *everyRule) {
					continue
				}
				t.Run(missing.String(), func(t *testing.T) {
					t.Parallel()
					name := fmt.Sprint(name, withoutOne, i)
					namespace := u.place(t, name)
					user := b.userWithout(t, name, all.in(namespace), missing)
					w, otherwise := u.unless[missing.String()]
					if !otherwise {
						w = without{u.code, missing.forbidden(user)}
					}
					w.want(t, u.lacks(t, user, namespace, missing), missing)
				})
			}
		})
	})
}

// takesAway says whether a permission is taken away, where every one is or only a sample.
func (u usage) takesAway(permission string, every bool) bool {
	among := func(some []string) bool { return some == nil || slices.Contains(some, permission) }
	return !slices.Contains(u.idle, permission) && among(u.only) && (every || among(u.sample))
}

// untried are the permissions that no usage takes away, and why.
var untried = map[string]string{
	"kubectl-mesh-canary-retire-istio: create pods/portforward": "the lab's istiods are processes and no pods, so that there is none to forward a port of",
}

// TestEveryPermissionOfTheRolesIsTried: of every documented role, each permission is taken away by a usage that needs it.
func TestEveryPermissionOfTheRolesIsTried(t *testing.T) {
	usages := slices.Concat(proxyverUsages(nil), reinjectUsages(nil), canaryUsages(nil))
	for role, permissions := range documentedRoles(t) {
		for _, g := range permissions {
			tried := slices.ContainsFunc(usages, func(u usage) bool {
				_, uses := u.roles[role]
				return uses && u.takesAway(g.permission.String(), true)
			})
			what := role + ": " + g.permission.String()
			if _, known := untried[what]; tried == known {
				t.Errorf("%s is taken away by a usage: %t; it is among those that cannot be: %t", what, tried, known)
			}
		}
	}
}

// readers are the roles of who may look at everything.
var readers = grants{"kubectl-mesh-webhooks": nil, "kubectl-mesh-istio": {"istio-system"}, "kubectl-mesh-proxyver": nil}

// readersHere are those of who may look at one namespace.
var readersHere = grants{"kubectl-mesh-webhooks": nil, "kubectl-mesh-istio": {"istio-system"}, "kubectl-mesh-proxyver": {here}}
