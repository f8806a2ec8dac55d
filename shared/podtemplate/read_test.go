package podtemplate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func named(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-of-" + name)}
}

func template() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "x"}, Annotations: map[string]string{"a": "b"}, Finalizers: []string{"example.com/f"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}, Volumes: []corev1.Volume{{Name: "data"}, {Name: "tmp"}}},
	}
}

func TestThePodIsTheOneThatTheControllerWouldCreate(t *testing.T) {
	yes := true
	from := template()
	got := FromTemplate("shop", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "cart-1", UID: "u", BlockOwnerDeletion: &yes}, &from)
	want := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", GenerateName: "cart-1-", Labels: map[string]string{"app": "x"}, Annotations: map[string]string{"a": "b"},
			Finalizers:      []string{"example.com/f"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "cart-1", UID: "u", Controller: &yes}},
		},
		Spec: template().Spec,
	}
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	got.Labels["app"] = "changed"
	got.Spec.Containers[0].Image = "changed"
	if !equality.Semantic.DeepEqual(from, template()) {
		t.Error("the pod shares memory with the template")
	}
}

func objects() []runtime.Object {
	rc := template()
	return []runtime.Object{
		&appsv1.Deployment{ObjectMeta: named("cart"), Spec: appsv1.DeploymentSpec{Template: template()}},
		&appsv1.ReplicaSet{ObjectMeta: named("lone"), Spec: appsv1.ReplicaSetSpec{Template: template()}},
		&appsv1.DaemonSet{ObjectMeta: named("agent"), Spec: appsv1.DaemonSetSpec{Template: template()}},
		&appsv1.StatefulSet{ObjectMeta: named("db"), Spec: appsv1.StatefulSetSpec{ServiceName: "dbs", Template: template(),
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}}},
		&batchv1.Job{ObjectMeta: named("once"), Spec: batchv1.JobSpec{Template: template()}},
		&corev1.ReplicationController{ObjectMeta: named("old"), Spec: corev1.ReplicationControllerSpec{Template: &rc}},
		&appsv1.Deployment{ObjectMeta: named("not-wanted")},
	}
}

func wanted(id string) Workload {
	parts := strings.Split(id, "/")
	return Workload{Namespace: parts[0], Ref: workload.Ref{Group: parts[1], Kind: parts[2], Name: parts[3]}}
}

var all = []string{
	"shop/apps/Deployment/cart", "shop/apps/ReplicaSet/lone", "shop/apps/DaemonSet/agent", "shop/apps/StatefulSet/db",
	"shop/batch/Job/once", "shop//ReplicationController/old", "shop/apps/Deployment/gone", "shop//Pod/bare", "shop/argoproj.io/Rollout/web",
}

func workloads(ids ...string) []Workload {
	var out []Workload
	for _, id := range ids {
		out = append(out, wanted(id))
	}
	return out
}

// describe says what tells one pod from another.
func describe(p *corev1.Pod) string {
	o := p.OwnerReferences[0]
	text := fmt.Sprintf("%s %s %s/%s %s", p.GenerateName, o.APIVersion, o.Kind, o.Name, o.UID)
	for _, v := range p.Spec.Volumes {
		text += " " + v.Name
		if claim := v.PersistentVolumeClaim; claim != nil {
			text += "=" + claim.ClaimName
		}
	}
	return text + " " + p.Labels["pod-template-hash"]
}

func TestEveryWantedTemplateIsRead(t *testing.T) {
	got := map[string]string{}
	gaps, err := Each(t.Context(), fake.NewSimpleClientset(objects()...), 500, workloads(append(all, all...)...), func(w Workload, p *corev1.Pod) error {
		if _, twice := got[w.Ref.String()]; twice {
			t.Errorf("%s twice", w.Ref)
		}
		got[w.Ref.String()] = describe(p)
		return nil
	})
	want := map[string]string{
		"deployment/cart":           "cart-dryrun- apps/v1 ReplicaSet/cart-dryrun uid-of-cart data tmp dryrun",
		"replicaset/lone":           "lone- apps/v1 ReplicaSet/lone uid-of-lone data tmp ",
		"daemonset/agent":           "agent- apps/v1 DaemonSet/agent uid-of-agent data tmp ",
		"statefulset/db":            "db- apps/v1 StatefulSet/db uid-of-db data=data-db-0 tmp ",
		"job/once":                  "once- batch/v1 Job/once uid-of-once data tmp ",
		"replicationcontroller/old": "old- v1 ReplicationController/old uid-of-old data tmp ",
	}
	if err != nil || len(gaps) > 0 || !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("%v, %v\ngot  %q\nwant %q", err, gaps, got, want)
	}
}

// TestNoMoreIsListedThanIsNeeded: only the kinds that occur, and no wider than they do.
func TestNoMoreIsListedThanIsNeeded(t *testing.T) {
	for _, c := range []struct {
		rule   string
		wanted []string
		want   []string
	}{
		{"nothing for kinds that cannot be read", []string{"shop//Pod/bare", "shop/argoproj.io/Rollout/web"}, nil},
		{"a single object by its name", []string{"shop/apps/Deployment/cart"}, []string{"deployments shop metadata.name=cart"}},
		{"one namespace", []string{"shop/apps/Deployment/cart", "shop/apps/Deployment/b"}, []string{"deployments shop "}},
		{"all namespaces", []string{"shop/apps/Deployment/cart", "bank/apps/Deployment/b", "bank/batch/Job/once"}, []string{"deployments  ", "jobs bank metadata.name=once"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			kube := fake.NewSimpleClientset(objects()...)
			if _, err := Each(t.Context(), kube, 500, workloads(c.wanted...), func(Workload, *corev1.Pod) error { return nil }); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range kube.Actions() {
				list := a.(clienttesting.ListAction)
				got = append(got, a.GetResource().Resource+" "+a.GetNamespace()+" "+list.GetListRestrictions().Fields.String())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func failing(resource string, err error) *fake.Clientset {
	kube := fake.NewSimpleClientset(objects()...)
	kube.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, err })
	return kube
}

func TestWhatMayNotBeListedIsAGap(t *testing.T) {
	kube := failing("jobs", apierrors.NewForbidden(schema.GroupResource{Group: "batch", Resource: "jobs"}, "", errors.New("no")))
	read := 0
	gaps, err := Each(t.Context(), kube, 500, workloads(all...), func(Workload, *corev1.Pod) error { read++; return nil })
	want := `cannot read the templates of jobs.batch: jobs.batch is forbidden: no`
	if err != nil || len(gaps) != 1 || gaps[0].Error() != want || read != 5 {
		t.Errorf("%d read, %v, gaps %v", read, err, gaps)
	}
}

func TestTheReadingEndsWithAnError(t *testing.T) {
	broken := errors.New("broken")
	_, err := Each(t.Context(), failing("jobs", broken), 500, workloads(all...), func(Workload, *corev1.Pod) error { return nil })
	if !errors.Is(err, broken) || err.Error() != "reading the templates of jobs.batch: broken" {
		t.Errorf("of the cluster: %v", err)
	}
	calls := 0
	_, err = Each(t.Context(), fake.NewSimpleClientset(objects()...), 500, workloads(all...), func(Workload, *corev1.Pod) error { calls++; return broken })
	if err != broken || calls != 1 {
		t.Errorf("of the caller: %v after %d calls", err, calls)
	}
}

func TestAControllerWithoutATemplateGivesAPodWithoutContainers(t *testing.T) {
	if p := ofReplicationController(&corev1.ReplicationController{ObjectMeta: named("old")}); len(p.Spec.Containers) != 0 || p.GenerateName != "old-" {
		t.Errorf("got %+v", p)
	}
}
