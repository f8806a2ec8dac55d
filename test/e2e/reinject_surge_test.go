package e2e

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/intercept"
)

const (
	surging            = "--surge-singletons"
	surgedLabel        = "mesh.kubectl.dev/surged"
	restoreReplicas    = "mesh.kubectl.dev/restore-replicas"
	restoreMinReplicas = "mesh.kubectl.dev/restore-min-replicas"
)

// singleton is a Deployment of one replica that takes its pod down before it makes another one: alone it cannot be restarted
// without a moment that nobody serves.
func (m mover) singleton(name string, options ...podOption) *appsv1.Deployment {
	return changed(m.deployment(name, 1, options...), withoutSpare("1"))
}

// wantReplicas wants a Deployment to have so many replicas, and no note or mark of a restart.
func (m mover) wantReplicas(name string, replicas int32) {
	m.t.Helper()
	d := m.getDeployment(name)
	if *d.Spec.Replicas != replicas || d.Annotations[restoreReplicas] != "" || d.Labels[surgedLabel] != "" {
		m.t.Errorf("%s has %d replicas, want %d: %v, %v", name, *d.Spec.Replicas, replicas, d.Annotations, d.Labels)
	}
}

// serving follows how many pods serve, and which replicas a Deployment has with which notes.
type serving struct {
	mutex  sync.Mutex
	least  int
	states map[string]bool
	ready  map[types.UID]bool
}

// watchServing watches the namespace until the test ends.
func (m mover) watchServing() *serving {
	m.t.Helper()
	s := &serving{least: 99, states: map[string]bool{}, ready: map[types.UID]bool{}}
	ctx := m.t.Context()
	list, err := m.lab.Client().CoreV1().Pods(m.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	for i := range list.Items {
		s.see(&list.Items[i], false)
	}
	pods, err := m.lab.Client().CoreV1().Pods(m.namespace).Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		m.t.Fatal(err)
	}
	deployments, err := m.lab.Client().AppsV1().Deployments(m.namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	go func() {
		for e := range pods.ResultChan() {
			if p, ok := e.Object.(*corev1.Pod); ok {
				s.see(p, e.Type == "DELETED")
			}
		}
	}()
	go func() {
		for e := range deployments.ResultChan() {
			if d, ok := e.Object.(*appsv1.Deployment); ok {
				s.note(d)
			}
		}
	}()
	return s
}

func (s *serving) see(p *corev1.Pod, gone bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.ready, p.UID)
	if !gone && p.DeletionTimestamp == nil && isReady(p) {
		s.ready[p.UID] = true
	}
	s.least = min(s.least, len(s.ready))
}

func (s *serving) note(d *appsv1.Deployment) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.states[fmt.Sprintf("%d, %s, %s", *d.Spec.Replicas, d.Annotations[restoreReplicas], d.Labels[surgedLabel])] = true
}

// neverNone wants somebody to have served at any time.
func (s *serving) neverNone(t *testing.T) {
	t.Helper()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.least < 1 {
		t.Error("there was a moment that nobody served")
	}
}

// saw waits until all that is wanted was seen, as it comes a moment later.
func (s *serving) saw(t *testing.T, states ...string) {
	t.Helper()
	eventually(t, patience, func() error {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		for _, state := range states {
			if !s.states[state] {
				return fmt.Errorf("seen: %v, want %q", s.states, state)
			}
		}
		return nil
	})
}

// TestReinjectHasASingletonAtTwoReplicasWhileItRestarts watches a Deployment that would be down for a moment otherwise.
func TestReinjectHasASingletonAtTwoReplicasWhileItRestarts(t *testing.T) {
	m := newMover(t, "reinject-surge")
	m.create(m.singleton("web", withAnnotation("lab.mesh.kubectl.dev/ready-delay", "1s")))
	m.settles(1)
	m.follow(newRevision)
	s := m.watchServing()
	g := openGate(t, m.lab, nil)
	if i := m.through(g, surging).exits(0).ends("deployment/web", "restarted", "").has("deployment/web"); !i.Surge {
		t.Errorf("the report does not say so: %+v", i)
	}
	s.saw(t, "1, , ", "2, 1, true")
	s.neverNone(t)
	if n := len(g.Mutations()); n != 3 {
		t.Errorf("%d requests, want 3: the question, one patch for everything, and one that puts it back", n)
	}
	m.wantReplicas("web", 1)
	m.settles(1)
	m.current("deployment/web", 1)
}

// autoscaler makes an HPA that has nothing to measure: all it does is to see to its minimum.
func (m mover) autoscaler(name string, least, most int32) {
	m.t.Helper()
	h := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name}, MinReplicas: &least, MaxReplicas: most,
	}}
	if _, err := m.lab.Client().AutoscalingV2().HorizontalPodAutoscalers(m.namespace).Create(m.t.Context(), h, metav1.CreateOptions{}); err != nil {
		m.t.Fatal(err)
	}
}

// wantMinimum wants an HPA to be as its owner made it.
func (m mover) wantMinimum(name string, minimum int32) {
	m.t.Helper()
	h, err := m.lab.Client().AutoscalingV2().HorizontalPodAutoscalers(m.namespace).Get(m.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	if *h.Spec.MinReplicas != minimum || len(h.Annotations) != 0 || len(h.Labels) != 0 {
		m.t.Errorf("HPA %s has a minimum of %d, want %d: %v, %v", name, *h.Spec.MinReplicas, minimum, h.Annotations, h.Labels)
	}
}

// TestReinjectHasAnAutoscalerGiveTheSecondReplica: what one sets at the Deployment itself, its HPA would set back.
func TestReinjectHasAnAutoscalerGiveTheSecondReplica(t *testing.T) {
	m := newMover(t, "reinject-hpa")
	m.create(m.singleton("web"), m.singleton("narrow"))
	m.autoscaler("web", 1, 5)
	m.autoscaler("narrow", 1, 1)
	m.settles(2)
	m.follow(newRevision)
	s := m.watchServing()
	run := m.reinject(surging).exits(0).ends("deployment/web", "restarted", "")
	run.ends("deployment/narrow", "skipped", "it cannot run twice for --surge-singletons: HorizontalPodAutoscaler narrow allows one replica")
	// The Deployment itself is not marked. That its HPA lets it go back to one replica needs something to measure.
	s.saw(t, "2, , ")
	m.wantMinimum("web", 1)
	m.current("deployment/web", 2)
}

// TestReinjectPutsTheMinimumOfAnAutoscalerBackThatADeadRunLeft: the run dies once the HPA is changed.
func TestReinjectPutsTheMinimumOfAnAutoscalerBackThatADeadRunLeft(t *testing.T) {
	m := newMover(t, "reinject-hpa-dead")
	m.create(m.singleton("web"))
	m.autoscaler("web", 1, 5)
	m.settles(1)
	m.follow(newRevision)
	raised := make(chan struct{})
	run := m.begin(openGate(t, m.lab, intercept.Once(intercept.Does("patch", "horizontalpodautoscalers"), func(_ http.ResponseWriter, r *intercept.Request) {
		// Its owner has second thoughts, before the HPA makes the second pod: nothing is stale any more.
		m.follow(oldRevision)
		r.Gate.Fetch(r)
		close(raised)
		<-r.Context().Done()
	})), surging)
	m.dies(run, closed(raised, "the HPA was not changed"))
	if i := m.plan().exits(0).has("deployment/web"); i.Action != "put-back" {
		t.Errorf("planned: %+v", i)
	}
	m.reinject().exits(0).ends("deployment/web", "put-back", "")
	m.wantMinimum("web", 1)
	m.reinject().exits(0).says("Nothing is stale").only()
}

// TestReinjectAwaitsTheSecondReplicaOfAnAutoscalerThatADeadRunLeft: that it was asked for does not mean that it is there.
func TestReinjectAwaitsTheSecondReplicaOfAnAutoscalerThatADeadRunLeft(t *testing.T) {
	m := newMover(t, "reinject-hpa-again")
	m.create(m.singleton("web"))
	m.autoscaler("web", 1, 5)
	m.settles(1)
	m.follow(newRevision)
	m.kubectl("annotate", "hpa", "web", "-n", m.namespace, restoreMinReplicas+"=1")
	m.kubectl("label", "hpa", "web", "-n", m.namespace, surgedLabel+"=true")
	m.kubectl("patch", "hpa", "web", "-n", m.namespace, "--type=merge", "-p", `{"spec":{"minReplicas":2}}`)
	s := m.watchServing()
	m.reinject().exits(0).ends("deployment/web", "restarted", "")
	s.neverNone(t)
	m.wantMinimum("web", 1)
}

// TestReinjectFailsAtOnceWhereTheSecondReplicaCannotStart: it is the first pod with the new proxy.
func TestReinjectFailsAtOnceWhereTheSecondReplicaCannotStart(t *testing.T) {
	m := newMover(t, "reinject-hpa-fails")
	m.create(m.singleton("web", onVersion(newVersion, "fail", "image-pull")))
	m.autoscaler("web", 1, 5)
	m.settles(1)
	m.follow(newRevision)
	before := m.getDeployment("web").Spec.Template
	m.reinject(surging).exits(1).ends("deployment/web", "failed", "ImagePullBackOff")
	m.wantMinimum("web", 1)
	if after := m.getDeployment("web").Spec.Template; !reflect.DeepEqual(after, before) {
		t.Errorf("it was restarted all the same: %+v", after)
	}
}

func closed(c <-chan struct{}, otherwise string) func() error {
	return func() error {
		select {
		case <-c:
			return nil
		default:
			return fmt.Errorf("%s", otherwise)
		}
	}
}

const claimManifest = `{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: %s, name: %s},
	spec: {accessModes: [%s], storageClassName: none, resources: {requests: {storage: 1Gi}}}}
`

func withClaim(name string) podOption {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name}}})
	}
}

// TestReinjectHasNoSingletonRunTwiceOnAVolumeForOne: the second pod would wait for the first one's volume.
func TestReinjectHasNoSingletonRunTwiceOnAVolumeForOne(t *testing.T) {
	m := newMover(t, "reinject-volumes")
	for name, mode := range map[string]string{"once": "ReadWriteOnce", "pod": "ReadWriteOncePod", "many": "ReadWriteMany"} {
		apply(t, m.lab, fmt.Sprintf(claimManifest, m.namespace, name, mode))
		m.create(m.singleton(name, withClaim(name)))
	}
	// No volume is ever bound, so that the pods stay where they are: that is no matter to a plan.
	m.awaitWorkloads("deployment/once", "deployment/pod", "deployment/many")
	m.follow(newRevision)
	plan := m.plan(surging).exits(0)
	for _, name := range []string{"once", "pod"} {
		want := "it cannot run twice for --surge-singletons: its volume " + m.namespace + "/" + name + " is ReadWriteOnce"
		if i := plan.has("deployment/" + name); i.Action != "skip" || i.Reason != want || i.Surge {
			t.Errorf("%+v, want %s", i, want)
		}
	}
	if i := plan.has("deployment/many"); i.Action != "restart" || !i.Surge {
		t.Errorf("%+v", i)
	}
}

// TestReinjectPutsASingletonBackAfterAFailure: the image of the new proxy cannot be pulled, and the old pod goes on serving. With
// one replica, the Deployment's controller would take it away for the new one, so that the restart is undone.
func TestReinjectPutsASingletonBackAfterAFailure(t *testing.T) {
	m := newMover(t, "reinject-surge-fails")
	m.create(m.singleton("web", onVersion(newVersion, "fail", "image-pull")))
	m.settles(1)
	m.follow(newRevision)
	for _, method := range []string{"restart", "grace-period"} {
		before := m.getDeployment("web")
		s := m.watchServing()
		run := m.reinject(surging, "--method", method).exits(1)
		run.ends("deployment/web", "failed", "ImagePullBackOff").ends("deployment/web", "failed", "its restart is undone: only a pod from before serves")
		m.wantReplicas("web", 1)
		m.settles(1)
		s.neverNone(t)
		after := m.getDeployment("web")
		if !reflect.DeepEqual(after.Spec, before.Spec) || len(after.Annotations) != len(before.Annotations) {
			t.Errorf("by %s, it is %+v, %v\nwant %+v, %v", method, after.Spec, after.Annotations, before.Spec, before.Annotations)
		}
	}
}

// TestReinjectLeavesASingletonAtTwoThatItsOwnerHasChanged: what an earlier run has left at two replicas was edited since, and cannot
// start; at one, nobody would serve.
func TestReinjectLeavesASingletonAtTwoThatItsOwnerHasChanged(t *testing.T) {
	m := newMover(t, "reinject-surge-edited")
	m.create(m.singleton("web", onVersion(newVersion, "fail", "image-pull")))
	m.settles(1)
	m.follow(newRevision)
	s := m.watchServing()
	m.kubectl("patch", "deployment", "web", "-n", m.namespace, "--type=merge", "-p", fmt.Sprintf(
		`{"metadata":{"labels":{%q:"true"},"annotations":{%q:"1"}},"spec":{"replicas":2,"template":{"metadata":{"annotations":{"owner":"edited"}}}}}`,
		surgedLabel, restoreReplicas))
	m.reinject().exits(1).ends("deployment/web", "failed", "its replicas are not put back: only a pod of its older template serves")
	if d := m.getDeployment("web"); *d.Spec.Replicas != 2 || d.Labels[surgedLabel] == "" || d.Spec.Template.Annotations["owner"] != "edited" {
		t.Errorf("%d replicas, %v, %v", *d.Spec.Replicas, d.Labels, d.Spec.Template.Annotations)
	}
	s.neverNone(t)
}

// restoring holds for the patch that puts a Deployment's replicas back.
func restoring(r *intercept.Request) bool {
	return intercept.Does("patch", "deployments")(r) && strings.Contains(string(r.Asked.Body), `"remove"`)
}

// TestReinjectPutsASingletonBackThatADeadRunLeft: the first run dies when all is restarted, with two replicas left.
func TestReinjectPutsASingletonBackThatADeadRunLeft(t *testing.T) {
	m := newMover(t, "reinject-surge-dead")
	m.create(m.singleton("web"))
	m.settles(1)
	m.follow(newRevision)
	at := make(chan struct{})
	run := m.begin(openGate(t, m.lab, intercept.Once(restoring, func(_ http.ResponseWriter, r *intercept.Request) {
		close(at)
		<-r.Context().Done()
	})), surging)
	m.dies(run, closed(at, "it did not come to put anything back"))
	m.settles(2)
	generation := m.getDeployment("web").Generation
	if i := m.plan().exits(0).only("deployment/web").has("deployment/web"); i.Action != "put-back" || i.Method != "" {
		t.Errorf("planned: %+v", i)
	}
	m.reinject().exits(0).ends("deployment/web", "put-back", "")
	m.wantReplicas("web", 1)
	m.settles(1)
	if now := m.getDeployment("web").Generation; now != generation+1 {
		t.Errorf("generation %d, want one more than %d", now, generation)
	}
	m.reinject().exits(0).says("Nothing is stale").only()
}

// TestReinjectGoesOnWithASingletonThatADeadRunLeft: the first run dies in mid-rollout.
func TestReinjectGoesOnWithASingletonThatADeadRunLeft(t *testing.T) {
	m := newMover(t, "reinject-surge-middle")
	m.create(m.singleton("web", notReadyOn(newVersion)))
	m.settles(1)
	before := m.uids()["deployment/web"]
	m.follow(newRevision)
	m.dies(m.begin(openGate(t, m.lab, nil), surging), m.hasNewPods("deployment/web", before))
	m.through(openGate(t, m.lab, m.releasing())).exits(0).ends("deployment/web", "awaited", "")
	m.wantReplicas("web", 1)
	m.settles(1)
	m.current("deployment/web", 1)
}

// TestReinjectLeavesReplicasThatSomebodyHasSetMeanwhile: just before they are put back, and in mid-rollout.
func TestReinjectLeavesReplicasThatSomebodyHasSetMeanwhile(t *testing.T) {
	m := newMover(t, "reinject-surge-scaled")
	m.create(m.singleton("late"), m.singleton("early"))
	m.settles(2)
	m.follow(newRevision)
	scale := func(ctx context.Context, name string) {
		patch := []byte(`{"spec":{"replicas":3}}`)
		if _, err := m.lab.Client().AppsV1().Deployments(m.namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Error(err)
		}
	}
	late := func(r *intercept.Request) bool { return restoring(r) && r.Asked.Name == "late" }
	g := openGate(t, m.lab, intercept.Any(
		intercept.Once(late, func(w http.ResponseWriter, r *intercept.Request) {
			scale(r.Context(), "late")
			r.Gate.Pass(w, r)
		}),
		intercept.Once(intercept.Does("patch", "deployments", "early"), func(w http.ResponseWriter, r *intercept.Request) {
			r.Gate.Pass(w, r)
			scale(r.Context(), "early")
		})))
	m.through(g, surging).exits(0).ends("deployment/late", "restarted", "").ends("deployment/early", "restarted", "")
	m.wantReplicas("late", 3)
	m.wantReplicas("early", 3)
}
