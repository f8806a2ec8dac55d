package dryrun

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

func about(group, kind, name, pod string) Workload {
	return Workload{podtemplate.Workload{Namespace: "shop", Ref: workload.Ref{Group: group, Kind: kind, Name: name}}, pod}
}

func deployment(name string) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: "u"}, Spec: appsv1.DeploymentSpec{
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"from": "template"}}}}}
}

// shop has a Deployment, a pod of it and two pods that stand for others.
func shop() []runtime.Object {
	return []runtime.Object{
		deployment("cart"), fixture.Pod("shop/cart-1"),
		fixture.Pod("shop/bare", fixture.Injected("1-22", "istio/proxyv2:1.22.0")),
		fixture.Pod("shop/broken", fixture.Annotation("sidecar.istio.io/status", "{")),
	}
}

// telling is a cluster that gives back as the proxy's image where the question came from.
func telling(objects ...runtime.Object) *fake.Clientset {
	return byName(answering(func(a clienttesting.CreateActionImpl) (*corev1.Pod, error) {
		from := "pod"
		if asked(a).Annotations["from"] == "template" {
			from = "template"
		}
		return fixture.Pod("shop/x", fixture.Injected("1-22", from+" "+asked(a).GenerateName)), nil
	}, objects...))
}

// byName makes lists of pods heed their field selector, which simulated clusters do not.
func byName(kube *fake.Clientset) *fake.Clientset {
	kube.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		name, _ := a.(clienttesting.ListAction).GetListRestrictions().Fields.RequiresExactMatch("metadata.name")
		got, err := kube.Tracker().Get(a.GetResource(), a.GetNamespace(), name)
		list := &corev1.PodList{}
		if err == nil {
			list.Items = []corev1.Pod{*got.(*corev1.Pod)}
		}
		return true, list, nil
	})
	return kube
}

// collect gathers the answers as text, by workload.
func collect(t *testing.T, kube kubernetes.Interface, workloads ...Workload) (answers map[string]string, gaps string, err error) {
	t.Helper()
	answers = map[string]string{}
	found, err := Each(t.Context(), kube, Options{Chunk: 500}, workloads, func(w Workload, a Answer) error {
		name := w.Ref.String()
		if _, twice := answers[name]; twice {
			t.Errorf("told twice of %s", name)
		}
		answers[name] = a.Image
		if a.Refusal != nil {
			answers[name] = string(a.Refusal.Class) + ": " + a.Refusal.Cause
		}
		return nil
	})
	for _, gap := range found {
		gaps += gap.Error() + "\n"
	}
	return answers, gaps, err
}

func TestEveryDistinctWorkloadIsAskedAboutOnce(t *testing.T) {
	kube := telling(shop()...)
	cart, bare := about("apps", "Deployment", "cart", "cart-1"), about("", "Pod", "bare", "bare")
	got, gaps, err := collect(t, kube, cart, bare, cart, bare,
		about("argoproj.io", "Rollout", "web", "cart-1"), about("apps", "Deployment", "gone", "cart-1"),
		about("apps", "Deployment", "all-gone", "all-gone-1"), about("", "Pod", "broken", "broken"))
	want := map[string]string{
		"deployment/cart":     "template cart-dryrun-",
		"pod/bare":            "pod bare-",
		"rollout/web":         "pod cart-1-",
		"deployment/gone":     "pod cart-1-",
		"deployment/all-gone": "unasked: neither the template of deployment/all-gone nor pod all-gone-1 exists in namespace shop any more",
		"pod/broken": "unasked: finding the manifest of pod shop/broken: annotation sidecar.istio.io/status is malformed: " +
			"unexpected end of JSON input",
	}
	if err != nil || gaps != "" || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, gaps %s\ngot  %q\nwant %q", err, gaps, got, want)
	}
	created := 0
	for _, a := range kube.Actions() {
		if a.GetVerb() == "create" {
			created++
		}
	}
	if created != 4 {
		t.Errorf("%d requests", created)
	}
}

func forbidding(kube *fake.Clientset, resource string) *fake.Clientset {
	kube.PrependReactor("list", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
	})
	return kube
}

func TestWhatMayNotBeReadIsSaid(t *testing.T) {
	cart := about("apps", "Deployment", "cart", "cart-1")
	got, gaps, err := collect(t, forbidding(telling(shop()...), "deployments"), cart)
	if err != nil || gaps != "cannot read the templates of deployments.apps: deployments is forbidden: no\n" || got["deployment/cart"] != "pod cart-1-" {
		t.Errorf("a template: %v, gaps %q, got %q", err, gaps, got)
	}
	got, gaps, err = collect(t, forbidding(telling(shop()...), "pods"), about("", "Pod", "bare", "bare"))
	if err != nil || gaps != "" || got["pod/bare"] != "unasked: reading pod shop/bare: pods is forbidden: no" {
		t.Errorf("a pod: %v, gaps %q, got %q", err, gaps, got)
	}
}

// many are so many Deployments, and the workloads they are.
func many(n int) (objects []runtime.Object, workloads []Workload) {
	for i := range n {
		name := fmt.Sprintf("d-%d", i)
		objects = append(objects, deployment(name))
		workloads = append(workloads, about("apps", "Deployment", name, name+"-1"))
	}
	return objects, workloads
}

func TestSeveralAreAskedAboutAtATimeAndNoMore(t *testing.T) {
	for parallel, want := range map[int]int32{0: DefaultParallel, 3: 3} {
		var now, most atomic.Int32
		var mu sync.Mutex
		objects, workloads := many(40)
		kube := &slow{Interface: fake.NewSimpleClientset(objects...), pause: func() {
			mu.Lock()
			most.Store(max(most.Load(), now.Add(1)))
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			now.Add(-1)
		}}
		told := 0
		_, err := Each(t.Context(), kube, Options{Parallel: parallel, Chunk: 500}, workloads, func(Workload, Answer) error { told++; return nil })
		if err != nil || told != 40 || most.Load() != want {
			t.Errorf("%d told, %d at a time, want %d: %v", told, most.Load(), want, err)
		}
	}
}

func TestItEndsEarly(t *testing.T) {
	broken := errors.New("broken")
	objects, workloads := many(40)
	t.Run("with an error of the caller's", func(t *testing.T) {
		told := 0
		_, err := Each(t.Context(), telling(objects...), Options{Parallel: 2}, workloads, func(Workload, Answer) error { told++; return broken })
		if err != broken || told != 1 {
			t.Errorf("%d told, %v", told, err)
		}
	})
	t.Run("with its context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		told := 0
		_, err := Each(ctx, telling(objects...), Options{Parallel: 2}, workloads, func(Workload, Answer) error { told++; cancel(); return nil })
		if !errors.Is(err, context.Canceled) || told != 1 {
			t.Errorf("%d told, %v", told, err)
		}
	})
	t.Run("with a failure of the cluster", func(t *testing.T) {
		kube := answering(func(clienttesting.CreateActionImpl) (*corev1.Pod, error) { return nil, broken }, objects...)
		told := 0
		_, err := Each(t.Context(), kube, Options{Parallel: 1}, workloads, func(Workload, Answer) error { told++; return nil })
		if !errors.Is(err, broken) || told != patience-1 || !strings.HasPrefix(text(err), "asking by dry run for a pod like shop/d-") {
			t.Errorf("%d told, got %v", told, err)
		}
	})
	t.Run("without credentials", func(t *testing.T) {
		kube := answering(func(clienttesting.CreateActionImpl) (*corev1.Pod, error) {
			return nil, apierrors.NewUnauthorized("who?")
		}, objects...)
		_, err := Each(t.Context(), kube, Options{Parallel: 1}, workloads, func(Workload, Answer) error { t.Error("told"); return nil })
		if !apierrors.IsUnauthorized(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("with a failure to list", func(t *testing.T) {
		kube := telling(objects...)
		kube.PrependReactor("list", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, broken })
		_, err := Each(t.Context(), kube, Options{}, workloads, func(Workload, Answer) error { return nil })
		if text(err) != "reading the templates of deployments.apps: broken" {
			t.Errorf("got %v", err)
		}
	})
}

// TestOneRequestThatFailsIsOneWorkloadsMatter has every tenth request fail.
func TestOneRequestThatFailsIsOneWorkloadsMatter(t *testing.T) {
	quickly(t)
	objects, workloads := many(40)
	for cause, fault := range map[string]error{
		"Timeout: request did not complete": apierrors.NewTimeoutError("request did not complete", 0),
		"limit is 3145728":                  apierrors.NewRequestEntityTooLargeError("limit is 3145728"),
		"later":                             apierrors.NewTooManyRequests("later", 1),
		"bad gateway":                       said(http.StatusBadGateway, metav1.StatusReasonUnknown, "bad gateway"),
		"connection reset":                  &url.Error{Op: "Post", URL: "https://c/shop/pods", Err: errors.New("connection reset")},
	} {
		kube := answering(func(a clienttesting.CreateActionImpl) (*corev1.Pod, error) {
			if strings.HasSuffix(asked(a).GenerateName, "1-dryrun-") {
				return nil, fault
			}
			return asked(a), nil
		}, objects...)
		failures := 0
		_, err := Each(t.Context(), kube, Options{Parallel: 4}, workloads, func(_ Workload, a Answer) error {
			if r := a.Refusal; r != nil {
				failures++
				if r.Class != ServerError || !strings.HasSuffix(r.Cause, cause) || strings.Contains(r.Cause, "d-") || !errors.Is(r, fault) {
					t.Errorf("%s: %+v", cause, r)
				}
			}
			return nil
		})
		if err != nil || failures != 4 {
			t.Errorf("%s: %d failures, %v", cause, failures, err)
		}
	}
}

// slow takes its time to create pods, several at once, which simulated clusters do one after the other.
type slow struct {
	kubernetes.Interface
	pause func()
}

func (s *slow) CoreV1() typedcorev1.CoreV1Interface { return slowCore{s.Interface.CoreV1(), s.pause} }

type slowCore struct {
	typedcorev1.CoreV1Interface
	pause func()
}

func (s slowCore) Pods(namespace string) typedcorev1.PodInterface {
	return slowPods{s.CoreV1Interface.Pods(namespace), s.pause}
}

type slowPods struct {
	typedcorev1.PodInterface
	pause func()
}

func (s slowPods) Create(_ context.Context, pod *corev1.Pod, _ metav1.CreateOptions) (*corev1.Pod, error) {
	s.pause()
	return pod, nil
}
