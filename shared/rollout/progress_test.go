package rollout

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

func TestHowFarARolloutIs(t *testing.T) {
	at := began.Format(time.RFC3339)
	newPods := []Pod{pod("a", "rs2"), pod("b", "rs2")}
	for _, c := range []struct {
		rule  string
		state State
		want  Progress
	}{
		{"done", of(cart(), newPods...), Progress{Done: 2, Total: 2, Complete: true}},
		{"its status is behind its pods", of(cart(func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 1 }), newPods...), Progress{Done: 2, Total: 2}},
		{"an old pod is still there", of(cart(), append(newPods, pod("c", "rs1", old))...), Progress{Done: 2, Total: 2}},
		{"one that leaves does not matter", of(cart(), append(newPods, pod("c", "rs1", leaving))...), Progress{Done: 2, Total: 2, Complete: true}},
		{"a pod is not ready", of(cart(), pod("a", "rs2"), pod("b", "rs2", unready)), Progress{Done: 1, Total: 2, Stuck: "pod b is not ready"}},
		{"a pod says why", of(cart(), pod("a", "rs2"), pod("b", "rs2", troubled(false, "x"))), Progress{Done: 1, Total: 2, Stuck: "pod b: x"}},
		{"a pod cannot become ready", of(cart(), pod("a", "rs2"), pod("b", "rs2", troubled(true, "x"))), Progress{Done: 1, Total: 2, Failed: "pod b: x", Stuck: "pod b: x"}},
		{"an old pod's trouble is not the rollout's", of(cart(), pod("a", "rs2"), pod("b", "rs1", troubled(true, "x"))), Progress{Done: 1, Total: 2, Missing: 1}},
		{"rolled out and still old", of(cart(), pod("a", "rs2"), pod("b", "rs2", old)), Progress{Done: 1, Total: 2, Old: 1, Complete: true}},
		{"paused", of(cart(func(d *appsv1.Deployment) { d.Spec.Paused = true }), newPods...),
			Progress{Total: 2, Failed: "its rollout is paused: see `kubectl rollout resume deployment/cart -n shop`"}},
		{"not seen yet", of(cart(unobserved), newPods...), Progress{Total: 2, Stuck: "its controller has not taken up the change yet", Usual: true}},
		{"stalled, and pods cannot be created", of(cart(failing), pod("a", "rs2")), Progress{Done: 1, Total: 2, Missing: 1, Failed: "too slow", CreateFailure: "quota"}},
		{"a deadline of before is not this rollout's", of(cart(failing, resized), pod("a", "rs2", old)),
			Progress{Total: 2, Stuck: "its controller has not taken up the change yet", Usual: true, CreateFailure: "quota"}},
		{"a DaemonSet", of(agent(), pod("a", "agent", hashed("y")), pod("b", "agent", hashed("y"))), Progress{Done: 2, Total: 2, Complete: true}},
		{"a DaemonSet that is not done", of(agent(func(s *appsv1.DaemonSet) { s.Status.UpdatedNumberScheduled = 1 }), pod("a", "agent", hashed("y")), pod("b", "agent", hashed("x"), old)),
			Progress{Done: 1, Total: 2, Missing: 1}},
		{"a StatefulSet", of(db(), pod("db-0", "db", hashed("db-new")), pod("db-1", "db", hashed("db-new"))), Progress{Done: 2, Total: 2, Complete: true}},
		{"a StatefulSet that is not settled", of(db(func(s *appsv1.StatefulSet) { s.Status.CurrentRevision = "db-old" }), pod("db-0", "db", hashed("db-new")), pod("db-1", "db", hashed("db-new"))),
			Progress{Done: 2, Total: 2}},
		{"what a partition holds back is left out", of(db(parted(1)), pod("db-0", "db", hashed("db-old"), old), pod("db-1", "db", hashed("db-new"))), Progress{Done: 1, Total: 1, Complete: true}},
		{"a partition that holds back all", of(db(parted(9)), pod("db-0", "db", hashed("db-old"), old), pod("db-1", "db", hashed("db-old"))), Progress{Complete: true}},
		{"a Rollout that was restarted", of(rollout(at, at), newPods...), Progress{Done: 2, Total: 2, Complete: true}},
		{"a Rollout that is being", of(rollout(at, ""), newPods...), Progress{Done: 2, Total: 2}},
		{"a Rollout that nobody has restarted", of(rollout("", ""), newPods...), Progress{Done: 2, Total: 2, Complete: true}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := c.state.Progress(fresh, began.Add(time.Minute)); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
	if got := of(cart(), pod("a", "rs2", unready)).Progress(fresh, began); got.Stuck != "" {
		t.Errorf("a pod may take its time, got %q", got.Stuck)
	}
}

func TestWhichPodIsEvictedNext(t *testing.T) {
	for _, c := range []struct {
		rule string
		pods []Pod
		next string
		want Progress
	}{
		{"by name", []Pod{pod("b", "x", old), pod("a", "x", old)}, "a", Progress{Total: 2}},
		{"a StatefulSet's from the highest ordinal down", []Pod{pod("db-9", "x", old), pod("db-10", "x", old)}, "db-10", Progress{Total: 2}},
		{"those that serve nobody first", []Pod{pod("db-0", "x", old, unready), pod("db-1", "x", old)}, "db-0", Progress{Total: 2}},
		{"none while a replacement is missing", []Pod{pod("b", "x", old), pod("a", "x", old, leaving)}, "", Progress{Total: 2, Missing: 1, Stuck: "pods that are to be created: 1", Usual: true}},
		{"none while a replacement is not ready", []Pod{pod("b", "x", old), pod("a", "x", unready)}, "", Progress{Total: 2, Stuck: "pod a is not ready"}},
		{"the next once it is", []Pod{pod("b", "x", old), pod("a", "x")}, "b", Progress{Done: 1, Total: 2}},
		{"a replacement that cannot become ready", []Pod{pod("b", "x", old), pod("a", "x", troubled(true, "y"))}, "", Progress{Total: 2, Failed: "pod a: y", Stuck: "pod a: y"}},
		{"done", []Pod{pod("b", "x"), pod("a", "x")}, "", Progress{Done: 2, Total: 2, Complete: true}},
		{"scaled in meanwhile", []Pod{pod("a", "x"), pod("b", "x"), pod("c", "x")}, "", Progress{Done: 3, Total: 2, Complete: true}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got := of(nil, c.pods...).Eviction(stale, fresh, 2, began.Add(time.Minute))
			name := ""
			if got.Next != nil {
				name = got.Next.Name
			}
			if name != c.next || got.Progress != c.want {
				t.Errorf("got %q, %+v\nwant %+v", name, got.Progress, c.want)
			}
		})
	}
	if got := of(cart(failing)).Eviction(stale, fresh, 1, began); got.CreateFailure != "quota" {
		t.Errorf("got %+v", got)
	}
	if got := of(cart(failing)).Eviction(stale, fresh, 0, began); got.CreateFailure != "" {
		t.Errorf("nothing is missing, got %+v", got)
	}
}
