package workload

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	metadatafake "k8s.io/client-go/metadata/fake"
	clienttesting "k8s.io/client-go/testing"

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
	controller  = Ref{"", "ReplicationController", "cart-1"}
	config      = Ref{"apps.openshift.io", "DeploymentConfig", "cart"}
	node        = Ref{"", "Node", "node-1"}
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
		{"a ReplicationController under a DeploymentConfig", controlledBy(controller), owners(controller, config), "replicationcontroller/cart-1", "deploymentconfig/cart"},
		{"a ReplicationController without an owner", controlledBy(controller), owners(), "replicationcontroller/cart-1", ""},
		{"the mirror of a static pod is its own, not its node's", controlledBy(node), owners(), "pod/p", ""},
		{"another group's Node is a controller", controlledBy(Ref{"example.com", "Node", "n"}), owners(), "node/n", ""},
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

func TestPodsAreTracedToTheKindsBelowWhichEverythingIsRead(t *testing.T) {
	for _, c := range []struct {
		rule string
		ref  Ref
		want bool
	}{
		{"a pod", Ref{"", "Pod", "p"}, true},
		{"a ReplicaSet", replicaSet, true},
		{"a Deployment", deployment, true},
		{"a StatefulSet", statefulSet, true},
		{"a DaemonSet", Ref{"apps", "DaemonSet", "agent"}, true},
		{"a Job", job, true},
		{"a CronJob", cronJob, true},
		{"a ReplicationController", controller, true},
		{"a Rollout", rollout, true},
		{"a DeploymentConfig", config, true},
		{"a Gateway of the Gateway API", Ref{"gateway.networking.k8s.io", "Gateway", "gw"}, true},
		{"Istio's own Gateway", Ref{"networking.istio.io", "Gateway", "gw"}, false},
		{"an operator's object", kafka, false},
		{"a kind of that name in another group", Ref{"example.com", "Deployment", "cart"}, false},
		{"a kind that makes none", Ref{"", "ConfigMap", "cart"}, false},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := Traceable(c.ref); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestKindsThatMayNotBeListedLeaveTheRestReadable(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "replicasets"}, "", errors.New("no"))
	for _, c := range []struct {
		rule     string
		resource string
		above    bool
		err      error
		gaps     int
		failure  string
	}{
		{"forbidden", "replicasets", false, forbidden, 1, ""},
		{"forbidden, with what stands above", "replicasets", true, forbidden, 1, ""},
		{"one that is read for what stands above only", "replicationcontrollers", false, forbidden, 0, ""},
		{"one that is read for what stands above", "replicationcontrollers", true, forbidden, 1, ""},
		{"one of every cluster's, of which something in between says that it is not there", "replicasets", false,
			apierrors.NewNotFound(schema.GroupResource{Resource: "replicasets"}, ""), 0, "reading replicasets: "},
		{"a cluster that fails", "replicasets", false, apierrors.NewInternalError(errors.New("etcd is gone")), 0, "reading replicasets: "},
	} {
		t.Run(c.rule, func(t *testing.T) {
			f := faulty.New("")
			f.Fail(c.resource, c.err)
			o, err := ReadOwners(t.Context(), f.Clients(), Options{Above: c.above})
			if c.failure != "" {
				if err == nil || !strings.HasPrefix(err.Error(), c.failure) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || len(o.Gaps()) != c.gaps || c.gaps > 0 && (o.Gaps()[0].Missing != c.resource || !apierrors.IsForbidden(o.Gaps()[0].Err)) {
				t.Errorf("got %+v, %v", o, err)
			}
		})
	}
}

func TestAnOwnerThatIsNewerThanTheListIsLookedForOnce(t *testing.T) {
	set := &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart-2"},
	}
	controller := true
	set.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "cart", Controller: &controller}}
	pod := proxy.FromPod(fixture.Pod("shop/cart-2-x", fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-2")))
	for _, c := range []struct {
		rule     string
		metadata []runtime.Object
		err      error
		want     string
		failure  bool
	}{
		{"it is there", []runtime.Object{set}, nil, "deployment/cart", false},
		{"it is gone", nil, nil, "replicaset/cart-2", false},
		{"it may not be read", nil, apierrors.NewForbidden(schema.GroupResource{Resource: "replicasets"}, "", errors.New("no")), "replicaset/cart-2", false},
		{"the cluster fails", nil, apierrors.NewInternalError(errors.New("etcd is gone")), "replicaset/cart-2", true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			scheme := metadatafake.NewTestScheme()
			if err := metav1.AddMetaToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			client := metadatafake.NewSimpleMetadataClient(scheme, c.metadata...)
			if c.err != nil {
				client.PrependReactor("*", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, c.err })
			}
			owners := NewOwners()
			for attempt := range 2 {
				err := owners.Find(t.Context(), &cluster.Clients{Metadata: client}, pod)
				if failed := c.failure && attempt == 0; (err != nil) != failed {
					t.Errorf("attempt %d: got %v", attempt, err)
				}
			}
			if got := owners.Of(pod).Workload().String(); got != c.want || len(client.Actions()) != 1 {
				t.Errorf("got %s by %d requests", got, len(client.Actions()))
			}
		})
	}
}

func TestOwnersThatMayNotBeListedAreNotLookedForOneByOne(t *testing.T) {
	scheme := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	client := metadatafake.NewSimpleMetadataClient(scheme)
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "replicasets"}, "", errors.New("no"))
	client.PrependReactor("list", "replicasets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, forbidden })
	clients := &cluster.Clients{Metadata: client}
	owners, err := ReadOwners(t.Context(), clients, Options{})
	if err != nil || len(owners.Gaps()) != 1 {
		t.Fatalf("got %+v, %v", owners, err)
	}
	before := len(client.Actions())
	for _, name := range []string{"cart-1", "cart-2", "web-1"} {
		pod := proxy.FromPod(fixture.Pod("shop/"+name+"-x", fixture.ControlledBy("apps/v1", "ReplicaSet", name)))
		if err := owners.Find(t.Context(), clients, pod); err != nil {
			t.Error(err)
		}
	}
	if n := len(client.Actions()) - before; n != 0 {
		t.Errorf("%d requests more", n)
	}
}
