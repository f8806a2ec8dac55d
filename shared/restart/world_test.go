package restart

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

const (
	oldImage = "docker.io/istio/proxyv2:1.22.0"
	newImage = "docker.io/istio/proxyv2:1.23.0"
)

var (
	deployments = appsv1.SchemeGroupVersion.WithResource("deployments")
	replicaSets = appsv1.SchemeGroupVersion.WithResource("replicasets")
	podResource = corev1.SchemeGroupVersion.WithResource("pods")
	autoscalers = autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers")
)

// world is a simulated cluster with a controller of Deployments that is done with a rollout at once.
type world struct {
	t     *testing.T
	kube  *fake.Clientset
	meta  *metadatafake.FakeMetadataClient
	mutex sync.Mutex
	// patches counts the patches of each Deployment.
	patches map[string]int
	// refuse answers the nth patch of a Deployment, nil takes it; injector answers dry runs; born changes new pods; rolled comes
	// after a rollout.
	refuse   func(name string, n int) error
	injector func(pod *corev1.Pod) error
	born     func(*corev1.Pod)
	rolled   func(name string)
	// lost comes in place of the answer to the first patch that was taken.
	lost error
}

func newWorld(t *testing.T) *world {
	scheme := runtime.NewScheme()
	_ = metav1.AddMetaToScheme(scheme)
	w := &world{t: t, kube: fake.NewSimpleClientset(), meta: metadatafake.NewSimpleMetadataClient(scheme), patches: map[string]int{},
		refuse: func(string, int) error { return nil }, injector: func(pod *corev1.Pod) error {
			fixture.Injected("1-23", newImage)(pod)
			return nil
		}, born: func(*corev1.Pod) {}, rolled: func(string) {}}
	w.kube.PrependReactor("create", "pods", w.create)
	w.kube.PrependReactor("patch", "deployments", w.patch)
	return w
}

func (w *world) clients() *cluster.Clients { return &cluster.Clients{Kube: w.kube, Metadata: w.meta} }

// must ends the test where the simulation itself does not work.
func (w *world) must(err error) {
	if err != nil {
		w.t.Error(err)
	}
}

// create answers a dry run as the injector does, and creates other pods with what it gives.
func (w *world) create(a clienttesting.Action) (bool, runtime.Object, error) {
	create := a.(clienttesting.CreateActionImpl)
	pod := create.GetObject().(*corev1.Pod).DeepCopy()
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	if err := w.injector(pod); err != nil {
		return true, nil, err
	}
	if len(create.CreateOptions.DryRun) == 0 {
		pod.UID = "created"
		ready(pod)
		w.must(w.kube.Tracker().Create(podResource, pod, pod.Namespace))
	}
	return true, pod, nil
}

func ready(pod *corev1.Pod) {
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
}

// patch takes a patch of a Deployment and does what its controller would.
func (w *world) patch(a clienttesting.Action) (bool, runtime.Object, error) {
	name := a.(clienttesting.PatchAction).GetName()
	w.mutex.Lock()
	w.patches[name]++
	n := w.patches[name]
	w.mutex.Unlock()
	if err := w.refuse(name, n); err != nil {
		return true, nil, err
	}
	before := w.deployment(name)
	_, patched, err := clienttesting.ObjectReaction(w.kube.Tracker())(a)
	if err != nil {
		return true, nil, testFailed()
	}
	d := patched.(*appsv1.Deployment)
	w.reconcile(before, d)
	lost := w.lost
	w.lost = nil
	return true, d, lost
}

// reconcile makes new pods where the template has changed, and as many as there should be.
func (w *world) reconcile(before, d *appsv1.Deployment) {
	d.Generation = before.Generation + 1
	if fmt.Sprint(before.Spec.Template) != fmt.Sprint(d.Spec.Template) {
		w.replacePods(d)
	} else if *before.Spec.Replicas > *d.Spec.Replicas {
		w.must(w.kube.Tracker().Delete(podResource, "shop", w.podsOf(d.Name)[0]))
	}
	w.settle(d)
	w.must(w.kube.Tracker().Update(deployments, d, "shop"))
	w.rolled(d.Name)
}

func (w *world) replacePods(d *appsv1.Deployment) {
	gone := w.podsOf(d.Name)
	revision := fmt.Sprint(d.Generation)
	d.Annotations[rollout.DeploymentRevision] = revision
	w.replicaSet(d, revision)
	for i := range int(*d.Spec.Replicas) {
		w.pod(d.Name, revision, i, newImage, w.born)
	}
	for _, name := range gone {
		w.must(w.kube.Tracker().Delete(podResource, "shop", name))
	}
}

// settle has the status say that all is done.
func (w *world) settle(d *appsv1.Deployment) {
	n := *d.Spec.Replicas
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, AvailableReplicas: n}
}

func (w *world) deployment(name string) *appsv1.Deployment {
	o, err := w.kube.Tracker().Get(deployments, "shop", name)
	if err != nil {
		return nil
	}
	return o.(*appsv1.Deployment).DeepCopy()
}

// change edits a Deployment as somebody else would.
func (w *world) change(name string, edit func(*appsv1.Deployment)) {
	d := w.deployment(name)
	edit(d)
	w.must(w.kube.Tracker().Update(deployments, d, "shop"))
}

func (w *world) podsOf(name string) (names []string) {
	list, err := w.kube.Tracker().List(podResource, corev1.SchemeGroupVersion.WithKind("Pod"), "shop")
	w.must(err)
	for _, p := range list.(*corev1.PodList).Items {
		if strings.HasPrefix(p.Name, name+"-") {
			names = append(names, p.Name)
		}
	}
	return names
}

func (w *world) replicaSet(d *appsv1.Deployment, revision string) {
	set := &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: d.Name + "-" + revision, UID: types.UID(d.Name + "-" + revision),
			Annotations: map[string]string{rollout.DeploymentRevision: revision}},
	}
	isController := true
	set.OwnerReferences = []metav1.OwnerReference{{Kind: "Deployment", Name: d.Name, UID: d.UID, Controller: &isController}}
	w.must(w.meta.Tracker().Create(replicaSets, set, "shop"))
}

func (w *world) pod(name, revision string, i int, image string, change func(*corev1.Pod)) {
	rev := map[string]string{oldImage: "1-22", newImage: "1-23"}[image]
	p := fixture.Pod(fmt.Sprintf("shop/%s-%s-%d", name, revision, i), fixture.Injected(rev, image))
	p.UID = types.UID(p.Name)
	fixture.ControlledBy("apps/v1", "ReplicaSet", name+"-"+revision)(p)
	p.OwnerReferences[0].UID = types.UID(name + "-" + revision)
	ready(p)
	change(p)
	w.must(w.kube.Tracker().Create(podResource, p, "shop"))
}

// deploy makes a Deployment whose pods are old, and returns the step that restarts it.
func (w *world) deploy(name string, replicas int32) restartplan.Step {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name), Generation: 1,
			Labels: map[string]string{"app": name}, Annotations: map[string]string{rollout.DeploymentRevision: "1"}},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas},
	}
	w.settle(d)
	w.must(w.kube.Tracker().Create(deployments, d, "shop"))
	w.replicaSet(d, "1")
	for i := range int(replicas) {
		w.pod(name, "1", i, oldImage, func(*corev1.Pod) {})
	}
	s := restartplan.Step{Ref: workload.Ref{Group: "apps", Kind: "Deployment", Name: name}, UID: d.UID,
		Expected: v1alpha1.Expected{Injected: true, Image: newImage, Revision: "1-23"}}
	s.Namespace, s.Workload = "shop", v1alpha1.Workload{Kind: "Deployment", Name: name}
	s.Action, s.Method, s.Wave, s.Pods, s.Stale = v1alpha1.Restart, v1alpha1.ByRestart, 1, int(replicas), int(replicas)
	return s
}
