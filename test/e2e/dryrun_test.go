package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/audit"
	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// workloadsManifest has a workload of every kind whose template is read; %[1]s is the namespace.
const workloadsManifest = `apiVersion: apps/v1
kind: StatefulSet
metadata: {namespace: %[1]s, name: db}
spec:
  serviceName: db
  replicas: 1
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - {name: app, image: registry.example.com/db:1, volumeMounts: [{name: data, mountPath: /data}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {namespace: %[1]s, name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent, istio.io/rev: ignored}, annotations: {sidecar.istio.io/nativeSidecar: "false"}}
    spec: {containers: [{name: app, image: registry.example.com/agent:1}]}
---
apiVersion: batch/v1
kind: Job
metadata: {namespace: %[1]s, name: once}
spec:
  template:
    metadata: {annotations: {lab.mesh.kubectl.dev/run: forever}}
    spec: {restartPolicy: Never, containers: [{name: app, image: registry.example.com/once:1}]}
---
apiVersion: v1
kind: ReplicationController
metadata: {namespace: %[1]s, name: old}
spec:
  selector: {app: old}
  template:
    metadata: {labels: {app: old}}
    spec: {containers: [{name: app, image: registry.example.com/old:1}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {namespace: %[1]s, name: lone}
spec:
  selector: {matchLabels: {app: lone}}
  template:
    metadata: {labels: {app: lone}, annotations: {sidecar.istio.io/proxyImageType: debug}}
    spec: {containers: [{name: app, image: registry.example.com/lone:1}]}
`

// asked are the workloads of a namespace and what the real injector does to the pods of each.
var asked = map[string]truth{
	"deployment/app":            {injected: true, revision: oldRevision, image: oldImage, native: true},
	"deployment/refuses":        {},
	"deployment/gateway":        {injected: true, revision: oldRevision, image: oldImage},
	"deployment/own":            {injected: true, revision: oldRevision, image: "example.com/own:1", native: true},
	"deployment/old-proxy":      {},
	"statefulset/db":            {injected: true, revision: oldRevision, image: oldImage, native: true},
	"daemonset/agent":           {injected: true, revision: oldRevision, image: oldImage},
	"job/once":                  {injected: true, revision: oldRevision, image: oldImage, native: true},
	"replicationcontroller/old": {injected: true, revision: oldRevision, image: oldImage, native: true},
	"replicaset/lone":           {injected: true, revision: oldRevision, image: oldImage + "-debug", native: true},
	"pod/bare":                  {injected: true, revision: oldRevision, image: oldImage, native: true},
	"pod/bare-refuses":          {},
	"operator/custom":           {injected: true, revision: oldRevision, image: oldImage, native: true},
}

// createAsked makes the workloads, and returns the pods.
func createAsked(t *testing.T, lab *cluster.Cluster, namespace string) []corev1.Pod {
	t.Helper()
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	awaitServiceAccount(t, lab, namespace)
	apply(t, lab, fmt.Sprintf(workloadsManifest, namespace))
	never := withLabel("sidecar.istio.io/inject", "false")
	createDeployment(t, lab, newDeployment(namespace, "app", 2))
	createDeployment(t, lab, newDeployment(namespace, "refuses", 1, never))
	createDeployment(t, lab, newDeployment(namespace, "gateway", 1, withAnnotation("inject.istio.io/templates", "gateway"), asGateway))
	createDeployment(t, lab, newDeployment(namespace, "own", 1, withOwnProxy("example.com/own:1")))
	createDeployment(t, lab, newDeployment(namespace, "old-proxy", 1, never, withOwnProxy(oldImage)))
	custom := newPod(namespace, "custom-1", controlledBy(t, lab, namespace, "custom"))
	createPods(t, lab, newPod(namespace, "bare", scheduled), newPod(namespace, "bare-refuses", never), custom)
	return awaitAsked(t, lab, namespace)
}

// asGateway is the pod of Istio's gateway chart: all it has is the proxy that injection is to fill in.
func asGateway(p *corev1.Pod) {
	p.Spec.Containers = []corev1.Container{{Name: "istio-proxy", Image: "auto"}}
}

// controlledBy gives the pod a controller of a kind that nobody knows.
func controlledBy(t *testing.T, lab *cluster.Cluster, namespace, name string) podOption {
	t.Helper()
	made, err := lab.Client().CoreV1().ConfigMaps(namespace).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	return func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: "example.com/v1", Kind: "Operator", Name: name, UID: made.UID, Controller: &yes, BlockOwnerDeletion: &yes}}
	}
}

// awaitAsked waits until every workload has a pod.
func awaitAsked(t *testing.T, lab *cluster.Cluster, namespace string) []corev1.Pod {
	t.Helper()
	var pods []corev1.Pod
	eventually(t, time.Minute, func() error {
		list, err := lab.Client().CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		pods = list.Items
		seen := map[string]bool{}
		for i := range pods {
			seen[questionOf(&pods[i]).String()] = true
		}
		if len(seen) != len(asked) {
			return fmt.Errorf("%d workloads of %d have pods: %v", len(seen), len(asked), seen)
		}
		return nil
	})
	return pods
}

// question is what the asker reads: a workload, and one of its pods.
type question struct {
	Namespace, Group, Kind, Name, Pod string
}

func (q question) String() string { return strings.ToLower(q.Kind) + "/" + q.Name }

// questionOf names the workload of a pod. Of a ReplicaSet with a hash in its name it is the Deployment.
func questionOf(p *corev1.Pod) question {
	q := question{Namespace: p.Namespace, Kind: "Pod", Name: p.Name, Pod: p.Name}
	if c := metav1.GetControllerOf(p); c != nil {
		q.Group, q.Kind, q.Name = schema.FromAPIVersionAndKind(c.APIVersion, c.Kind).Group, c.Kind, c.Name
	}
	if hash := p.Labels["pod-template-hash"]; hash != "" {
		q.Kind, q.Name = "Deployment", strings.TrimSuffix(q.Name, "-"+hash)
	}
	return q
}

func questionsOf(pods []corev1.Pod) []question {
	var questions []question
	for i := range pods {
		questions = append(questions, questionOf(&pods[i]))
	}
	return questions
}

// whoMayAsk makes a user with the permissions that asking needs, but for those to list the kinds of a group, and returns
// the user's name.
func whoMayAsk(t *testing.T, lab *cluster.Cluster, user, without string) string {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: user}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"create", "list"}},
		{APIGroups: []string{""}, Resources: []string{"replicationcontrollers"}, Verbs: []string{"list"}},
	}}
	for group, resources := range map[string][]string{
		"apps": {"deployments", "replicasets", "statefulsets", "daemonsets"}, "batch": {"jobs"},
	} {
		if group != without {
			role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: []string{"list"}})
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
	return user
}

// TestTheInjectorIsAskedOnceAboutEveryWorkload compares what is told of each workload with what was done to its pods.
func TestTheInjectorIsAskedOnceAboutEveryWorkload(t *testing.T) {
	lab := sharedLab(t)
	const namespace = "asked"
	pods := createAsked(t, lab, namespace)
	for without, gaps := range map[string]int{"": 0, "apps": 4} {
		t.Run("without a right to "+without, func(t *testing.T) {
			user := whoMayAsk(t, lab, "asks-without-"+without, without)
			r := runAsker(t, lab, user, "each", questionsOf(pods))
			tellsTheTruth(t, namespace, pods, answersOf(t, r))
			asksOnce(t, lab, user)
			if got := strings.Count(r.stderr, "warning: cannot read the templates of "); got != gaps {
				t.Errorf("%d gaps, want %d: %s", got, gaps, r.stderr)
			}
		})
	}
}

func tellsTheTruth(t *testing.T, namespace string, pods []corev1.Pod, answers map[string]told) {
	t.Helper()
	if len(answers) != len(asked) {
		t.Errorf("%d answers, want %d", len(answers), len(asked))
	}
	for i := range pods {
		name := questionOf(&pods[i]).String()
		a, ok := answers[namespace+"/"+name]
		done, want := observe(&pods[i]), asked[name]
		if !ok || a.Class != "" || a.truth() != done || done != want {
			t.Errorf("%s:\n  told %+v\n  done %+v\n  want %+v", name, a, done, want)
		}
	}
	if a := answers[namespace+"/deployment/old-proxy"]; a.Image != oldImage {
		t.Errorf("the proxy in the pod's own template is %+v", a)
	}
}

// asksOnce finds in the audit log one dry run for every workload, and otherwise only lists.
func asksOnce(t *testing.T, lab *cluster.Cluster, user string) {
	t.Helper()
	events, _, err := audit.Read(lab.AuditLog(), 0)
	if err != nil {
		t.Fatal(err)
	}
	dryRuns := 0
	for _, e := range events {
		if e.ImpersonatedUser == nil || e.ImpersonatedUser.Username != user {
			continue
		}
		switch {
		case e.Verb == "create" && strings.HasSuffix(e.RequestURI, "/pods?dryRun=All&fieldManager=kubectl-mesh"):
			dryRuns++
		case e.Verb != "list":
			t.Errorf("sent %s %s", e.Verb, e.RequestURI)
		}
	}
	if dryRuns != len(asked) {
		t.Errorf("%d dry runs for %d workloads", dryRuns, len(asked))
	}
}

// TestWhatOtherWebhooksDoIsTold: the answer is what comes of all webhooks together, not of Istio's alone.
func TestWhatOtherWebhooksDoIsTold(t *testing.T) {
	lab := sharedLab(t)
	const namespace = "mutated"
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	awaitServiceAccount(t, lab, namespace)
	interpose(t, lab, namespace, changing(t, func(p *corev1.Pod) {
		for i := range p.Spec.InitContainers {
			if p.Spec.InitContainers[i].Name == "istio-proxy" {
				p.Spec.InitContainers[i].Image = "mirror.example.com/proxyv2:7"
			}
		}
	}))
	createDeployment(t, lab, newDeployment(namespace, "app", 1))
	got := answersOf(t, runAsker(t, lab, "", "each", []question{{Namespace: namespace, Group: "apps", Kind: "Deployment", Name: "app"}}))
	want := truth{injected: true, revision: oldRevision, image: "mirror.example.com/proxyv2:7", native: true}
	if a := got[namespace+"/deployment/app"]; a.truth() != want {
		t.Errorf("told %+v, want %v", a, want)
	}
}

// TestAWorkloadThatIsGoneCannotBeAskedAbout: neither its template nor its pod is there any more.
func TestAWorkloadThatIsGoneCannotBeAskedAbout(t *testing.T) {
	lab := sharedLab(t)
	got := answersOf(t, runAsker(t, lab, "", "each", []question{
		{Namespace: "default", Group: "apps", Kind: "Deployment", Name: "gone", Pod: "gone-1"}}))
	want := "neither the template of deployment/gone nor pod gone-1 exists in namespace default any more"
	if a := got["default/deployment/gone"]; a.Class != "unasked" || a.Cause != want {
		t.Errorf("told %+v", a)
	}
}
