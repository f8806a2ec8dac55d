package restart

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
)

func template(image string, annotations map[string]string, grace int64) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}, Annotations: annotations},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}, TerminationGracePeriodSeconds: &grace},
	}
}

// set is a ReplicaSet made so many seconds after others, with so many ready pods.
func set(t corev1.PodTemplateSpec, born, ready int) *appsv1.ReplicaSet {
	t = *t.DeepCopy()
	t.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = "5f"
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.Unix(int64(born), 0)},
		Spec:       appsv1.ReplicaSetSpec{Template: t}, Status: appsv1.ReplicaSetStatus{ReadyReplicas: int32(ready)},
	}
}

func TestWhatHasToComeBeforeOneReplica(t *testing.T) {
	old := template("app:1", nil, 30)
	restarted := template("app:1", map[string]string{rollout.RestartedAt: time.Now().Format(time.RFC3339)}, 31)
	edited := template("app:2", restarted.Annotations, 31)
	for name, c := range map[string]struct {
		template corev1.PodTemplateSpec
		newest   *appsv1.ReplicaSet
		others   []*appsv1.ReplicaSet
		want     lowering
	}{
		"one ReplicaSet, that serves":                        {old, set(old, 1, 1), nil, safe},
		"one ReplicaSet, that does not":                      {old, set(old, 1, 0), nil, safe},
		"the new one serves, the old one goes first":         {restarted, set(restarted, 2, 1), []*appsv1.ReplicaSet{set(old, 1, 1)}, safe},
		"nobody serves":                                      {restarted, set(restarted, 2, 0), []*appsv1.ReplicaSet{set(old, 1, 0)}, safe},
		"only the old one serves":                            {restarted, set(restarted, 2, 0), []*appsv1.ReplicaSet{set(old, 1, 1)}, undoing},
		"only the old one serves, and there is no newer one": {restarted, nil, []*appsv1.ReplicaSet{set(old, 1, 1)}, undoing},
		"only the old one serves, and more was changed":      {edited, set(edited, 2, 0), []*appsv1.ReplicaSet{set(old, 1, 1)}, foreign},
		"undone, and the one that failed is still there":     {old, set(old, 1, 1), []*appsv1.ReplicaSet{set(restarted, 2, 0)}, clearing},
		"made in the same second":                            {restarted, set(restarted, 1, 1), []*appsv1.ReplicaSet{set(old, 1, 1)}, clearing},
	} {
		d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: c.template}}
		got, back := lower(d, c.newest, c.others)
		if got != c.want || (back != nil) != (got == undoing) {
			t.Errorf("%s: %v, %v, want %v", name, got, back, c.want)
		}
	}
}

func TestAnUndoneRestartTakesItsNotesAlong(t *testing.T) {
	old := set(template("app:1", nil, 30), 1, 1)
	for own, want := range map[string]string{
		"30": `[{"op":"test","path":"/metadata/generation","value":7},{"op":"replace","path":"/spec/template","value":` +
			`{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"app:1","resources":{}}],"terminationGracePeriodSeconds":30}}},` +
			`{"op":"remove","path":"/metadata/annotations/mesh.kubectl.dev~1own-termination-grace-period-seconds"}]`,
		"29": `[{"op":"test","path":"/metadata/generation","value":7},{"op":"replace","path":"/spec/template","value":` +
			`{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":"app:1","resources":{}}],"terminationGracePeriodSeconds":30}}}]`,
	} {
		w := &rollout.Workload{Generation: 7, Annotations: map[string]string{rollout.OwnGracePeriod: own}}
		if body, err := undo(w, old).bytes(); err != nil || string(body) != want {
			t.Errorf("%s, %v\nwant %s", body, err, want)
		}
	}
}
