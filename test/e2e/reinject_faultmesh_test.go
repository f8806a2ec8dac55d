package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// patience is how long something may take that is only waited for: a test must not fail because its machine is slow.
const patience = 5 * time.Minute

// staleMesh is a namespace whose workloads run the old revision's proxy and would get the new one's.
type staleMesh struct {
	lab       *cluster.Cluster
	namespace string
}

// making builds a workload for a namespace, and says how many pods it has.
type making func(namespace string) (workload runtime.Object, pods int)

// labNodes is how many nodes the labs have, and with them pods each DaemonSet.
const labNodes = 3

func aDeployment(name string, replicas int32, options ...podOption) making {
	return func(namespace string) (runtime.Object, int) {
		d := newDeployment(namespace, name, replicas, options...)
		d.Spec.RevisionHistoryLimit = keepAll()
		return d, int(replicas)
	}
}

func aStatefulSet(name string, replicas int32, options ...podOption) making {
	return func(namespace string) (runtime.Object, int) {
		d := newDeployment(namespace, name, replicas, options...)
		return &appsv1.StatefulSet{ObjectMeta: d.ObjectMeta, Spec: appsv1.StatefulSetSpec{
			Replicas: d.Spec.Replicas, Selector: d.Spec.Selector, Template: d.Spec.Template, RevisionHistoryLimit: keepAll(),
		}}, int(replicas)
	}
}

// anOnDelete is a StatefulSet whose pods are replaced only once somebody deletes them.
func anOnDelete(name string, replicas int32, options ...podOption) making {
	return func(namespace string) (runtime.Object, int) {
		o, pods := aStatefulSet(name, replicas, options...)(namespace)
		o.(*appsv1.StatefulSet).Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
		return o, pods
	}
}

func aDaemonSet(name string, options ...podOption) making {
	return func(namespace string) (runtime.Object, int) {
		d := newDeployment(namespace, name, 0, options...)
		return &appsv1.DaemonSet{ObjectMeta: d.ObjectMeta, Spec: appsv1.DaemonSetSpec{
			Selector: d.Spec.Selector, Template: d.Spec.Template, RevisionHistoryLimit: keepAll(),
		}}, labNodes
	}
}

func aReplicationController(name string, replicas int32, options ...podOption) making {
	return func(namespace string) (runtime.Object, int) {
		d := newDeployment(namespace, name, replicas, options...)
		return &corev1.ReplicationController{ObjectMeta: d.ObjectMeta, Spec: corev1.ReplicationControllerSpec{
			Replicas: d.Spec.Replicas, Selector: d.Spec.Selector.MatchLabels, Template: &d.Spec.Template,
		}}, int(replicas)
	}
}

// keepAll has old versions of a template kept, so that they can be counted.
func keepAll() *int32 {
	limit := int32(1000)
	return &limit
}

// onlyWhenNew has an annotation of the lab hold only for pods with the new revision's proxy: what works until the restart.
func onlyWhenNew(annotation, value string) podOption {
	return func(p *corev1.Pod) {
		withAnnotation("lab.mesh.kubectl.dev/"+annotation, value)(p)
		withAnnotation("lab.mesh.kubectl.dev/when-image", ":"+newVersion)(p)
	}
}

// newStale makes a stale mesh of the workloads.
func newStale(t *testing.T, lab *cluster.Cluster, namespace string, workloads ...making) *staleMesh {
	t.Helper()
	createNamespace(t, lab, namespace, labels{"istio.io/rev": oldRevision})
	m := &staleMesh{lab, namespace}
	pods := 0
	for _, make := range workloads {
		o, n := make(namespace)
		m.create(t, o)
		pods += n
	}
	m.awaitReady(t, pods)
	m.follow(t, newRevision)
	return m
}

func (m *staleMesh) create(t *testing.T, object runtime.Object) {
	t.Helper()
	var err error
	switch apps := m.lab.Client().AppsV1(); o := object.(type) {
	case *appsv1.Deployment:
		_, err = apps.Deployments(m.namespace).Create(t.Context(), o, metav1.CreateOptions{})
	case *appsv1.StatefulSet:
		_, err = apps.StatefulSets(m.namespace).Create(t.Context(), o, metav1.CreateOptions{})
	case *appsv1.DaemonSet:
		_, err = apps.DaemonSets(m.namespace).Create(t.Context(), o, metav1.CreateOptions{})
	case *corev1.ReplicationController:
		_, err = m.lab.Client().CoreV1().ReplicationControllers(m.namespace).Create(t.Context(), o, metav1.CreateOptions{})
	default:
		t.Fatalf("%T is no workload", object)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// awaitReady waits until there are so many pods, all of them ready.
func (m *staleMesh) awaitReady(t *testing.T, want int) {
	t.Helper()
	eventually(t, patience, func() error {
		ready := 0
		pods := m.pods(t)
		for i := range pods {
			if isReady(&pods[i]) {
				ready++
			}
		}
		if len(pods) != want || ready != want {
			return fmt.Errorf("in %s %d of %d pods are ready, want %d", m.namespace, ready, len(pods), want)
		}
		return nil
	})
}

// follow has the namespace follow a revision, and returns once its injector is the one that is called.
func (m *staleMesh) follow(t *testing.T, revision string) {
	t.Helper()
	relabel(t, m.lab, m.namespace, "istio.io/rev="+revision)
	eventually(t, patience, func() error {
		got, err := ask(t.Context(), m.lab, newPod(m.namespace, "asks"))
		if err == nil && got.revision != revision {
			err = fmt.Errorf("%s is injected by %q, not %s", m.namespace, got.revision, revision)
		}
		return err
	})
}

// pods are those that there are and that are not on their way out.
func (m *staleMesh) pods(t *testing.T) []corev1.Pod {
	t.Helper()
	list, err := m.lab.Client().CoreV1().Pods(m.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
}

func isReady(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// runs says, for each workload by its name, of which revisions its pods' proxies are: "1-22 1-22 1-23?", with a question
// mark for a pod that is not ready.
func (m *staleMesh) runs(t *testing.T) map[string]string {
	t.Helper()
	words := map[string][]string{}
	for _, p := range m.pods(t) {
		word := p.Annotations["istio.io/rev"]
		if !isReady(&p) {
			word += "?"
		}
		words[p.Labels["app"]] = append(words[p.Labels["app"]], word)
	}
	runs := map[string]string{}
	for name, w := range words {
		slices.Sort(w)
		runs[name] = strings.Join(w, " ")
	}
	return runs
}

func (m *staleMesh) wantRuns(t *testing.T, want map[string]string) {
	t.Helper()
	if got := m.runs(t); !maps.Equal(got, want) {
		t.Errorf("in %s runs %v, want %v", m.namespace, got, want)
	}
}

// templates counts the versions that each workload's template has had, by the workload's name.
func (m *staleMesh) templates(t *testing.T) map[string]int {
	t.Helper()
	counts := map[string]int{}
	sets, err := m.lab.Client().AppsV1().ReplicaSets(m.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sets.Items {
		counts[metav1.GetControllerOf(&s).Name]++
	}
	revisions, err := m.lab.Client().AppsV1().ControllerRevisions(m.namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range revisions.Items {
		counts[metav1.GetControllerOf(&r).Name]++
	}
	return counts
}

// wantTemplates: a workload that was never restarted has had one version, one that was rolled once has had two.
func (m *staleMesh) wantTemplates(t *testing.T, want map[string]int) {
	t.Helper()
	if got := m.templates(t); !maps.Equal(got, want) {
		t.Errorf("in %s the templates have had versions %v, want %v", m.namespace, got, want)
	}
}

// budget makes a PodDisruptionBudget for a workload's pods that allows no eviction, and returns once it holds.
func (m *staleMesh) budget(t *testing.T, app string) {
	t.Helper()
	none := intstr.FromInt32(0)
	budgets := m.lab.Client().PolicyV1().PodDisruptionBudgets(m.namespace)
	b := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: app}, Spec: policyv1.PodDisruptionBudgetSpec{
		MaxUnavailable: &none, Selector: &metav1.LabelSelector{MatchLabels: labels{"app": app}},
	}}
	if _, err := budgets.Create(t.Context(), b, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		now, err := budgets.Get(t.Context(), app, metav1.GetOptions{})
		if err == nil && (now.Status.ObservedGeneration < now.Generation || now.Status.ExpectedPods == 0) {
			err = fmt.Errorf("budget %s of %s is not in force yet", app, m.namespace)
		}
		return err
	})
}

// quota allows the namespace no more pods than it has, and returns once it holds.
func (m *staleMesh) quota(t *testing.T) {
	t.Helper()
	quotas := m.lab.Client().CoreV1().ResourceQuotas(m.namespace)
	q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "full"}, Spec: corev1.ResourceQuotaSpec{
		Hard: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(int64(len(m.pods(t))), resource.DecimalSI)},
	}}
	if _, err := quotas.Create(t.Context(), q, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, func() error {
		now, err := quotas.Get(t.Context(), q.Name, metav1.GetOptions{})
		if err == nil && now.Status.Used.Pods().Cmp(*q.Spec.Hard.Pods()) != 0 {
			err = fmt.Errorf("the quota of %s does not count its pods yet", m.namespace)
		}
		return err
	})
}

// change patches an object of the namespace by kubectl.
func (m *staleMesh) change(t *testing.T, args ...string) {
	t.Helper()
	if _, err := m.lab.Kubectl(context.WithoutCancel(t.Context()), append([]string{"-n", m.namespace}, args...)...); err != nil {
		t.Fatal(err)
	}
}
