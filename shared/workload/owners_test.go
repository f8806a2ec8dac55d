package workload

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

var (
	replicaSet  = Ref{"apps", "ReplicaSet", "cart-7d"}
	deployment  = Ref{"apps", "Deployment", "cart"}
	rollout     = Ref{"argoproj.io", "Rollout", "cart"}
	statefulSet = Ref{"apps", "StatefulSet", "kafka-0"}
	job         = Ref{"batch", "Job", "report-29"}
	cronJob     = Ref{"batch", "CronJob", "report"}
	kafka       = Ref{"kafka.strimzi.io", "Kafka", "kafka"}
	widget      = Ref{"example.com", "Widget", "w"}
)

// owners knows, in the namespace shop, of each reference its controller.
func owners(pairs ...Ref) *Owners {
	o := &Owners{controllers: map[key]Ref{}}
	for i := 0; i < len(pairs); i += 2 {
		o.controllers[key{"shop", pairs[i]}] = pairs[i+1]
	}
	return o
}

func controlledBy(ref Ref) proxy.Pod {
	apiVersion := "v1"
	if ref.Group != "" {
		apiVersion = ref.Group + "/v1"
	}
	return proxy.FromPod(fixture.Pod("shop/p", fixture.ControlledBy(apiVersion, ref.Kind, ref.Name)))
}

func TestTheWorkloadOfAPod(t *testing.T) {
	for _, c := range []struct {
		rule   string
		pod    proxy.Pod
		owners *Owners
		want   string
		above  string
	}{
		{"a bare pod is its own", proxy.FromPod(fixture.Pod("shop/p")), owners(), "pod/p", ""},
		{"a Deployment through its ReplicaSet", controlledBy(replicaSet), owners(replicaSet, deployment), "deployment/cart", ""},
		{"a Rollout through its ReplicaSet", controlledBy(replicaSet), owners(replicaSet, rollout), "rollout/cart", ""},
		{"a ReplicaSet without an owner", controlledBy(replicaSet), owners(), "replicaset/cart-7d", ""},
		{"a ReplicaSet of a controller that is not known", controlledBy(replicaSet), owners(replicaSet, widget), "replicaset/cart-7d", "widget/w"},
		{"a Job, not its CronJob", controlledBy(job), owners(job, cronJob), "job/report-29", "cronjob/report"},
		{"a StatefulSet under an operator", controlledBy(statefulSet), owners(statefulSet, kafka), "statefulset/kafka-0", "kafka/kafka"},
		{"a Deployment under an operator", controlledBy(replicaSet), owners(replicaSet, deployment, deployment, kafka), "deployment/cart", "kafka/kafka"},
		{"above is the highest", controlledBy(statefulSet), owners(statefulSet, kafka, kafka, widget), "statefulset/kafka-0", "widget/w"},
		{"a controller that is not known", controlledBy(widget), owners(), "widget/w", ""},
		{"a Deployment that a Deployment's ReplicaSet somehow controls is too high", controlledBy(statefulSet), owners(statefulSet, replicaSet, replicaSet, deployment), "statefulset/kafka-0", "deployment/cart"},
		{"owners that lead in a circle", controlledBy(replicaSet), owners(replicaSet, widget, widget, replicaSet), "replicaset/cart-7d", "replicaset/cart-7d"},
		{"a ReplicaSet that controls itself", controlledBy(replicaSet), owners(replicaSet, replicaSet), "replicaset/cart-7d", "replicaset/cart-7d"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			chain := c.owners.Of(c.pod)
			above, has := chain.Above()
			if got := chain.Workload().String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if has != (c.above != "") || has && above.String() != c.above {
				t.Errorf("above it %s, want %q", above, c.above)
			}
			if len(chain.Refs) > maxDepth {
				t.Errorf("a way of %d steps", len(chain.Refs))
			}
		})
	}
}

func TestOwnersOfAnotherNamespaceDoNotCount(t *testing.T) {
	pod := controlledBy(replicaSet)
	pod.Namespace = "other"
	if got := owners(replicaSet, deployment).Of(pod).Workload(); got != replicaSet {
		t.Errorf("got %s", got)
	}
}

func TestAnOwnerThatDoesNotControlDoesNotCount(t *testing.T) {
	pod := fixture.Pod("shop/p", fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-7d"), func(p *corev1.Pod) { p.OwnerReferences[0].Controller = nil })
	if got := owners(replicaSet, deployment).Of(proxy.FromPod(pod)).Workload().String(); got != "pod/p" {
		t.Errorf("got %s", got)
	}
}

func TestAChainContainsThePodAndWhatControlsIt(t *testing.T) {
	chain := owners(replicaSet, deployment).Of(controlledBy(replicaSet))
	for ref, want := range map[Ref]bool{
		{Kind: "Pod", Name: "p"}: true, replicaSet: true, deployment: true,
		rollout: false, {Group: "apps", Kind: "Deployment", Name: "other"}: false, {Kind: "Pod", Name: "cart"}: false,
	} {
		if got := chain.Contains(ref); got != want {
			t.Errorf("%s: %v, want %v", ref, got, want)
		}
	}
}

func TestAPodsWayUpNamesTheReadingThatFailed(t *testing.T) {
	o := owners()
	o.gaps = []cluster.Gap{{Missing: "replicasets", Err: errors.New("forbidden")}}
	for _, c := range []struct {
		rule string
		pod  proxy.Pod
		want bool
	}{
		{"a pod of a ReplicaSet", controlledBy(replicaSet), true},
		{"a pod of a Job", controlledBy(job), false},
		{"a pod of a controller that is not listed", controlledBy(widget), false},
		{"a bare pod", proxy.FromPod(fixture.Pod("shop/p")), false},
	} {
		if got := o.GapFor(c.pod); (got != nil) != c.want || got != nil && got.Missing != "replicasets" {
			t.Errorf("%s: %v", c.rule, got)
		}
	}
}

func TestKindsThatMayNotBeListedLeaveTheRestReadable(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "replicasets"}, "", errors.New("no"))
	for _, c := range []struct {
		rule    string
		above   bool
		err     error
		gaps    int
		failure string
	}{
		{"forbidden", false, forbidden, 1, ""},
		{"forbidden, with what stands above", true, forbidden, 1, ""},
		{"a kind that the cluster does not have", false, apierrors.NewNotFound(schema.GroupResource{Resource: "replicasets"}, ""), 0, ""},
		{"a cluster that fails", false, apierrors.NewInternalError(errors.New("etcd is gone")), 0, "reading replicasets: "},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := faulty.New("")
			f.Fail("replicasets", c.err)
			o, err := ReadOwners(t.Context(), f.Clients(), Options{Above: c.above})
			if c.failure != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.failure) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || len(o.Gaps()) != c.gaps || (o.GapFor(controlledBy(replicaSet)) != nil) != (c.gaps > 0) {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
}
