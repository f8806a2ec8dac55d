package dryrun

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

// answering is a cluster that does to the pods that are to be created what the function does.
func answering(create func(clienttesting.CreateActionImpl) (*corev1.Pod, error), objects ...runtime.Object) *fake.Clientset {
	kube := fake.NewSimpleClientset(objects...)
	kube.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pod, err := create(a.(clienttesting.CreateActionImpl))
		return true, pod, err
	})
	return kube
}

func asked(a clienttesting.CreateActionImpl) *corev1.Pod { return a.GetObject().(*corev1.Pod) }

// becoming is a cluster that makes the pod of the options of whatever is asked for.
func becoming(options ...fixture.PodOption) *fake.Clientset {
	return answering(func(clienttesting.CreateActionImpl) (*corev1.Pod, error) {
		return fixture.Pod("shop/cart-1", options...), nil
	})
}

func TestTheAnswerIsReadFromThePodThatWouldBe(t *testing.T) {
	const image = "istio/proxyv2:1.22.0"
	for _, c := range []struct {
		rule string
		made []fixture.PodOption
		want Answer
	}{
		{"not injected", nil, Answer{}},
		{"injected", []fixture.PodOption{fixture.Injected("1-22", image)}, Answer{Injected: true, Image: image, Revision: "1-22"}},
		{"as a native sidecar", []fixture.PodOption{fixture.NativeProxy(image), fixture.Annotation("istio.io/rev", "1-22"), fixture.Annotation("sidecar.istio.io/status", "{}")},
			Answer{Injected: true, Image: image, Revision: "1-22", Native: true}},
		{"a proxy in the pod's own template", []fixture.PodOption{fixture.Proxy(image)}, Answer{Image: image}},
		{"a proxy that nobody filled in", []fixture.PodOption{fixture.Proxy("auto")}, Answer{}},
		{"a template that adds no proxy", []fixture.PodOption{fixture.Annotation("sidecar.istio.io/status", "{}")}, Answer{Injected: true}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := Ask(t.Context(), becoming(c.made...), fixture.Pod("shop/cart-1"))
			if err != nil || got != c.want {
				t.Errorf("%v, got %+v, want %+v", err, got, c.want)
			}
		})
	}
}

func TestTheQuestionIsADryRunUnderAnotherName(t *testing.T) {
	yes := true
	pod := fixture.Pod("shop/cart-1", fixture.ControlledBy("apps/v1", "ReplicaSet", "cart"))
	pod.UID, pod.ResourceVersion = "u", "7"
	pod.OwnerReferences[0].BlockOwnerDeletion = &yes
	var got clienttesting.CreateActionImpl
	kube := answering(func(a clienttesting.CreateActionImpl) (*corev1.Pod, error) { got = a; return asked(a), nil })
	if _, err := Ask(t.Context(), kube, pod); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.CreateOptions.DryRun, []string{metav1.DryRunAll}) || got.CreateOptions.FieldManager != FieldManager {
		t.Errorf("asked with %+v", got.CreateOptions)
	}
	q := asked(got)
	if q.Name != "" || q.GenerateName != "cart-1-" || q.UID != "" || q.ResourceVersion != "" || q.OwnerReferences[0].BlockOwnerDeletion != nil {
		t.Errorf("asked for %+v", q.ObjectMeta)
	}
	if pod.Name != "cart-1" || *pod.OwnerReferences[0].BlockOwnerDeletion != true {
		t.Error("the pod itself was changed")
	}
	pod.GenerateName = "cart-"
	if q := question(pod); q.GenerateName != "cart-" {
		t.Errorf("asked for %+v", q.ObjectMeta)
	}
}

// failing is a cluster that fails so many times and then creates the pod.
func failing(times int, err error) (kube *fake.Clientset, calls *int) {
	calls = new(int)
	return answering(func(a clienttesting.CreateActionImpl) (*corev1.Pod, error) {
		if *calls++; *calls <= times {
			return nil, err
		}
		return asked(a), nil
	}), calls
}

func TestWhatPassesIsTriedAgainAndTheRestIsNot(t *testing.T) {
	quickly(t)
	const always = 100
	unavailable := apierrors.NewServiceUnavailable("starting")
	denied := said(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, `admission webhook "w" denied the request: later`)
	for _, c := range []struct {
		rule      string
		times     int
		fault     error
		calls     int
		wantError string
		refusal   Class
	}{
		{"over at the second try", 1, unavailable, 2, "", ""},
		{"over at the last", 3, unavailable, 4, "", ""},
		{"never over", always, unavailable, 4, "asking by dry run for a pod like shop/cart-1: starting", ""},
		{"an error that stays", always, errors.New("broken"), 1, "asking by dry run for a pod like shop/cart-1: broken", ""},
		{"a refusal, whatever its code", always, denied, 1, "", WebhookDenied},
	} {
		t.Run(c.rule, func(t *testing.T) {
			kube, calls := failing(c.times, c.fault)
			got, err := Ask(t.Context(), kube, fixture.Pod("shop/cart-1"))
			if text(err) != c.wantError || *calls != c.calls {
				t.Errorf("%d calls, %v", *calls, err)
			}
			if c.refusal != "" && (got.Refusal == nil || got.Refusal.Class != c.refusal) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// quickly shortens the pauses between tries.
func quickly(t *testing.T) {
	before := backoff.Duration
	backoff.Duration = time.Microsecond
	t.Cleanup(func() { backoff.Duration = before })
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAskingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	kube := answering(func(clienttesting.CreateActionImpl) (*corev1.Pod, error) {
		cancel()
		return nil, apierrors.NewServiceUnavailable("starting")
	})
	_, err := Ask(ctx, kube, fixture.Pod("shop/cart-1"))
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(text(err), "asking by dry run for a pod like shop/cart-1: ") {
		t.Errorf("got %v", err)
	}
}
