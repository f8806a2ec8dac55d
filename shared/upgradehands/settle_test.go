package upgradehands

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

func TestHowLongIsWaitedForPodsThatAreGoing(t *testing.T) {
	const gateways = 10 * time.Minute
	same := func(int) going { return going{pods: []string{"shop/web"}} }
	gateway := func(int) going { return going{pods: []string{"edge/gw"}, onlyGateways: true} }
	// Every look finds others: a Deployment that is scaled up and down, say.
	churn := func(look int) going { return going{pods: []string{fmt.Sprint("shop/web-", look)}} }
	for _, c := range []struct {
		name string
		look func(int) going
		want time.Duration
	}{
		{"nothing changes", same, settleTime},
		{"istiod takes its time", gateway, gateways},
		{"something always changes", churn, gateways},
	} {
		s, start := settling{gateways: gateways}, time.Now()
		took := time.Duration(0)
		for look := 0; !s.over(c.look(look), start.Add(took)); look++ {
			took += time.Second
		}
		if took != c.want+time.Second {
			t.Errorf("%s: it was waited %s, want %s", c.name, took, c.want)
		}
	}
}

// TestAGatewayThatWillNotBecomeReady is not awaited; what ails its old pods is no matter of the new ones.
func TestAGatewayThatWillNotBecomeReady(t *testing.T) {
	const uid, old, fresh = "deployment", "old", "new"
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "edge", Name: "gw", UID: uid, Generation: 2, Annotations: map[string]string{rollout.DeploymentRevision: "2"}},
		Spec:       appsv1.DeploymentSpec{Replicas: ptr.To(int32(1))},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1},
	}
	owner := func(kind, name, id string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: types.UID(id), Controller: ptr.To(true)}}
	}
	state := func(names ...string) rollout.State {
		w, _ := rollout.Of(deployment)
		s := rollout.State{Workload: w}
		for i, name := range []string{old, fresh} {
			set, _ := rollout.SetOf(&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
				Namespace: "edge", Name: name, UID: types.UID(name), OwnerReferences: owner("Deployment", "gw", uid),
				Annotations: map[string]string{rollout.DeploymentRevision: fmt.Sprint(i + 1)},
			}})
			s.Sets = append(s.Sets, set)
		}
		for _, name := range names {
			s.Pods = append(s.Pods, rollout.PodOf(&corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "edge", Name: name + "-pod", OwnerReferences: owner("ReplicaSet", name, name),
					Annotations: map[string]string{"istio.io/rev": map[string]string{old: "1-22", fresh: "1-23"}[name]},
				},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "istio-proxy", Image: "proxyv2:1.23.0"}}},
				Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
					Name: "istio-proxy", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}},
				}}},
			}))
		}
		return s
	}
	if got := broken(state(old), "1-23", time.Now()); got != "" {
		t.Errorf("before istiod has begun: %q", got)
	}
	if got := broken(state(old, fresh), "1-23", time.Now()); !strings.Contains(got, "new-pod") || !strings.Contains(got, "no such image") {
		t.Errorf("a new pod whose image cannot be pulled: %q", got)
	}
}
