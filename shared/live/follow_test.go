package live

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// The handlers of errors hold the time of the last one, which no other clock can read; ours are told apart from them.
func TestMain(m *testing.M) {
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

const (
	image = "docker.io/istio/proxyv2:"
	// soon is long enough for whatever is on its way to be told, and for a feed to try again.
	soon = 2 * time.Second
)

// cart is a pod of the namespace shop with a proxy of revision 1-22.
func cart(name string, options ...fixture.PodOption) *corev1.Pod {
	return fixture.Pod("shop/"+name, append([]fixture.PodOption{fixture.Injected("1-22", image+"1.22.0")}, options...)...)
}

func forbidden(resource string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("not yours"))
}

// stage is a cluster that is followed. What it is asked takes no time: tests run in a bubble with a clock of its own.
type stage struct {
	*testing.T
	*faulty.Cluster
	watches *faulty.Watches
	updates []Update
	err     error
	seen    int
}

// shop is a cluster with revisions 1-22 and 1-23, a tag prod on the first, which the namespace shop follows, and the objects.
func shop(t *testing.T, objects ...runtime.Object) *stage {
	c := faulty.New("prod", append(objects, fixture.Injector("1-22"), fixture.Injector("1-23"), fixture.TagInjector("prod", "1-22"),
		fixture.ConfigMap("1-22", "1.22.0"), fixture.ConfigMap("1-23", "1.23.0"))...)
	return &stage{T: t, Cluster: c, watches: c.Watches()}
}

// follow follows the cluster until the test ends, and waits for what it says first.
func (s *stage) follow(options Options) {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.err = Follow(ctx, s.Clients(), options, func(u Update) error {
			s.updates = append(s.updates, u)
			return nil
		})
	}()
	s.Cleanup(func() {
		cancel()
		<-done
	})
	s.wait(soon)
}

func (s *stage) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// told returns what was said since the last time, as "pod status" with a "+" for a new and a "-" for a gone one.
func (s *stage) told() []string {
	var words []string
	for _, u := range s.updates[s.seen:] {
		if u.Lost != nil {
			words = append(words, "lost")
		}
		for _, c := range u.Changes {
			words = append(words, wordsOf(c))
		}
		for _, err := range u.Unwatched {
			words = append(words, err.Error())
		}
		if u.Lost == nil && len(u.Changes)+len(u.Unwatched) == 0 {
			words = append(words, "nothing")
		}
	}
	s.seen = len(s.updates)
	return words
}

func wordsOf(c Change) string {
	word := func(i *scan.Item) string {
		return i.Pod.Name + " " + string(i.Verdict.Status) + " " + i.Chain.Workload().String()
	}
	switch {
	case c.Before == nil:
		return "+" + word(c.After)
	case c.After == nil:
		return "-" + word(c.Before)
	default:
		return word(c.After)
	}
}

func (s *stage) want(words ...string) {
	s.Helper()
	if got := s.told(); !slices.Equal(got, words) {
		s.Errorf("told %q, want %q (%v)", got, words, s.err)
	}
}

// in runs a test whose clock is its own.
func in(t *testing.T, test func(*testing.T)) { t.Helper(); synctest.Test(t, test) }

func TestTheFirstUpdateHasEverything(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), cart("b", fixture.ControlledBy("apps/v1", "DaemonSet", "b")))
		s.follow(Options{})
		s.want("+a current pod/a", "+b current daemonset/b")
		if u := s.updates[0]; len(u.Gaps) > 0 || u.Lost != nil || len(u.Unwatched) > 0 || len(u.Mesh.Injectors()) != 3 {
			t.Errorf("got %+v", u)
		}
		s.wait(10 * time.Minute)
		s.want()
	})
}

func TestWhatDecidesIsFollowed(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.follow(Options{})
		s.want("+a current pod/a")
		s.watches.Send("mutatingwebhookconfigurations", watch.Modified, fixture.TagInjector("prod", "1-23"))
		s.wait(soon)
		s.want("a outdated pod/a")
		s.watches.Send("configmaps", watch.Modified, fixture.ConfigMap("1-23", "1.22.0"))
		s.wait(soon)
		s.want("a mismatched pod/a")
		s.watches.Send("namespaces", watch.Modified, namespace("shop", "1-22"))
		s.wait(soon)
		s.want("a current pod/a")
		s.watches.Send("namespaces", watch.Modified, namespace("shop", ""))
		s.wait(soon)
		s.want("a unexpected pod/a")
		s.watches.Send("mutatingwebhookconfigurations", watch.Deleted, fixture.Injector("1-22"))
		s.wait(soon)
		s.want("a orphaned pod/a")
	})
}

func namespace(name, follows string) *metav1.PartialObjectMetadata {
	n := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if follows != "" {
		n.Labels = map[string]string{"istio.io/rev": follows}
	}
	return n
}

func TestWhatDecidesNothingIsNoUpdate(t *testing.T) {
	leader := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: fixture.IstioNamespace, Name: "istio-leader"}}
	renewed := leader.DeepCopy()
	renewed.Annotations = map[string]string{"control-plane.alpha.kubernetes.io/leader": "{}"}
	touched := fixture.ConfigMap("1-22", "1.22.0")
	touched.Annotations = map[string]string{"a": "b"}
	in(t, func(t *testing.T) {
		s := shop(t, leader, cart("a"))
		s.follow(Options{})
		s.told()
		s.watches.Send("configmaps", watch.Modified, renewed)
		s.watches.Send("configmaps", watch.Modified, touched)
		s.watches.Send("configmaps", watch.Deleted, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: fixture.IstioNamespace, Name: "other"}})
		s.watches.Send("pods", watch.Modified, cart("a", fixture.Annotation("a", "b")))
		s.wait(soon)
		s.want()
	})
}

func TestWhenAPodCameAndBecameReadyIsNoUpdate(t *testing.T) {
	ready := func(uid types.UID, seconds int64) *corev1.Pod {
		return cart("a", func(p *corev1.Pod) {
			p.UID, p.CreationTimestamp = uid, metav1.Unix(seconds, 0)
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Unix(seconds+1, 0)}}
		})
	}
	in(t, func(t *testing.T) {
		s := shop(t, ready("u", 1700000000))
		s.follow(Options{})
		s.told()
		s.watches.Send("pods", watch.Modified, ready("v", 1700000100))
		s.wait(soon)
		s.want()
	})
}

func TestPodsComeAndGo(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.follow(Options{})
		s.told()
		s.watches.Send("pods", watch.Added, cart("b"))
		s.watches.Send("pods", watch.Deleted, cart("a"))
		s.wait(soon)
		s.want("-a current pod/a", "+b current pod/b")
		s.watches.Send("pods", watch.Added, cart("c"))
		s.watches.Send("pods", watch.Deleted, cart("c"))
		s.wait(soon)
		s.want()
	})
}

func TestOnlyWhatWasAskedForIsTold(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), cart("b"))
		only := func(p proxy.Pod, _ workload.Chain) bool { return p.Name == "b" }
		s.follow(Options{Options: scan.Options{Only: only}})
		s.want("+b current pod/b")
		s.watches.Send("pods", watch.Deleted, cart("a"))
		s.wait(soon)
		s.want()
	})
}

func TestWhatMayNotBeListedIsAGapApartFromPods(t *testing.T) {
	for resource, want := range map[string]string{
		"mutatingwebhookconfigurations": "webhook configurations", "namespaces": "namespaces", "proxyconfigs": "proxyconfigs",
		"gateways": "gateways", "validatingwebhookconfigurations": "validatingwebhookconfiguration istiod-default-validator",
		"configmaps": "configmaps in istio-system", "services": "services in istio-system", "replicasets": "replicasets",
	} {
		t.Run(resource, func(t *testing.T) {
			in(t, func(t *testing.T) {
				s := shop(t, cart("a"))
				s.Fail(resource, forbidden(resource))
				s.follow(Options{})
				if len(s.updates) == 0 {
					t.Fatal(s.err)
				}
				if gaps := s.updates[0].Gaps; len(gaps) != 1 || gaps[0].Missing != want || len(s.updates[0].Changes) != 1 {
					t.Errorf("got %v", s.updates[0])
				}
				s.wait(5 * time.Minute)
				if len(s.updates) != 1 {
					t.Errorf("%d updates", len(s.updates))
				}
			})
		})
	}
	t.Run("pods", func(t *testing.T) {
		in(t, func(t *testing.T) {
			s := shop(t, cart("a"))
			s.Fail("pods", forbidden("pods"))
			s.follow(Options{})
			if len(s.updates) > 0 || !apierrors.IsForbidden(s.err) || !strings.HasPrefix(s.err.Error(), "reading pods: ") {
				t.Errorf("%v, %d updates", s.err, len(s.updates))
			}
		})
	})
}

func TestAConfigMapGapIsThatOfItsNamespace(t *testing.T) {
	elsewhere := fixture.Injector("1-24")
	for i := range elsewhere.Webhooks {
		elsewhere.Webhooks[i].ClientConfig.Service.Namespace = "elsewhere"
	}
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), elsewhere)
		s.Kube.PrependReactor("list", "configmaps", func(a clienttesting.Action) (bool, runtime.Object, error) {
			return a.GetNamespace() == "elsewhere", nil, forbidden("configmaps")
		})
		s.follow(Options{})
		s.want("+a current pod/a")
	})
}

func TestAKindThatTheClusterLacksIsLookedForAgain(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "gateways"}, "")
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		lists := s.countLists("gateways", missing)
		s.follow(Options{})
		s.want("+a current pod/a")
		if u := s.updates[0]; len(u.Gaps) > 0 || u.Lost != nil {
			t.Errorf("got %+v", u)
		}
		before := lists.Load()
		s.wait(5 * time.Minute)
		if n := lists.Load() - before; n < 4 || n > 16 {
			t.Errorf("asked %d times in five minutes", n)
		}
		s.want()
	})
}

// countLists counts the lists of a resource; they fail where there is an error.
func (s *stage) countLists(resource string, err error) *atomic.Int64 {
	var n atomic.Int64
	s.OnList(resource, func() error {
		n.Add(1)
		return err
	})
	return &n
}

func TestAKindThatIsRemovedIsNoLoss(t *testing.T) {
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "gateways"}, "")
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		var gone atomic.Bool
		s.OnList("gateways", func() error {
			if gone.Load() {
				return missing
			}
			return nil
		})
		s.follow(Options{})
		s.told()
		gone.Store(true)
		s.watches.Break("gateways", missing)
		s.wait(5 * time.Minute)
		s.want()
	})
}

func TestAFailureIsAnErrorFirstAndALossLater(t *testing.T) {
	broken := errors.New("connection refused")
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.Fail("namespaces", broken)
		s.follow(Options{})
		if len(s.updates) > 0 || !errors.Is(s.err, broken) || s.err.Error() != "reading namespaces: connection refused" {
			t.Errorf("%v, %d updates", s.err, len(s.updates))
		}
	})
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.follow(Options{})
		s.told()
		s.watches.Break("namespaces", broken)
		s.watches.Break("pods", broken)
		s.wait(time.Minute)
		s.want("lost")
		if lost := s.updates[len(s.updates)-1].Lost; lost.Error() != "watching namespaces: connection refused" {
			t.Errorf("got %v", lost)
		}
		s.watches.Mend("namespaces")
		s.watches.Mend("pods")
		s.wait(10 * time.Second)
		s.want("nothing")
		s.watches.Send("pods", watch.Added, cart("b"))
		s.wait(soon)
		s.want("+b current pod/b")
	})
}

func TestARefusalAfterALossPasses(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.follow(Options{})
		s.told()
		s.watches.Break("pods", forbidden("pods"))
		s.wait(time.Minute)
		s.want("lost")
		s.watches.Mend("pods")
		s.wait(10 * time.Second)
		s.want("nothing")
	})
}

func TestChangesAreHeldBackWhileWhatDecidesAboutThemIsLost(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.follow(Options{})
		s.told()
		s.watches.Break("namespaces", errors.New("connection refused"))
		s.wait(soon)
		s.want("lost")
		s.watches.Send("pods", watch.Added, fixture.Pod("new/b"))
		s.wait(soon)
		s.want()
		s.watches.Mend("namespaces")
		s.wait(10 * time.Second)
		if got := s.told(); len(got) != 1 || !strings.HasPrefix(got[0], "+b ") {
			t.Errorf("told %q", got)
		}
	})
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.follow(Options{})
		s.told()
		s.watches.Break("gateways", errors.New("no conversion"))
		s.wait(soon)
		s.want("lost")
		s.watches.Send("pods", watch.Added, cart("b"))
		s.wait(regroup + soon)
		s.want("lost", "+b current pod/b")
	})
}

func TestAnExpiredWatchIsTakenUpAgain(t *testing.T) {
	expired := apierrors.NewResourceExpired("too old").Status()
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), cart("b"))
		s.follow(Options{})
		s.told()
		if err := s.Kube.CoreV1().Pods("shop").Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		s.watches.Send("pods", watch.Error, &expired)
		s.wait(soon)
		s.want("-a current pod/a")
		s.watches.Send("pods", watch.Added, cart("c"))
		s.wait(soon)
		s.want("+c current pod/c")
	})
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.follow(Options{})
		s.told()
		s.watches.Break("pods", apierrors.NewResourceExpired("too old"))
		s.wait(soon)
		s.watches.Mend("pods")
		s.wait(10 * time.Second)
		s.want()
	})
}

func TestWhatMayNotBeWatchedIsListedNowAndThen(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.watches.Break("services", forbidden("services"))
		lists := s.countLists("services", nil)
		s.follow(Options{})
		s.want("+a current pod/a", "watching services in istio-system: "+forbidden("services").Error())
		before := lists.Load()
		s.wait(5 * time.Minute)
		if n := lists.Load() - before; n < 4 || n > 5 {
			t.Errorf("listed %d times in five minutes", n)
		}
		s.want()
	})
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.watches.Break("pods", forbidden("pods"))
		s.follow(Options{})
		if !apierrors.IsForbidden(s.err) || !strings.HasPrefix(s.err.Error(), "watching pods: ") {
			t.Errorf("got %v", s.err)
		}
	})
}

func replicaSet(name, deployment string) *metav1.PartialObjectMetadata {
	r := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	controller := true
	r.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: deployment, Controller: &controller}}
	return r
}

func TestAPodStaysWithItsWorkloadUntilItIsGone(t *testing.T) {
	in(t, func(t *testing.T) {
		of := fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-1")
		s := shop(t, cart("a", of))
		s.follow(Options{})
		s.want("+a current replicaset/cart-1")
		s.watches.Send("replicasets", watch.Added, replicaSet("cart-1", "cart"))
		s.wait(soon)
		s.want("a current deployment/cart")
		s.watches.Send("replicasets", watch.Deleted, replicaSet("cart-1", "cart"))
		s.wait(soon)
		terminating := cart("a", of)
		terminating.Status.Phase = corev1.PodFailed
		s.watches.Send("pods", watch.Modified, terminating)
		s.wait(soon)
		s.want("a current deployment/cart")
		s.watches.Send("pods", watch.Deleted, terminating)
		s.wait(soon)
		s.want("-a current deployment/cart")
		s.watches.Send("pods", watch.Added, cart("b", of))
		s.wait(soon)
		s.want("+b current replicaset/cart-1")
	})
}

func TestTheFirstUpdateHasEverythingWhereThereIsZtunnelToo(t *testing.T) {
	ztunnel := fixture.Pod("istio-system/z", fixture.Label("app", "ztunnel"), fixture.Proxy("docker.io/istio/ztunnel:1.22.0", "proxy", "ztunnel"),
		fixture.ControlledBy("apps/v1", "DaemonSet", "ztunnel"))
	set := func(version string) *appsv1.DaemonSet {
		set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "ztunnel"}}
		set.Spec.Template.Labels = map[string]string{"app": "ztunnel"}
		set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "istio-proxy", Image: "docker.io/istio/ztunnel:" + version}}
		return set
	}
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), ztunnel, set("1.22.0"))
		s.follow(Options{})
		s.want("+z current daemonset/ztunnel", "+a current pod/a")
		s.watches.Send("daemonsets", watch.Modified, set("1.23.0"))
		s.wait(soon)
		s.want("z outdated daemonset/ztunnel")
		s.watches.Send("daemonsets", watch.Deleted, set("1.23.0"))
		s.wait(soon)
		s.want("z unknown daemonset/ztunnel")
	})
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), ztunnel)
		s.Fail("daemonsets", forbidden("daemonsets"))
		s.follow(Options{})
		s.want("+z unknown daemonset/ztunnel", "+a current pod/a")
		if len(s.updates[0].Gaps) != 1 {
			t.Errorf("gaps %v", s.updates[0].Gaps)
		}
	})
}

func TestOneNamespaceIsFollowedByWhoMayReadNoMore(t *testing.T) {
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"))
		s.OnList("namespaces", func() error { return forbidden("namespaces") })
		s.watches.Break("namespaces", forbidden("namespaces"))
		s.Istio.PrependReactor("list", "proxyconfigs", func(a clienttesting.Action) (bool, runtime.Object, error) {
			return a.GetNamespace() == "", nil, forbidden("proxyconfigs")
		})
		s.follow(Options{Options: scan.Options{Namespace: "shop"}})
		s.want("+a current pod/a", "watching namespaces: "+forbidden("namespaces").Error())
		if len(s.updates[0].Gaps) > 0 {
			t.Errorf("gaps %v", s.updates[0].Gaps)
		}
	})
}

func TestTheErrorOfDoEndsTheFollowing(t *testing.T) {
	in(t, func(t *testing.T) {
		stop := fmt.Errorf("enough")
		s := shop(t, cart("a"))
		if err := Follow(t.Context(), s.Clients(), Options{}, func(Update) error { return stop }); err != stop {
			t.Errorf("got %v", err)
		}
	})
}

func TestANewControlPlanesNamespaceIsFollowedToo(t *testing.T) {
	elsewhere := fixture.TagInjector("prod", "1-24")
	for i := range elsewhere.Webhooks {
		elsewhere.Webhooks[i].ClientConfig.Service.Namespace = "elsewhere"
	}
	config := fixture.ConfigMap("1-24", "1.24.0")
	config.Namespace = "elsewhere"
	in(t, func(t *testing.T) {
		s := shop(t, cart("a"), config)
		s.follow(Options{})
		s.told()
		s.watches.Send("mutatingwebhookconfigurations", watch.Modified, elsewhere)
		s.wait(soon)
		s.want("a outdated pod/a")
	})
}
