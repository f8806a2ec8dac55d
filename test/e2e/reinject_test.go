package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// patience is for what the lab does in a moment, unless the machine is busy with something else.
const patience = 4 * time.Minute

// restartItem mirrors a workload of a plan and of a report, on purpose apart from the product's own types.
type restartItem struct {
	Namespace string `json:"namespace"`
	Workload  struct {
		Kind string `json:"kind"`
		Name string `json:"name"`
	} `json:"workload"`
	Action      string           `json:"action"`
	Method      string           `json:"method"`
	Pods        int              `json:"pods"`
	Stale       int              `json:"stale"`
	Reason      string           `json:"reason"`
	Command     string           `json:"command"`
	GracePeriod map[string]int64 `json:"gracePeriod"`
	Surge       bool             `json:"surge"`
	Warnings    []string         `json:"warnings"`
	// The rest is only in reports.
	Outcome  string `json:"outcome"`
	Message  string `json:"message"`
	Replaced int    `json:"replaced"`
}

// reinjection is what a run printed and how it ended.
type reinjection struct {
	result
	t     *testing.T
	items map[string]restartItem // by "deployment/web"
}

// restarted reads what `kubectl mesh-reinject -o json` printed.
func restarted(t *testing.T, kind string, r result) reinjection {
	t.Helper()
	run := reinjection{r, t, map[string]restartItem{}}
	if r.stdout == "" {
		return run
	}
	satisfies(t, kind, r.stdout)
	var list struct {
		Items []restartItem `json:"items"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		t.Fatalf("reading what was printed: %v\nstdout: %s\nstderr: %s", err, r.stdout, r.stderr)
	}
	for _, i := range list.Items {
		run.items[strings.ToLower(i.Workload.Kind)+"/"+i.Workload.Name] = i
	}
	return run
}

// exits fails the test at once where the command ended otherwise: nothing else would tell more.
func (r reinjection) exits(code int) reinjection {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// says wants a text on stderr.
func (r reinjection) says(text string) reinjection {
	r.t.Helper()
	if !strings.Contains(r.stderr, text) {
		r.t.Errorf("stderr lacks %q:\n%s", text, r.stderr)
	}
	return r
}

// has returns the item of a workload, which must be there.
func (r reinjection) has(workload string) restartItem {
	r.t.Helper()
	i, ok := r.items[workload]
	if !ok {
		r.t.Fatalf("%s is not there\nstdout: %s\nstderr: %s", workload, r.stdout, r.stderr)
	}
	return i
}

// ends wants an outcome for a workload, and a text in its message.
func (r reinjection) ends(workload, outcome, message string) reinjection {
	r.t.Helper()
	if i := r.has(workload); i.Outcome != outcome || !strings.Contains(i.Message, message) {
		r.t.Errorf("%s: %s (%s), want %s (%s)\nstderr: %s", workload, i.Outcome, i.Message, outcome, message, r.stderr)
	}
	return r
}

// only wants these workloads, and no others.
func (r reinjection) only(workloads ...string) reinjection {
	r.t.Helper()
	var got []string
	for w := range r.items {
		got = append(got, w)
	}
	slices.Sort(got)
	slices.Sort(workloads)
	if !slices.Equal(got, workloads) {
		r.t.Errorf("got %v, want %v", got, workloads)
	}
	return r
}

// mover is a namespace of one test, whose pods follow the revision that its label names at the time.
type mover struct {
	t         *testing.T
	lab       *cluster.Cluster
	namespace string
}

// newMover makes a namespace that follows the old revision. Its test runs beside others.
func newMover(t *testing.T, namespace string) mover {
	t.Helper()
	t.Parallel()
	m := mover{t, sharedLab(t), namespace}
	createNamespace(t, m.lab, namespace, nil)
	awaitServiceAccount(t, m.lab, namespace)
	m.follow(oldRevision)
	return m
}

// follow has the namespace name a revision or tag, and returns once the real injector goes by it.
func (m mover) follow(revision string) {
	m.t.Helper()
	relabel(m.t, m.lab, m.namespace, "istio.io/rev="+revision)
	eventually(m.t, patience, func() error {
		got, err := ask(m.t.Context(), m.lab, newPod(m.namespace, "follows"))
		if err == nil && got.revision != revision {
			err = fmt.Errorf("namespace %s does not follow %s yet: %v", m.namespace, revision, got)
		}
		return err
	})
}

// plan says what would be done; nothing is.
func (m mover) plan(args ...string) reinjection {
	m.t.Helper()
	args = append([]string{"mesh-reinject", "-n", m.namespace, "--dry-run=client", "-o", "json"}, args...)
	return restarted(m.t, "restartplan", kubectl(m.t, m.lab, args...))
}

func (m mover) reinject(args ...string) reinjection {
	m.t.Helper()
	return restarted(m.t, "restartreport", kubectl(m.t, m.lab, m.command(args...)...))
}

func (m mover) command(args ...string) []string {
	return append([]string{"mesh-reinject", "-n", m.namespace, "-o", "json"}, args...)
}

// through is reinject by way of a gate.
func (m mover) through(g *gate, args ...string) reinjection {
	m.t.Helper()
	env := []string{"KUBECONFIG=" + g.kubeconfig()}
	return restarted(m.t, "restartreport", kubectlWith(m.t, m.lab.Tool("kubectl"), env, m.command(args...)...))
}

// create makes Deployments, StatefulSets, DaemonSets and ReplicaSets, and pods.
func (m mover) create(objects ...metav1.Object) {
	m.t.Helper()
	apps, ctx, o := m.lab.Client().AppsV1(), m.t.Context(), metav1.CreateOptions{}
	for _, object := range objects {
		var err error
		switch x := object.(type) {
		case *appsv1.Deployment:
			_, err = apps.Deployments(m.namespace).Create(ctx, x, o)
		case *appsv1.StatefulSet:
			_, err = apps.StatefulSets(m.namespace).Create(ctx, x, o)
		case *appsv1.DaemonSet:
			_, err = apps.DaemonSets(m.namespace).Create(ctx, x, o)
		case *appsv1.ReplicaSet:
			_, err = apps.ReplicaSets(m.namespace).Create(ctx, x, o)
		case *corev1.Pod:
			_, err = m.lab.Client().CoreV1().Pods(m.namespace).Create(ctx, x, o)
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

// deployment builds one whose pods are like the pod that the options make.
func (m mover) deployment(name string, replicas int32, options ...podOption) *appsv1.Deployment {
	return newDeployment(m.namespace, name, replicas, options...)
}

// changed is a Deployment after a change.
func changed(d *appsv1.Deployment, change func(*appsv1.DeploymentSpec)) *appsv1.Deployment {
	change(&d.Spec)
	return d
}

func paused(s *appsv1.DeploymentSpec)    { s.Paused = true }
func recreated(s *appsv1.DeploymentSpec) { s.Strategy.Type = appsv1.RecreateDeploymentStrategyType }

// withoutSpare has a Deployment make room for each new pod first.
func withoutSpare(unavailable string) func(*appsv1.DeploymentSpec) {
	none, all := intstr.FromInt32(0), intstr.Parse(unavailable)
	return func(s *appsv1.DeploymentSpec) {
		s.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: &none, MaxUnavailable: &all}
	}
}

// statefulSet builds one whose pods are made at the same time. A partition below 0 is OnDelete.
func (m mover) statefulSet(name string, replicas, partition int32, options ...podOption) *appsv1.StatefulSet {
	d := m.deployment(name, replicas, options...)
	s := &appsv1.StatefulSet{ObjectMeta: d.ObjectMeta, Spec: appsv1.StatefulSetSpec{
		Replicas: d.Spec.Replicas, Selector: d.Spec.Selector, Template: d.Spec.Template, ServiceName: name,
		PodManagementPolicy: appsv1.ParallelPodManagement,
	}}
	if s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType; partition >= 0 {
		s.Spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType
		s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition}
	}
	return s
}

// daemonSet builds one with a single pod.
func (m mover) daemonSet(name string, strategy appsv1.DaemonSetUpdateStrategyType, options ...podOption) *appsv1.DaemonSet {
	d := m.deployment(name, 1, append(options, onOneNode)...)
	return &appsv1.DaemonSet{ObjectMeta: d.ObjectMeta, Spec: appsv1.DaemonSetSpec{
		Selector: d.Spec.Selector, Template: d.Spec.Template, UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: strategy},
	}}
}

func (m mover) replicaSet(name string, replicas int32) *appsv1.ReplicaSet {
	d := m.deployment(name, replicas)
	return &appsv1.ReplicaSet{ObjectMeta: d.ObjectMeta, Spec: appsv1.ReplicaSetSpec{
		Replicas: d.Spec.Replicas, Selector: d.Spec.Selector, Template: d.Spec.Template,
	}}
}

func onOneNode(p *corev1.Pod) {
	p.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
			{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"node-1"}}}}}}}}
}

func withGracePeriod(seconds int64) podOption {
	return func(p *corev1.Pod) { p.Spec.TerminationGracePeriodSeconds = &seconds }
}

// notReadyOn has a pod with a proxy of that version run and not become ready until it is released.
func notReadyOn(version string) podOption { return onVersion(version, "ready-never", "true") }

// onVersion gives a pod with a proxy of that version something to do in the lab.
func onVersion(version, what, value string) podOption {
	return func(p *corev1.Pod) {
		p.Annotations["lab.mesh.kubectl.dev/when-image"] = ":" + version
		p.Annotations["lab.mesh.kubectl.dev/"+what] = value
	}
}

// release lets pods become ready, those that come later too, until the test ends.
func (m mover) release() {
	go func() {
		for m.t.Context().Err() == nil {
			// Pods go at any time, and then there is nothing to release.
			_, _ = m.lab.Kubectl(m.t.Context(), "annotate", "pods", "--all", "-n", m.namespace, "--overwrite",
				"lab.mesh.kubectl.dev/ready-never-", "lab.mesh.kubectl.dev/ready-delay=1ms")
			time.Sleep(time.Second)
		}
	}()
}

// livePods returns the pods that are there to stay.
func (m mover) livePods() []corev1.Pod {
	m.t.Helper()
	list, err := m.lab.Client().CoreV1().Pods(m.namespace).List(m.t.Context(), metav1.ListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
}

// uids returns the UIDs of the pods of each workload.
func (m mover) uids() map[string][]string {
	m.t.Helper()
	uids := map[string][]string{}
	for _, p := range m.livePods() {
		w := questionOf(&p).String()
		if hash := p.Labels["rollouts-pod-template-hash"]; hash != "" {
			w = "rollout/" + strings.TrimSuffix(strings.TrimPrefix(w, "replicaset/"), "-"+hash)
		}
		uids[w] = append(uids[w], string(p.UID))
	}
	for _, of := range uids {
		slices.Sort(of)
	}
	return uids
}

// settles waits until there are so many pods, all of them ready.
func (m mover) settles(pods int) {
	m.t.Helper()
	eventually(m.t, patience, func() error {
		live := m.livePods()
		ready := len(live) - len(slices.DeleteFunc(slices.Clone(live), isReady))
		if len(live) != pods || ready != pods {
			return fmt.Errorf("namespace %s has %d pods, %d of them ready, want %d", m.namespace, len(live), ready, pods)
		}
		return nil
	})
}

func isReady(p corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// statuses counts, for each workload, the pods of each status that mesh-proxyver shows.
func (m mover) statuses() map[string]map[string]int {
	m.t.Helper()
	counts := map[string]map[string]int{}
	for _, i := range proxyver(m.t, m.lab, "-n", m.namespace) {
		w := strings.ToLower(i.Workload.Kind) + "/" + i.Workload.Name
		if counts[w] == nil {
			counts[w] = map[string]int{}
		}
		counts[w][i.Status]++
	}
	return counts
}

// current wants every pod of a workload to be current, and so many of them.
func (m mover) current(workload string, pods int) {
	m.t.Helper()
	if got := m.statuses()[workload]; len(got) != 1 || got["current"] != pods {
		m.t.Errorf("%s: %v, want %d current", workload, got, pods)
	}
}

// state says of every workload which of its specs it is, and which its pods are.
func (m mover) state() map[string]string {
	m.t.Helper()
	out, err := m.lab.Kubectl(m.t.Context(), "get", "deployments,statefulsets,daemonsets,replicasets,replicationcontrollers", "-n", m.namespace,
		"-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.generation}{"\n"}{end}`)
	if err != nil {
		m.t.Fatal(err)
	}
	state := map[string]string{}
	for line := range strings.Lines(out) {
		w, generation, _ := strings.Cut(strings.TrimSpace(line), " ")
		state[strings.ToLower(w)] = "generation " + generation
	}
	for w, uids := range m.uids() {
		state[w] += ", pods " + strings.Join(uids, " ")
	}
	return state
}

// untouched wants workloads to be as they were.
func (m mover) untouched(before map[string]string, workloads ...string) {
	m.t.Helper()
	after := m.state()
	for _, w := range workloads {
		if before[w] == "" || after[w] != before[w] {
			m.t.Errorf("%s was touched: it was %q and is %q", w, before[w], after[w])
		}
	}
}

// getDeployment returns a Deployment as it is.
func (m mover) getDeployment(name string) *appsv1.Deployment {
	m.t.Helper()
	d, err := m.lab.Client().AppsV1().Deployments(m.namespace).Get(m.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	return d
}
