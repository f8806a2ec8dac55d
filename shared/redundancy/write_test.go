package redundancy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
)

func istiod(replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "istiod", UID: "u1", Generation: 4, Labels: map[string]string{"app": "istiod", "istio.io/rev": "1-22"}},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas},
	}
}

func scaler(minimum *int32) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "scaler", UID: "u2", ResourceVersion: "7"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			MinReplicas: minimum, MaxReplicas: 5, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "istiod"},
		},
	}
}

// world is a cluster, and what became of the record.
type world struct {
	*fake.Clientset
	t     *testing.T
	u     v1alpha1.CanaryUpgrade
	saved []int
}

func in(t *testing.T, objects ...runtime.Object) *world {
	return &world{Clientset: fake.NewSimpleClientset(objects...), t: t}
}

// save notes how many records there are, and what the Deployment's number is at that moment.
func (w *world) save(_ context.Context, u *v1alpha1.CanaryUpgrade) error {
	w.saved = append(w.saved, len(u.Replicas))
	return nil
}

func (w *world) replicas() int32 {
	w.t.Helper()
	d, err := w.AppsV1().Deployments("istio-system").Get(w.t.Context(), "istiod", metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return replicas(d)
}

func (w *world) minimum() int32 {
	w.t.Helper()
	h, err := w.AutoscalingV2().HorizontalPodAutoscalers("istio-system").Get(w.t.Context(), "scaler", metav1.GetOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return minimum(h)
}

// patches returns what was patched with.
func (w *world) patches() (all []string) {
	for _, a := range w.Actions() {
		if p, is := a.(clienttesting.PatchAction); is {
			all = append(all, string(p.GetPatch()))
		}
	}
	return all
}

func TestRaisedAndPutBack(t *testing.T) {
	for _, c := range []struct {
		rule    string
		record  v1alpha1.UpgradeReplicas
		objects []runtime.Object
		number  func(*world) int32
		patches []string
	}{
		{"a Deployment", recorded(deploymentKind, "istiod", 1, 2), []runtime.Object{istiod(1)}, (*world).replicas, []string{
			`[{"op":"test","path":"/metadata/generation","value":4},{"op":"test","path":"/metadata/uid","value":"u1"},{"op":"replace","path":"/spec/replicas","value":2}]`,
			`[{"op":"test","path":"/metadata/generation","value":4},{"op":"test","path":"/metadata/uid","value":"u1"},{"op":"replace","path":"/spec/replicas","value":1}]`,
		}},
		{"an HPA that says no minimum", recorded(autoscalerKind, "scaler", 1, 2), []runtime.Object{istiod(1), scaler(nil)}, (*world).minimum, []string{
			`{"metadata":{"resourceVersion":"7","uid":"u2"},"spec":{"minReplicas":2}}`,
			`{"metadata":{"resourceVersion":"7","uid":"u2"},"spec":{"minReplicas":1}}`,
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			w := in(t, c.objects...)
			if err := Raise(t.Context(), w, &w.u, []v1alpha1.UpgradeReplicas{c.record}, w.save); err != nil {
				t.Fatal(err)
			}
			if c.number(w) != 2 || !slices.Equal(w.u.Replicas, []v1alpha1.UpgradeReplicas{c.record}) || !slices.Equal(w.saved, []int{1}) {
				t.Errorf("got %d, %+v, saved %v", c.number(w), w.u.Replicas, w.saved)
			}
			kept, err := PutBack(t.Context(), w, &w.u, w.save)
			if err != nil || len(kept) > 0 || c.number(w) != 1 || len(w.u.Replicas) > 0 || !slices.Equal(w.saved, []int{1, 0}) {
				t.Errorf("put back: got %d, %v, %v, %+v, saved %v", c.number(w), kept, err, w.u.Replicas, w.saved)
			}
			if !slices.Equal(w.patches(), c.patches) {
				t.Errorf("patched with\n%s", strings.Join(w.patches(), "\n"))
			}
		})
	}
}

func TestNothingIsRaisedThatIsNotRecorded(t *testing.T) {
	w := in(t, istiod(1))
	full := errors.New("the record is full")
	err := Raise(t.Context(), w, &w.u, []v1alpha1.UpgradeReplicas{recorded(deploymentKind, "istiod", 1, 2)}, func(context.Context, *v1alpha1.CanaryUpgrade) error { return full })
	if !errors.Is(err, full) || w.replicas() != 1 || len(w.patches()) > 0 {
		t.Errorf("got %v, %d", err, w.replicas())
	}
}

func TestRaisingAgainWritesNothing(t *testing.T) {
	w := in(t, istiod(2))
	r := recorded(deploymentKind, "istiod", 1, 2)
	w.u.Replicas = []v1alpha1.UpgradeReplicas{r}
	if err := Raise(t.Context(), w, &w.u, w.u.Replicas, w.save); err != nil || len(w.patches()) > 0 || len(w.saved) > 0 {
		t.Errorf("got %v, patched with %q, saved %v", err, w.patches(), w.saved)
	}
}

func TestWhoeverIsFasterIsNotOverwritten(t *testing.T) {
	w := in(t, istiod(2))
	err := Raise(t.Context(), w, &w.u, []v1alpha1.UpgradeReplicas{recorded(deploymentKind, "istiod", 1, 3)}, w.save)
	want := "raising Deployment istiod in namespace istio-system to 3 replicas: somebody else has set it to 2 meanwhile: `kubectl scale deployment istiod -n istio-system --replicas=3`"
	if err == nil || err.Error() != want || w.replicas() != 2 {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestWhatSomebodyElseHasChangedIsKept(t *testing.T) {
	w := in(t, istiod(4))
	w.u.Replicas = []v1alpha1.UpgradeReplicas{recorded(deploymentKind, "istiod", 1, 2), recorded(deploymentKind, "gone", 1, 2)}
	kept, err := PutBack(t.Context(), w, &w.u, w.save)
	if err != nil || len(kept) != 1 || kept[0].Is != "at 4 replicas" || w.replicas() != 4 || len(w.u.Replicas) > 0 {
		t.Errorf("got %v, %v, %d, %+v", kept, err, w.replicas(), w.u.Replicas)
	}
}

func TestWhatCouldNotBePutBackStaysRecorded(t *testing.T) {
	w := in(t, istiod(2), scaler(new(int32(2))))
	w.PrependReactor("patch", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, "istiod", errors.New("no"))
	})
	stays := recorded(deploymentKind, "istiod", 1, 2)
	w.u.Replicas = []v1alpha1.UpgradeReplicas{stays, recorded(autoscalerKind, "scaler", 1, 2)}
	_, err := PutBack(t.Context(), w, &w.u, w.save)
	if !apierrors.IsForbidden(errors.Unwrap(err.(interface{ Unwrap() []error }).Unwrap()[0])) || !slices.Equal(w.u.Replicas, []v1alpha1.UpgradeReplicas{stays}) || w.minimum() != 1 {
		t.Errorf("got %v, %+v", err, w.u.Replicas)
	}
	if !strings.HasPrefix(err.Error(), "putting Deployment istiod in namespace istio-system back to 1 replicas: ") {
		t.Errorf("got %v", err)
	}
}

func TestAnEditInBetweenIsLookedAtAgain(t *testing.T) {
	for name, refusal := range map[string]error{
		"a test that is false":  apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "istiod", nil),
		"a version that is old": apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "istiod", errors.New("changed")),
	} {
		t.Run(name, func(t *testing.T) {
			w := in(t, istiod(1))
			refusals := 0
			w.PrependReactor("patch", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) {
				refusals++
				return refusals == 1, nil, refusal
			})
			r := []v1alpha1.UpgradeReplicas{recorded(deploymentKind, "istiod", 1, 2)}
			if err := Raise(t.Context(), w, &w.u, r, w.save); err != nil || w.replicas() != 2 || refusals != 2 {
				t.Errorf("got %v, %d, patched %d times", err, w.replicas(), refusals)
			}
			w = in(t, istiod(1))
			w.PrependReactor("patch", "deployments", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, refusal })
			if err := Raise(t.Context(), w, &w.u, r, w.save); !errors.Is(err, errBusy) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestRaisedReplicasAreAwaited(t *testing.T) {
	pause = time.Millisecond
	defer func() { pause = time.Second }()
	d := istiod(2)
	d.Status.ObservedGeneration, d.Status.ReadyReplicas = 4, 1
	w := in(t, d, scaler(new(int32(2))))
	var told []string
	err := Await(t.Context(), w, []v1alpha1.UpgradeReplicas{recorded(autoscalerKind, "scaler", 1, 2), recorded(deploymentKind, "gone", 1, 2)}, func(text string) {
		told = append(told, text)
		d.Status.ReadyReplicas = 2
		if _, err := w.AppsV1().Deployments("istio-system").Update(t.Context(), d, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	})
	if err != nil || !slices.Equal(told, []string{"deployment/istiod in namespace istio-system has 1 of 2 ready"}) {
		t.Errorf("got %v, told %q", err, told)
	}
}

func TestWhatWasAwaitedWhenTimeWasUpIsSaid(t *testing.T) {
	tooLong := errors.New("the 10m0s allowed by --workload-timeout are over")
	for want, cause := range map[string]error{"context canceled": nil, tooLong.Error(): tooLong} {
		ctx, cancel := context.WithCancelCause(t.Context())
		w := in(t, istiod(2))
		err := Await(ctx, w, []v1alpha1.UpgradeReplicas{recorded(deploymentKind, "istiod", 1, 2)}, func(string) { cancel(cause) })
		want += " while waiting for replicas: deployment/istiod in namespace istio-system has 0 of 2 ready; see `kubectl get pods` there"
		if err == nil || err.Error() != want || cause == nil && !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
