package restart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/feed"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// run does the steps, and ends the test where that takes too long.
func (w *world) run(o Options, steps ...restartplan.Step) *v1alpha1.RestartReport {
	w.t.Helper()
	if o.WorkloadTimeout == 0 {
		o.WorkloadTimeout = 20 * time.Second
	}
	o.MaxParallel = max(1, o.MaxParallel)
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	report, err := Run(ctx, w.clients(), &restartplan.Plan{Steps: steps}, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// outcomes are those of a report, with their messages.
func outcomes(r *v1alpha1.RestartReport) string {
	var out []string
	for _, i := range r.Items {
		text := string(i.Outcome)
		if i.Message != "" {
			text += ": " + i.Message
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func notReady(p *corev1.Pod) { p.Status.Conditions = nil }

func crashing(p *corev1.Pod) {
	notReady(p)
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "app", RestartCount: 3,
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "x"}}}}
}

func stillOld(p *corev1.Pod) { p.Spec.Containers[len(p.Spec.Containers)-1].Image = oldImage }

func refusing(message string) func(*corev1.Pod) error {
	return func(*corev1.Pod) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: "Failure", Code: 403, Reason: metav1.StatusReasonForbidden, Message: message}}
	}
}

func once(err error) func(string, int) error {
	return func(_ string, n int) error {
		if n == 1 {
			return err
		}
		return nil
	}
}

func always(err error) func(string, int) error {
	return func(string, int) error { return err }
}

// anyNumber stands for a count of patches that depends on the clock.
const anyNumber = -1

// TestWhatBecomesOfOneWorkload has a Deployment of two restarted while something happens.
func TestWhatBecomesOfOneWorkload(t *testing.T) {
	for _, c := range []struct {
		rule    string
		set     func(*world)
		o       Options
		want    string
		patches int
	}{
		{"all goes well", func(*world) {}, Options{}, "restarted", 1},
		{"it was edited in the same moment", func(w *world) {
			w.refuse = func(name string, n int) error {
				if n == 1 {
					w.change(name, func(d *appsv1.Deployment) { d.Generation, d.Status.ObservedGeneration = 2, 2 })
					return testFailed()
				}
				return nil
			}
		}, Options{}, "restarted", 2},
		{"it was restarted in the same moment", func(w *world) {
			w.refuse = func(name string, n int) error {
				before, d := w.deployment(name), w.deployment(name)
				d.Spec.Template.Annotations = map[string]string{"by": "somebody else"}
				w.reconcile(before, d)
				return testFailed()
			}
		}, Options{}, "awaited", 1},
		{"its patch is always refused", func(w *world) { w.refuse = func(string, int) error { return testFailed() } }, Options{},
			"failed: patching deployment/cart in namespace shop: the server rejected our request due to an error in our request", 1},
		{"somebody else is always faster", func(w *world) {
			w.refuse = func(name string, _ int) error {
				w.change(name, func(d *appsv1.Deployment) {
					d.Generation++
					d.Status.ObservedGeneration++
				})
				return testFailed()
			}
		}, Options{}, "failed: patching deployment/cart in namespace shop: the server rejected our request due to an error in our request", overtakings},
		{"a conflict", func(w *world) { w.refuse = once(apierrors.NewConflict(pods, "cart", errors.New("modified"))) }, Options{}, "restarted", 2},
		{"a busy server", func(w *world) { w.refuse = once(apierrors.NewTooManyRequests("busy", 1)) }, Options{}, "restarted", 2},
		{"no right to patch", func(w *world) { w.refuse = always(apierrors.NewForbidden(pods, "cart", errors.New("no"))) }, Options{},
			`failed: patching deployment/cart in namespace shop: pods "cart" is forbidden: no`, anyNumber},
		{"a right that is refused for a moment", func(w *world) { w.refuse = once(apierrors.NewForbidden(pods, "cart", errors.New("no"))) }, Options{}, "restarted", 2},
		{"deleted before the patch", func(w *world) { w.refuse = once(apierrors.NewNotFound(pods, "cart")) }, Options{}, "gone: it was deleted meanwhile", 1},
		{"deleted in mid-air", func(w *world) {
			w.born = notReady
			w.rolled = func(name string) { w.must(w.kube.Tracker().Delete(deployments, "shop", name)) }
		}, Options{}, "gone: it was deleted meanwhile", 1},
		{"paused in mid-air", func(w *world) {
			w.born = notReady
			w.rolled = func(name string) {
				w.change(name, func(d *appsv1.Deployment) { d.Spec.Paused, d.Generation = true, 3 })
			}
		}, Options{}, "failed: its rollout is paused: see `kubectl rollout resume deployment/cart -n shop`", 1},
		{"scaled in in mid-air", func(w *world) {
			w.rolled = func(name string) {
				w.must(w.kube.Tracker().Delete(podResource, "shop", w.podsOf(name)[0]))
				w.change(name, func(d *appsv1.Deployment) {
					*d.Spec.Replicas, d.Generation = 1, 3
					w.settle(d)
				})
			}
		}, Options{}, "restarted", 1},
		{"its pods crash", func(w *world) { w.born = crashing }, Options{}, "failed: pod cart-2-0: container app: CrashLoopBackOff: x", 1},
		{"its pods are still old", func(w *world) { w.born = stillOld }, Options{},
			"still-old: rolled out, but pod NAME runs " + oldImage + " of revision 1-23, and " + newImage + " of revision 1-23 was expected", 1},
		{"its pods never become ready", func(w *world) { w.born = notReady }, Options{WorkloadTimeout: time.Second}, "timed-out: not done within 1s: pod cart-2-0 is not ready", 1},
		{"nobody waits", func(w *world) { w.born = notReady }, Options{NoWait: true}, "started", 1},
		{"the injector gives what runs", func(w *world) {
			w.injector = func(p *corev1.Pod) error { fixture.Injected("1-22", oldImage)(p); return nil }
		}, Options{}, "unchanged: not restarted, because the injector gives what already runs: " + oldImage + " of revision 1-22", 0},
		{"the injector would give none", func(w *world) { w.injector = func(*corev1.Pod) error { return nil } }, Options{},
			"refused: not restarted, because its pods would lose their proxy: the injector adds none", 0},
		{"no right to ask", func(w *world) {
			w.injector = refusing(`pods is forbidden: User "u" cannot create resource "pods" in API group "" in the namespace "shop"`)
		}, Options{}, "restarted", 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			step := w.deploy("cart", 2)
			c.set(w)
			report := w.run(c.o, step)
			got := strings.NewReplacer("cart-2-0 runs", "NAME runs", "cart-2-1 runs", "NAME runs").Replace(outcomes(report))
			if got != c.want || c.patches != anyNumber && w.patches["cart"] != c.patches {
				t.Errorf("got  %s after %d patches\nwant %s after %d", got, w.patches["cart"], c.want, c.patches)
			}
		})
	}
}

func TestWhatOneWorkloadMeansForTheNext(t *testing.T) {
	failing := func(w *world) {
		w.refuse = func(name string, _ int) error {
			if name == "a" {
				return apierrors.NewForbidden(pods, name, errors.New("no"))
			}
			return nil
		}
	}
	deniedOnce := func(message string) func(*world) {
		return func(w *world) {
			next := w.injector
			w.injector = func(p *corev1.Pod) error {
				if strings.HasPrefix(p.GenerateName, "a-") {
					return refusing(message)(p)
				}
				return next(p)
			}
		}
	}
	const quota = `pods "a-x" is forbidden: exceeded quota: q`
	for _, c := range []struct {
		rule    string
		set     func(*world)
		o       Options
		want    string
		stopped string
	}{
		{"a failure stops the run", failing, Options{}, "failed not-started", "deployment/a in namespace shop has failed"},
		{"unless it is to go on", failing, Options{GoOn: true}, "failed restarted", ""},
		{"but a canary's stops it in any case", failing, Options{GoOn: true, Canary: 1}, "failed not-started", "deployment/a in namespace shop has failed"},
		{"a quota is one workload's matter", deniedOnce(quota), Options{}, "refused restarted", ""},
		{"unless that is a canary", deniedOnce(quota), Options{Canary: 1}, "refused not-started", "deployment/a in namespace shop has been refused"},
		{"an injector that fails is everybody's", deniedOnce(`Internal error occurred: failed calling webhook "rev.namespace.sidecar-injector.istio.io": failed to call webhook: refused`), Options{GoOn: true},
			"refused not-started", "the injector does not answer, so that no pod that it would inject can be created"},
		{"another webhook that fails is not", deniedOnce(`Internal error occurred: failed calling webhook "x.example.com": failed to call webhook: refused`), Options{},
			"refused restarted", ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			steps := []restartplan.Step{w.deploy("a", 1), w.deploy("b", 1)}
			if c.o.Canary > 0 {
				steps[1].Wave = 2
			}
			c.set(w)
			report := w.run(c.o, steps...)
			got := fmt.Sprintf("%s %s", report.Items[0].Outcome, report.Items[1].Outcome)
			if got != c.want || report.Summary.Stopped != c.stopped {
				t.Errorf("got %s: %q", got, report.Summary.Stopped)
			}
		})
	}
}

// surged is a step that gives its Deployment of one a second replica meanwhile.
func (w *world) surged(name string) restartplan.Step {
	s := w.deploy(name, 1)
	s.Surge = true
	return s
}

// leftover raises a Deployment as an earlier run would have.
func (w *world) leftover(name string) {
	w.change(name, func(d *appsv1.Deployment) {
		*d.Spec.Replicas, d.Labels[rollout.SurgedLabel], d.Annotations[rollout.RestoreReplicas] = 2, "true", "1"
		w.settle(d)
	})
	w.pod(name, "1", 1, oldImage, func(*corev1.Pod) {})
}

func TestASurgeIsPutBackWhateverHappens(t *testing.T) {
	for _, c := range []struct {
		rule string
		set  func(*world, *restartplan.Step)
		want string
	}{
		{"after a restart", func(*world, *restartplan.Step) {}, "restarted"},
		{"after a failure", func(w *world, _ *restartplan.Step) { w.born = crashing }, "failed: pod cart-2-0: container app: CrashLoopBackOff: x"},
		{"after the answer to the patch was lost", func(w *world, _ *restartplan.Step) {
			w.lost = errors.New("lost")
		}, "failed: patching deployment/cart in namespace shop: lost"},
		{"by the next run", func(w *world, s *restartplan.Step) {
			w.leftover("cart")
			s.Action, s.Method = v1alpha1.PutBack, ""
		}, "put-back"},
		{"by the next run, which is refused", func(w *world, _ *restartplan.Step) {
			w.leftover("cart")
			w.injector = refusing(`pods "x" is forbidden: exceeded quota: q`)
		}, "refused: not restarted, because the API server would not create its pods: exceeded quota: q"},
		{"although somebody else is faster", func(w *world, s *restartplan.Step) {
			w.leftover("cart")
			s.Action, s.Method = v1alpha1.PutBack, ""
			w.refuse = once(testFailed())
		}, "put-back"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			step := w.surged("cart")
			c.set(w, &step)
			got := outcomes(w.run(Options{}, step))
			d := w.deployment("cart")
			if got != c.want || *d.Spec.Replicas != 1 || d.Labels[rollout.SurgedLabel] != "" || d.Annotations[rollout.RestoreReplicas] != "" {
				t.Errorf("got %s with %d replicas, %v", got, *d.Spec.Replicas, d.Annotations)
			}
		})
	}
}

func TestWhatSomebodyElseHasScaledStays(t *testing.T) {
	w := newWorld(t)
	step := w.surged("cart")
	w.leftover("cart")
	w.change("cart", func(d *appsv1.Deployment) { *d.Spec.Replicas = 5 })
	step.Action, step.Method = v1alpha1.PutBack, ""
	if got := outcomes(w.run(Options{}, step)); got != "put-back" || *w.deployment("cart").Spec.Replicas != 5 {
		t.Errorf("got %s with %d replicas", got, *w.deployment("cart").Spec.Replicas)
	}
}

// autoscaled puts an HPA over the Deployment that does what its minimum says; raised is what happens then.
func (w *world) autoscaled(name string, raised func(d *appsv1.Deployment)) {
	h := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
	w.must(w.kube.Tracker().Create(autoscalers, h, "shop"))
	w.kube.PrependReactor("patch", "horizontalpodautoscalers", func(a clienttesting.Action) (bool, runtime.Object, error) {
		_, patched, err := clienttesting.ObjectReaction(w.kube.Tracker())(a)
		if d := w.deployment(name); err == nil && d != nil && *patched.(*autoscalingv2.HorizontalPodAutoscaler).Spec.MinReplicas == 2 {
			raised(d)
		}
		return true, patched, err
	})
}

func TestAnAutoscalerIsPutBackWhateverHappens(t *testing.T) {
	for _, c := range []struct {
		rule   string
		raised func(w *world, d *appsv1.Deployment)
		want   string
	}{
		{"after a restart", func(w *world, d *appsv1.Deployment) {
			w.pod("cart", "1", 1, oldImage, func(*corev1.Pod) {})
			*d.Spec.Replicas, d.Generation = 2, 2
			w.settle(d)
			w.must(w.kube.Tracker().Update(deployments, d, "shop"))
		}, "restarted"},
		{"although its Deployment is deleted", func(w *world, _ *appsv1.Deployment) {
			w.must(w.kube.Tracker().Delete(deployments, "shop", "cart"))
		}, "gone: it was deleted meanwhile"},
		{"although it does nothing", func(*world, *appsv1.Deployment) {},
			"timed-out: not done within 1s: its HorizontalPodAutoscaler is to give it a second replica"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			step := w.surged("cart")
			step.Autoscaler = &restartplan.Autoscaler{Name: "cart", Minimum: 1, Maximum: 3}
			w.autoscaled("cart", func(d *appsv1.Deployment) { c.raised(w, d) })
			got := outcomes(w.run(Options{WorkloadTimeout: time.Second}, step))
			o, err := w.kube.Tracker().Get(autoscalers, "shop", "cart")
			w.must(err)
			h := o.(*autoscalingv2.HorizontalPodAutoscaler)
			if got != c.want || minimum(h) != 1 || h.Annotations[rollout.RestoreMinReplicas] != "" || h.Labels[rollout.SurgedLabel] != "" {
				t.Errorf("got %s, minimum %d, %v", got, minimum(h), h.Annotations)
			}
		})
	}
}

func TestABarePodIsCreatedAgain(t *testing.T) {
	w := newWorld(t)
	pod := fixture.Pod("shop/debug", fixture.Injected("1-22", oldImage))
	pod.UID = "old"
	ready(pod)
	w.must(w.kube.Tracker().Create(podResource, pod, "shop"))
	step := restartplan.Step{Ref: workload.Ref{Kind: "Pod", Name: "debug"}, UID: "old", Pod: "debug", Expected: v1alpha1.Expected{Image: newImage, Revision: "1-23"}}
	step.Namespace, step.Workload, step.Action, step.Method, step.Wave = "shop", v1alpha1.Workload{Kind: "Pod", Name: "debug"}, v1alpha1.Restart, v1alpha1.ByRecreation, 1
	// The watch tells of the deletion before the answer to it comes.
	w.kube.PrependReactor("delete", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		w.must(w.kube.Tracker().Delete(podResource, "shop", "debug"))
		time.Sleep(2 * tick)
		return true, nil, nil
	})
	dir := t.TempDir()
	if got := outcomes(w.run(Options{ManifestDir: dir}, step)); got != "restarted" {
		t.Errorf("got %s", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if now, err := w.kube.Tracker().Get(podResource, "shop", "debug"); err != nil || now.(*corev1.Pod).UID != "created" {
		t.Errorf("got %v, %v", now, err)
	}
}

func TestARunEndsAtOnceWhenItIsTold(t *testing.T) {
	for _, c := range []struct {
		rule string
		end  func(stop chan string, abort chan struct{}, cancel func())
		want string
	}{
		{"aborted", func(_ chan string, abort chan struct{}, _ func()) { close(abort) }, "interrupted: interrupted again"},
		{"interrupted before anything was changed", func(_ chan string, _ chan struct{}, cancel func()) { cancel() }, "not-started: interrupted"},
		{"stopped, too", func(stop chan string, _ chan struct{}, _ func()) { stop <- "errors" }, "not-started: errors"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			steps := []restartplan.Step{w.deploy("a", 1), w.deploy("b", 1), w.deploy("c", 1)}
			w.born = notReady
			stop, abort := make(chan string, 1), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			begun := 0
			report, err := Run(ctx, w.clients(), &restartplan.Plan{Steps: steps}, Options{
				MaxParallel: 2, WorkloadTimeout: time.Second, Stop: stop, Abort: abort, Observe: func(e Event) {
					if e.Kind == WorkloadBegan {
						if begun++; begun == 2 {
							c.end(stop, abort, cancel)
						}
					}
				}})
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range report.Items[:2] {
				if got := string(i.Outcome) + ": " + i.Message; !strings.HasPrefix(got, c.want) {
					t.Errorf("got %s", got)
				}
			}
			if got := report.Items[2].Outcome; got != v1alpha1.NotStarted {
				t.Errorf("the third is %s", got)
			}
		})
	}
}

func TestARunThatMayNotWatchDoesNotBegin(t *testing.T) {
	w := newWorld(t)
	step := w.deploy("cart", 1)
	w.kube.PrependWatchReactor("pods", func(clienttesting.Action) (bool, watch.Interface, error) {
		return true, nil, apierrors.NewForbidden(pods, "", errors.New("no"))
	})
	_, err := Run(t.Context(), w.clients(), &restartplan.Plan{Steps: []restartplan.Step{step}}, Options{WorkloadTimeout: time.Second})
	if err == nil || err.Error() != "watching pods in namespace shop: pods is forbidden: no" || w.patches["cart"] > 0 {
		t.Errorf("got %v after %d patches", err, w.patches["cart"])
	}
}

func TestTheReportCounts(t *testing.T) {
	w := newWorld(t)
	left := w.deploy("c", 1)
	left.Action, left.Reason = v1alpha1.Skip, "paused"
	steps := []restartplan.Step{w.deploy("a", 2), w.deploy("b", 1), left}
	w.refuse = func(name string, _ int) error {
		if name == "b" {
			return apierrors.NewForbidden(pods, name, errors.New("no"))
		}
		return nil
	}
	s := w.run(Options{}, steps...).Summary
	if s.Workloads != 2 || s.Replaced != 2 || s.StillStale != 2 || s.ByOutcome[v1alpha1.Restarted] != 1 || s.ByOutcome[v1alpha1.Failed] != 1 || s.ByOutcome[v1alpha1.Skipped] != 1 {
		t.Errorf("got %+v", s)
	}
	if r, err := Run(t.Context(), nil, &restartplan.Plan{}, Options{}); err != nil || r.Items == nil || r.Summary.ByOutcome == nil {
		t.Errorf("of nothing: got %+v, %v", r, err)
	}
}

func TestAReplacementOfTheSameNameTakesItsPlace(t *testing.T) {
	known := map[types.UID]bool{}
	f := &following{known: map[string]object{}}
	f.slim = func(o runtime.Object) any { return o.(*corev1.Pod).UID }
	f.put = func(value any) func() {
		uid := value.(types.UID)
		known[uid] = true
		return func() { delete(known, uid) }
	}
	of := func(uid types.UID) []runtime.Object {
		p := fixture.Pod("shop/db-0")
		p.UID = uid
		return []runtime.Object{p}
	}
	f.apply(feed.Event{Kind: feed.Listed, Objects: of("old")})
	f.apply(feed.Event{Kind: feed.Listed, Objects: of("new")})
	if len(known) != 1 || !known["new"] {
		t.Errorf("known are %v", known)
	}
	f.apply(feed.Event{Kind: feed.Listed})
	if len(known) != 0 {
		t.Errorf("known are %v", known)
	}
}
