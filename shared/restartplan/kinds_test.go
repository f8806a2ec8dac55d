package restartplan

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func statefulSet() *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: ptr[int32](2)}}
	s.Name, s.Status.UpdateRevision = "db", "db-1"
	return s
}

// decision is what is decided about a workload.
type decision struct {
	action          v1alpha1.Action
	method          v1alpha1.Method
	reason, command string
}

func decided(s Step) decision { return decision{s.Action, s.Method, s.Reason, s.Command} }

const (
	cart   = "apps/Deployment/cart"
	reason = "because outdated"
)

func restarts(m v1alpha1.Method) decision { return decision{v1alpha1.Restart, m, reason, ""} }

func skipped(reason, command string) decision {
	return decision{v1alpha1.Skip, "", reason, command}
}

// TestWhatIsDoneWithEachKind is the table of the documentation.
func TestWhatIsDoneWithEachKind(t *testing.T) {
	const again = "kubectl mesh-reinject "
	onDelete := statefulSet()
	onDelete.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
	parted := statefulSet()
	parted.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: ptr[int32](1)}
	daemon := &appsv1.DaemonSet{}
	daemon.Name = "agent"
	daemon.Status.UpdatedNumberScheduled = 1
	recreates := deployment("cart", 1)
	recreates.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType
	set, controller := &appsv1.ReplicaSet{}, &corev1.ReplicationController{}
	set.Name, controller.Name = "made", "ancient"
	argo := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "roll"}}}
	gateway := func(i *scan.Item) {
		i.Pod.Labels = map[string]string{"gateway.istio.io/managed": "x", "gateway.networking.k8s.io/gateway-name": "public"}
	}
	for _, c := range []struct {
		rule   string
		object runtime.Object
		of     func(*rollout.Workload)
		pods   []scan.Item
		change func(*Options)
		want   decision
	}{
		{"a Deployment", deployment("cart", 2), nil, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, nil, restarts(v1alpha1.ByRestart)},
		{"a DaemonSet", daemon, nil, []scan.Item{item("shop/a", "apps/DaemonSet/agent", v1alpha1.Outdated)}, nil, restarts(v1alpha1.ByRestart)},
		{"a StatefulSet", statefulSet(), nil, []scan.Item{item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Outdated, hash("db-1"))}, nil, restarts(v1alpha1.ByRestart)},
		{"by grace period", deployment("cart", 2), nil, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)},
			func(o *Options) { o.Method = v1alpha1.ByGracePeriod }, restarts(v1alpha1.ByGracePeriod)},
		{"by eviction", deployment("cart", 2), nil, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)},
			func(o *Options) { o.Method = v1alpha1.ByEviction }, restarts(v1alpha1.ByEviction)},
		{"one that recreates", recreates, nil, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, nil,
			skipped("its strategy is Recreate, which takes all of its pods down before new ones are made", again+"deployment/cart -n shop --allow-downtime")},
		{"with downtime", recreates, nil, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, func(o *Options) { o.AllowDowntime = true }, restarts(v1alpha1.ByRestart)},
		{"OnDelete", onDelete, nil, []scan.Item{item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Outdated)}, nil, restarts(v1alpha1.ByEviction)},
		{"OnDelete by another method", onDelete, nil, []scan.Item{item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Outdated)},
			func(o *Options) { o.Method = v1alpha1.ByRestart },
			skipped("its update strategy is OnDelete, so that --method restart does nothing to its pods: use --method evict", "")},
		{"what a partition holds back", parted, nil, []scan.Item{item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Outdated)}, nil,
			skipped("its partition 1 holds back 1 of its pods", again+"statefulset/db -n shop --include-partitioned")},
		{"by eviction neither", parted, nil, []scan.Item{item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Outdated)}, func(o *Options) { o.Method = v1alpha1.ByEviction },
			skipped("its partition 1 holds back 1 of its pods", again+"statefulset/db -n shop --include-partitioned")},
		{"included", parted, nil, []scan.Item{item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Outdated)}, func(o *Options) { o.IncludePartitioned = true }, restarts(v1alpha1.ByEviction)},
		{"the others are restarted", parted, nil, []scan.Item{item("shop/db-0", "apps/StatefulSet/db", v1alpha1.Outdated), item("shop/db-1", "apps/StatefulSet/db", v1alpha1.Outdated, hash("db-1"))}, nil,
			restarts(v1alpha1.ByRestart)},
		{"a ReplicaSet of nobody", set, nil, []scan.Item{item("shop/a", "apps/ReplicaSet/made", v1alpha1.Outdated)}, nil, restarts(v1alpha1.ByEviction)},
		{"a ReplicationController", controller, nil, []scan.Item{item("shop/a", "/ReplicationController/ancient", v1alpha1.Outdated)}, nil, restarts(v1alpha1.ByEviction)},
		{"an unknown controller", nil, nil, []scan.Item{item("shop/a", "example.com/Clone/c", v1alpha1.Outdated)}, nil,
			skipped("what a Clone does when its pods are evicted is not known", again+"clone/c -n shop --include-unknown")},
		{"included", nil, nil, []scan.Item{item("shop/a", "example.com/Clone/c", v1alpha1.Outdated)}, func(o *Options) { o.IncludeUnknown = true }, restarts(v1alpha1.ByEviction)},
		{"an unknown controller by another method", nil, nil, []scan.Item{item("shop/a", "example.com/Clone/c", v1alpha1.Outdated)}, func(o *Options) { o.Method = v1alpha1.ByRestart },
			skipped("a Clone cannot be restarted by --method restart: use --method evict", "")},
		{"an unknown controller whose pods end", nil, nil, []scan.Item{item("shop/a", "example.com/Clone/c", v1alpha1.Outdated, onlyOnce)}, func(o *Options) { o.IncludeUnknown = true },
			skipped("its pods run to completion and are never restarted; the next ones get proxy 1.23.0 of revision 1-23", "")},
		{"a Rollout", argo, nil, []scan.Item{item("shop/a", "argoproj.io/Rollout/roll", v1alpha1.Outdated)}, nil, restarts(v1alpha1.ByRestartAt)},
		{"a Rollout by grace period", argo, nil, []scan.Item{item("shop/a", "argoproj.io/Rollout/roll", v1alpha1.Outdated)}, func(o *Options) { o.Method = v1alpha1.ByGracePeriod },
			skipped("a Rollout cannot be restarted by --method grace-period: use --method restart", "")},
		{"a Job", nil, nil, []scan.Item{item("shop/a", "batch/Job/import", v1alpha1.Outdated)}, nil,
			skipped("it runs to completion and is never restarted; its next run gets proxy 1.23.0 of revision 1-23", "")},
		{"a Job that loses its proxy", nil, nil, []scan.Item{item("shop/a", "batch/Job/import", v1alpha1.Orphaned, noneExpected)}, func(o *Options) { o.Unexpected = true },
			skipped("it runs to completion and is never restarted; its next run gets no proxy", "")},
		{"a CronJob's Job", nil, nil, []scan.Item{item("shop/a", "batch/Job/import-1", v1alpha1.Outdated, func(i *scan.Item) {
			i.Chain.Refs = append(i.Chain.Refs, workload.Ref{Group: "batch", Kind: "CronJob", Name: "import"})
		})}, nil, skipped("it runs to completion and is never restarted; the next run of cronjob/import gets proxy 1.23.0 of revision 1-23", "")},
		{"a paused Deployment", deployment("cart", 2), func(w *rollout.Workload) { w.Paused = true }, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, nil,
			skipped("its rollout is paused", "kubectl rollout resume deployment/cart -n shop")},
		{"one that was injected by hand", deployment("cart", 2), func(w *rollout.Workload) { w.HandInjected = true }, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, nil,
			skipped("the proxy was injected into its template by hand, and a restart does not change that",
				"kubectl get deployment/cart -n shop -o yaml, then apply its original manifest, or that by `istioctl kube-inject`")},
		{"a gateway that istiod keeps", deployment("cart", 2), nil, []scan.Item{item("shop/a", cart, v1alpha1.Outdated, gateway)}, nil,
			skipped("istiod keeps it for Gateway public, and replaces its pods by itself",
				"kubectl label gateways.gateway.networking.k8s.io public -n shop istio.io/rev=1-23 --overwrite")},
		{"one that is being deleted", deployment("cart", 2), func(w *rollout.Workload) { w.Deleting = true }, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, nil,
			skipped("it is being deleted", "")},
		{"one that is gone", nil, nil, []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, nil, skipped("it no longer exists", "")},
		{"a bare pod", nil, nil, []scan.Item{item("shop/debug", "", v1alpha1.Outdated)}, nil, skipped("nothing would create it again", again+"pod/debug -n shop --bare-pods=recreate")},
		{"recreated", nil, nil, []scan.Item{item("shop/debug", "", v1alpha1.Outdated)}, func(o *Options) { o.RecreateBarePods = true }, restarts(v1alpha1.ByRecreation)},
		{"recreated whatever the method of the others", nil, nil, []scan.Item{item("shop/debug", "", v1alpha1.Outdated)}, func(o *Options) { o.RecreateBarePods, o.Method = true, v1alpha1.ByEviction },
			restarts(v1alpha1.ByRecreation)},
		{"a bare pod that ends", nil, nil, []scan.Item{item("shop/debug", "", v1alpha1.Outdated, onlyOnce)}, func(o *Options) { o.RecreateBarePods = true },
			skipped("it runs to completion and is never restarted; created again, it gets proxy 1.23.0 of revision 1-23", "")},
	} {
		t.Run(c.rule, func(t *testing.T) {
			in, o := Input{Pods: c.pods}, auto()
			if c.object != nil {
				w := in.known(c.object)
				if in.rolled(w); c.of != nil {
					c.of(w)
				}
				for i := range in.Pods {
					in.Pods[i].Pod.Controller.UID = w.UID
				}
			}
			if c.change != nil {
				c.change(&o)
			}
			plan, err := Make(in, o)
			if err != nil || len(plan.Steps) != 1 {
				t.Fatalf("got %+v, %v", plan, err)
			}
			if got := decided(plan.Steps[0]); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestWhatMayNotBeReadIsSaid(t *testing.T) {
	in := Input{Pods: []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}, Unread: map[string]string{"Deployment": "cannot read deployments: no"}}
	plan, _ := Make(in, auto())
	if got := decided(plan.Steps[0]); got != skipped("cannot read deployments: no", "") {
		t.Errorf("got %+v", got)
	}
}

func TestAnUnknownControllerIsNamedByItsOwnUID(t *testing.T) {
	in := Input{Pods: []scan.Item{item("shop/a", "example.com/Clone/c", v1alpha1.Outdated), item("shop/debug", "", v1alpha1.Outdated)}}
	o := auto()
	o.IncludeUnknown, o.RecreateBarePods = true, true
	plan, _ := Make(in, o)
	if plan.Steps[0].UID != "uid-c" || plan.Steps[1].UID != "uid-shop/debug" {
		t.Errorf("got %+v", plan.Steps)
	}
}

// singleton is a Deployment of one replica that was rolled out.
func singleton(in *Input, changes ...func(*rollout.Workload)) {
	in.Pods = []scan.Item{item("shop/a", cart, v1alpha1.Outdated)}
	w := in.known(deployment("cart", 1), changes...)
	in.rolled(w)
}

func mounts(w *rollout.Workload) { w.Claims = []string{"data"} }
func leftOver(w *rollout.Workload) {
	w.Annotations, w.Labels = map[string]string{rollout.RestoreReplicas: "1"}, map[string]string{rollout.SurgedLabel: "true"}
}

func TestSurgesOfSingletons(t *testing.T) {
	scaledBy := func(a Autoscaler) func(*Input) {
		return func(in *Input) {
			singleton(in)
			in.Autoscalers = map[podtemplate.Workload]Autoscaler{shop(cart): a}
		}
	}
	for _, c := range []struct {
		rule    string
		in      func(*Input)
		asked   bool
		surge   bool
		through string
		want    decision
	}{
		{"none where none is asked for", func(in *Input) { singleton(in) }, false, false, "", restarts(v1alpha1.ByRestart)},
		{"by its own replicas", func(in *Input) { singleton(in) }, true, true, "", restarts(v1alpha1.ByRestart)},
		{"through its HPA", scaledBy(Autoscaler{Name: "h", Minimum: 1, Maximum: 2}), true, true, "h", restarts(v1alpha1.ByRestart)},
		{"whose maximum forbids it", scaledBy(Autoscaler{Name: "h", Minimum: 1, Maximum: 1}), true, false, "",
			skipped("it cannot run twice for --surge-singletons: HorizontalPodAutoscaler h allows one replica", "")},
		{"a volume forbids it", func(in *Input) {
			singleton(in, mounts)
			in.Once = map[string]string{"shop/data": "its volume is ReadWriteOnce"}
		}, true, false, "", skipped("it cannot run twice for --surge-singletons: its volume is ReadWriteOnce", "")},
		{"a volume that can be shared", func(in *Input) { singleton(in, mounts) }, true, true, "", restarts(v1alpha1.ByRestart)},
		{"one of two has its second", func(in *Input) {
			singleton(in, func(w *rollout.Workload) { w.Replicas = 2 })
		}, true, false, "", restarts(v1alpha1.ByRestart)},
		{"what is left of an earlier run is put back after the restart", func(in *Input) { singleton(in, leftOver) }, false, true, "", restarts(v1alpha1.ByRestart)},
		{"at its HPA too", scaledBy(Autoscaler{Name: "h", Minimum: 2, Maximum: 3, Left: true}), false, true, "h", restarts(v1alpha1.ByRestart)},
		{"and although it is skipped", func(in *Input) {
			singleton(in, leftOver, func(w *rollout.Workload) { w.Paused = true })
		}, false, true, "", decision{v1alpha1.PutBack, "", "an earlier run left it at more replicas than it should have; not restarted: its rollout is paused", ""}},
		{"or not stale", func(in *Input) {
			singleton(in, leftOver)
			in.Pods[0].Verdict.Status = v1alpha1.Current
		}, false, true, "", decision{v1alpha1.PutBack, "", "an earlier run left it at more replicas than it should have", ""}},
		{"or without pods", func(in *Input) {
			singleton(in, leftOver)
			in.Pods = nil
		}, false, true, "", decision{v1alpha1.PutBack, "", "an earlier run left it at more replicas than it should have", ""}},
		{"or its label names nothing", func(in *Input) {
			singleton(in, leftOver)
			dangling(&in.Pods[0])
		}, false, true, "", decision{v1alpha1.PutBack, "", "an earlier run left it at more replicas than it should have; not restarted: its proxies would be lost: because outdated", ""}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			var in Input
			c.in(&in)
			o := auto()
			o.SurgeSingletons = c.asked
			plan, err := Make(in, o)
			if err != nil || len(plan.Steps) != 1 {
				t.Fatalf("got %+v, %v", plan, err)
			}
			s, through := plan.Steps[0], ""
			if s.Autoscaler != nil {
				through = s.Autoscaler.Name
			}
			if decided(s) != c.want || s.Surge != c.surge || through != c.through {
				t.Errorf("got %+v, surge %v through %q", decided(s), s.Surge, through)
			}
		})
	}
}

func TestWhatTakesMorePodsDownThanMayBeIsSkipped(t *testing.T) {
	var in Input
	singleton(&in, func(w *rollout.Workload) { w.Replicas, w.MaxUnavailable = 4, 3 })
	o := auto()
	o.MaxUnavailablePods = 2
	plan, _ := Make(in, o)
	if got := decided(plan.Steps[0]); got != skipped("3 of its pods may be unavailable at once, and --max-unavailable-pods allows 2", "") {
		t.Errorf("got %+v", got)
	}
	o.MaxUnavailablePods = 3
	if plan, _ = Make(in, o); !plan.Steps[0].Acts() || plan.Steps[0].Unavailable != 3 {
		t.Errorf("got %+v", plan.Steps[0])
	}
}

func TestWhatIsBeingRolledOutIsAwaited(t *testing.T) {
	var in Input
	singleton(&in)
	in.Sets = append(in.Sets, rollout.Set{UID: "uid-next", Owner: "uid-cart", Label: "2"})
	in.Workloads[shop(cart)].Status.TemplateRevision = "2"
	plan, _ := Make(in, auto())
	if got := decided(plan.Steps[0]); got != (decision{v1alpha1.Await, "", "its pods are being replaced already", ""}) {
		t.Errorf("got %+v", got)
	}
	in.Pods[0].Verdict.Status = v1alpha1.Current
	o := auto()
	o.All = true
	if plan, _ = Make(in, o); plan.Steps[0].Action != v1alpha1.Restart || !plan.Steps[0].Force {
		t.Errorf("what is current and to be restarted all the same is: got %+v", plan.Steps[0])
	}
}

func TestTheGracePeriodIsInThePlan(t *testing.T) {
	var in Input
	singleton(&in)
	in.Sets = append(in.Sets, rollout.Set{UID: "uid-cart", Owner: "uid-cart", TemplateKey: in.Workloads[shop(cart)].TemplateKey, GracePeriod: 31})
	o := auto()
	o.Method = v1alpha1.ByGracePeriod
	plan, _ := Make(in, o)
	if g := plan.Steps[0].GracePeriod; g == nil || *g != (v1alpha1.GracePeriod{Own: 30, Set: 32}) {
		t.Errorf("got %+v", g)
	}
}
