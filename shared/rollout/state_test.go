package rollout

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

func workloadOf(d *appsv1.Deployment) *Workload { w, _ := Of(d); return w }

func cart(changes ...func(*appsv1.Deployment)) *Workload { return workloadOf(deployment(changes...)) }

func db(changes ...func(*appsv1.StatefulSet)) *Workload {
	w, _ := Of(statefulSet(changes...))
	return w
}

func agent(changes ...func(*appsv1.DaemonSet)) *Workload { w, _ := Of(daemonSet(changes...)); return w }

func unobserved(d *appsv1.Deployment) { d.Status.ObservedGeneration = 3 }
func resized(d *appsv1.Deployment)    { d.Status.UpdatedReplicas = 0 }

func TestWhatAWorkloadNeeds(t *testing.T) {
	hour := began.Add(time.Hour).Format(time.RFC3339)
	for _, c := range []struct {
		rule  string
		state State
		want  Need
	}{
		{"nothing is stale", of(cart(), pod("a", "rs2")), Nothing},
		{"what leaves does not count", of(cart(), pod("a", "rs2", old, leaving), pod("b", "rs2", old, terminal)), Nothing},
		{"the newest template's pods are stale", of(cart(), pod("a", "rs2", old)), Change},
		{"they replace those that are", of(cart(), pod("a", "rs1", old), pod("b", "rs2", unready)), Patience},
		{"the newest template has no pods yet", of(cart(), pod("a", "rs1", old)), Patience},
		{"a tag that moved twice leaves stale ones among the newest", of(cart(), pod("a", "rs1", old), pod("b", "rs2"), pod("c", "rs2", old)), Change},
		{"its controller has not seen the spec", of(cart(unobserved), pod("a", "rs2", old)), Observation},
		{"its controller has made nothing of it yet", of(cart(func(d *appsv1.Deployment) { d.Annotations[DeploymentRevision] = "3" }), pod("a", "rs2", old)), Patience},
		{"its controller has only taken up new replicas", of(cart(resized), pod("a", "rs2", old)), Patience},
		{"a StatefulSet", of(db(), pod("db-0", "db", hashed("db-new"), old)), Change},
		{"a StatefulSet in the middle", of(db(), pod("db-1", "db", hashed("db-new")), pod("db-0", "db", hashed("db-old"), old)), Patience},
		{"what a partition holds back does not count", of(db(parted(1)), pod("db-1", "db", hashed("db-new")), pod("db-0", "db", hashed("db-old"), old)), Nothing},
		{"what it does not does", of(db(parted(1)), pod("db-1", "db", hashed("db-new"), old)), Change},
		{"a DaemonSet", of(agent(), pod("a", "agent", hashed("y"), old)), Change},
		{"a DaemonSet in the middle", of(agent(), pod("a", "agent", hashed("x"), old)), Patience},
		{"a Rollout that was never restarted", of(rollout("", ""), pod("a", "rs", old)), Change},
		{"a Rollout that is being restarted", of(rollout(hour, ""), pod("a", "rs", old)), Patience},
		{"a Rollout that was restarted before the tag moved", of(rollout(began.Format(time.RFC3339), began.Format(time.RFC3339)), pod("a", "rs", old)), Change},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := c.state.Need(stale); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
	if _, known := (State{}).Newest(); known {
		t.Error("of a workload that is not known there is no newest template")
	}
}

func TestWhatIsUnavailableAtOnce(t *testing.T) {
	recreates := cart(func(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType })
	if recreates.Unavailable() != 2 || cart(rolls("1", "0")).Unavailable() != 0 || db().Unavailable() != 1 {
		t.Error("differs")
	}
}
