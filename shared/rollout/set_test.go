package rollout

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

func ownedBy(uid types.UID) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: "cart-1", UID: "rs1",
		OwnerReferences: []metav1.OwnerReference{{UID: "x"}, {UID: uid, Controller: ptr(true)}}}
}

func template(image string, grace *int64) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: image}}, TerminationGracePeriodSeconds: grace}}
}

func TestAVersionOfATemplate(t *testing.T) {
	set := &appsv1.ReplicaSet{ObjectMeta: ownedBy("cart"), Spec: appsv1.ReplicaSetSpec{Template: template("app:1", ptr[int64](7))}}
	set.Spec.Template.Labels = map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: "1"}
	d := deployment(func(d *appsv1.Deployment) { d.Spec.Template = template("app:1", nil) })
	w, _ := Of(d)
	meta := &metav1.PartialObjectMetadata{ObjectMeta: ownedBy("cart")}
	meta.Annotations, meta.Labels = map[string]string{DeploymentRevision: "3"}, map[string]string{appsv1.ControllerRevisionHashLabelKey: "h"}
	revision := &appsv1.ControllerRevision{ObjectMeta: ownedBy("cart"), Revision: 5,
		Data: runtime.RawExtension{Raw: []byte(`{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null},"spec":{"containers":[{"name":"app","image":"app:1","resources":{}}],"terminationGracePeriodSeconds":9}}}}`)}}
	unreadable := revision.DeepCopy()
	unreadable.Data.Raw = []byte("{")
	for _, c := range []struct {
		rule   string
		object any
		want   Set
		ok     bool
	}{
		{"a ReplicaSet has the template of its Deployment, but for label and grace period", set,
			Set{Namespace: "shop", Name: "cart-1", UID: "rs1", Owner: "cart", GracePeriod: 7, TemplateKey: w.TemplateKey}, true},
		{"of metadata the template is not known", meta, Set{Namespace: "shop", Name: "cart-1", UID: "rs1", Owner: "cart", Label: "3", Hash: "h"}, true},
		{"a ControllerRevision holds it as a patch", revision,
			Set{Namespace: "shop", Name: "cart-1", UID: "rs1", Owner: "cart", Revision: 5, GracePeriod: 9, TemplateKey: w.TemplateKey}, true},
		{"one that cannot be read", unreadable, Set{Namespace: "shop", Name: "cart-1", UID: "rs1", Owner: "cart", Revision: 5}, true},
		{"one that nothing controls", &appsv1.ReplicaSet{}, Set{}, false},
		{"another kind", &corev1.Pod{ObjectMeta: ownedBy("cart")}, Set{}, false},
		{"no object at all", "x", Set{}, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got, ok := SetOf(c.object); got != c.want || ok != c.ok {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
	other, _ := SetOf(&appsv1.ReplicaSet{ObjectMeta: ownedBy("cart"), Spec: appsv1.ReplicaSetSpec{Template: template("app:2", nil)}})
	if other.TemplateKey == w.TemplateKey {
		t.Error("another image is another template")
	}
}

func FuzzSetOfControllerRevision(f *testing.F) {
	for _, raw := range []string{`{"spec":{"template":{"spec":{}}}}`, `{}`, `null`, `{"spec":{"template":[]}}`, `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":-1}}}}`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, ok := SetOf(&appsv1.ControllerRevision{ObjectMeta: ownedBy("db"), Data: runtime.RawExtension{Raw: raw}})
		if !ok || s.Owner != "db" {
			t.Errorf("got %+v", s)
		}
	})
}

func TestWhichPodsAreOfAVersion(t *testing.T) {
	replicaSet := Set{Name: "cart-1", UID: "rs1", Owner: "cart"}
	stateful := Set{Name: "db-5f7", UID: "cr1", Owner: "db"}
	daemon := Set{Name: "agent-5f7", UID: "cr1", Owner: "agent", Hash: "5f7"}
	unlabelled := Set{Name: "agent-5f7", UID: "cr1", Owner: "agent"}
	for _, c := range []struct {
		rule string
		set  Set
		pod  Pod
		want bool
	}{
		{"a ReplicaSet's own", replicaSet, pod("a", "rs1"), true},
		{"another ReplicaSet's", replicaSet, pod("a", "rs2"), false},
		{"a bare pod is of none", replicaSet, Pod{}, false},
		{"a StatefulSet's pods bear the whole name", stateful, pod("a", "db", hashed("db-5f7")), true},
		{"another revision", stateful, pod("a", "db", hashed("db-6f7")), false},
		{"another StatefulSet's", stateful, pod("a", "other", hashed("db-5f7")), false},
		{"a DaemonSet's bear the hash", daemon, pod("a", "agent", hashed("5f7")), true},
		{"which the name ends in, too", unlabelled, pod("a", "agent", hashed("5f7")), true},
		{"and not only in part", unlabelled, pod("a", "agent", hashed("f7")), false},
		{"a pod without a hash", daemon, pod("a", "agent"), false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := c.set.Has(c.pod); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
