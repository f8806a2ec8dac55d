package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// TestReinjectCanariesComeFirst: they are awaited before anything else is begun, and one that does not go well stops the
// run, also where failures are to be passed over otherwise.
func TestReinjectCanariesComeFirst(t *testing.T) {
	t.Parallel()
	t.Run("and the rest after them", func(t *testing.T) {
		t.Parallel()
		const ns = "pace-canary"
		p := stage(t, ns, newDeployment(ns, "a", 1), newDeployment(ns, "b", 1), newDeployment(ns, "c", 1))
		inFlight := p.watchDeployments(ns)
		rep := p.report(0, "-n", ns, "--canary", "1")
		p.wantOutcomes(rep, "a: restarted, b: restarted, c: restarted")
		if first := inFlight()[0]; first != "a" {
			t.Errorf("with the canary there were %s under way", first)
		}
		for i, want := range []int{1, 2, 2} {
			if rep.Items[i].Wave != want {
				t.Errorf("%s is in wave %d, want %d", rep.Items[i].Workload.Name, rep.Items[i].Wave, want)
			}
		}
	})
	t.Run("a canary that fails", func(t *testing.T) {
		t.Parallel()
		const ns = "pace-canary-fails"
		p := stage(t, ns, failsAnew(newDeployment(ns, "a", 1)), newDeployment(ns, "b", 1), newDeployment(ns, "c", 1))
		rep := p.report(1, "-n", ns, "--canary", "1", "--on-failure", "continue")
		p.wantOutcomes(rep, "a: failed, b: not-started, c: not-started")
		p.wantGeneration(p.deployments[1], 1)
		p.wantGeneration(p.deployments[2], 1)
		if want := "deployment/a in namespace " + ns + " has failed"; rep.Summary.Stopped != want {
			t.Errorf("stopped: %q, want %q", rep.Summary.Stopped, want)
		}
	})
	t.Run("a canary that is refused", func(t *testing.T) {
		t.Parallel()
		const ns = "pace-canary-refused"
		p := stage(t, ns, newDeployment(ns, "a", 1), newDeployment(ns, "b", 1))
		createQuota(t, p, ns)
		p.wantOutcomes(p.report(1, "-n", ns, "--canary", "1"), "a: refused, b: not-started")
		p.wantUntouched()
	})
}

// createQuota allows no pod beside those of the namespace that there are.
func createQuota(t *testing.T, p *paced, namespace string) {
	t.Helper()
	if _, err := p.lab.Kubectl(t.Context(), "create", "quota", "full", "--hard=pods=1", "-n", namespace); err != nil {
		t.Fatal(err)
	}
	// The API server takes up a quota a moment later.
	eventually(t, watchPatience, func() error {
		if _, err := ask(t.Context(), p.lab, newPod(namespace, "one-more")); err == nil {
			return fmt.Errorf("the quota of %s allows another pod", namespace)
		}
		return nil
	})
}

func TestReinjectPausesBetweenNamespaces(t *testing.T) {
	t.Parallel()
	const a, b = "pace-pause-a", "pace-pause-b"
	p := stage(t, "pace-pause", newDeployment(a, "one", 1), newDeployment(a, "two", 1), newDeployment(b, "three", 1))
	const pause = 3
	rep := p.report(0, "-A", "-y", "-l", "stage=pace-pause", "--pause", fmt.Sprintf("%ds", pause))
	p.wantOutcomes(rep, "one: restarted, two: restarted, three: restarted")
	began := rep.Items[2].StartedAt
	for _, i := range rep.Items[:2] {
		if ended := i.StartedAt.Add(duration(i.Seconds)).Truncate(time.Second); began.Sub(ended) < pause*time.Second {
			t.Errorf("%s ended at %s, and the next namespace began at %s", i.Workload.Name, ended, began)
		}
	}
}

func duration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// TestReinjectGoesByTheOrder: the plan says in which order, and the patches come in it.
func TestReinjectGoesByTheOrder(t *testing.T) {
	t.Parallel()
	const a, b = "pace-order-a", "pace-order-b"
	p := stage(t, "pace-order", newDeployment(a, "z", 3), newDeployment(a, "m", 1), newDeployment(b, "c", 2))
	for order, want := range map[string]string{
		"": "a/m a/z b/c", "namespaces": "a/m a/z b/c", "size": "a/m b/c a/z", "name": "b/c a/m a/z",
	} {
		args := []string{"-A", "-l", "stage=pace-order", "--dry-run=client", "-o", `jsonpath={range .items[*]}{.namespace}/{.workload.name} {end}`}
		if order != "" {
			args = append(args, "--order", order)
		}
		if got := strings.TrimSpace(strings.ReplaceAll(p.reinject(args...).stdout, "pace-order-", "")); got != want {
			t.Errorf("--order %s: got %s, want %s", cmp.Or(order, "(unset)"), got, want)
		}
	}
	p.wantUntouched()
	p.report(0, "-A", "-y", "-l", "stage=pace-order", "--order", "size", "--max-parallel", "1")
	if got, want := p.patched(), []string{"m", "c", "z"}; !slices.Equal(got, want) {
		t.Errorf("patched %v, want %v", got, want)
	}
}

// TestReinjectKeepsToMaxParallel goes by what became of the Deployments, in the order in which etcd saw it.
func TestReinjectKeepsToMaxParallel(t *testing.T) {
	t.Parallel()
	const ns, most = "pace-parallel", 2
	var all []*appsv1.Deployment
	for i := range 5 {
		all = append(all, slowly(newDeployment(ns, fmt.Sprint("d", i), 2), 1))
	}
	p := stage(t, ns, all...)
	inFlight := p.watchDeployments(ns)
	rep := p.report(0, "-n", ns, "--max-parallel", fmt.Sprint(most))
	if rep.Summary.ByOutcome["restarted"] != len(all) || rep.Summary.Replaced != 10 {
		t.Errorf("got %+v", rep.Summary)
	}
	for _, names := range inFlight() {
		if n := len(strings.Fields(names)); n > most {
			t.Errorf("under way at once: %s", names)
		}
	}
	got := p.patched()
	slices.Sort(got)
	if want := []string{"d0", "d1", "d2", "d3", "d4"}; !slices.Equal(got, want) {
		t.Errorf("patched %v, want each once", got)
	}
}

// watchDeployments notes from now on which Deployments are under way, after each change of that. The function ends it, and
// returns what was noted.
func (p *paced) watchDeployments(namespace string) func() []string {
	p.t.Helper()
	under, noted := map[string]bool{}, []string{}
	return p.watch(p.lab.Client().AppsV1().Deployments(namespace).Watch, namespace, func(o runtime.Object, _ bool) {
		d := o.(*appsv1.Deployment)
		if d.Generation == 1 {
			return
		}
		before := len(under)
		if rolledOut(*d) {
			delete(under, d.Name)
		} else {
			under[d.Name] = true
		}
		if len(under) > before {
			noted = append(noted, strings.Join(sortedNames(under), " "))
		}
	}, func() []string { return noted })
}

func sortedNames(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type watcher = func(context.Context, metav1.ListOptions) (watch.Interface, error)

// watch calls see with every change in a namespace, in their order, until the function is called that it returns. That one
// has seen everything that was before it is called: it ends with a change of its own.
func (p *paced) watch(begin watcher, namespace string, see func(o runtime.Object, gone bool), noted func() []string) func() []string {
	p.t.Helper()
	w, err := begin(p.t.Context(), metav1.ListOptions{})
	if err != nil {
		p.t.Fatal(err)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer w.Stop()
		for {
			select {
			case e, open := <-w.ResultChan():
				if !open {
					return
				}
				see(e.Object, e.Type == watch.Deleted)
			case <-stop:
				return
			}
		}
	}()
	return func() []string {
		// What the plugin has seen, this watch may see a moment later.
		time.Sleep(time.Second)
		close(stop)
		<-done
		return noted()
	}
}

// TestReinjectKeepsToMaxUnavailablePods counts the pods that serve, in the order in which etcd saw them come and go.
func TestReinjectKeepsToMaxUnavailablePods(t *testing.T) {
	t.Parallel()
	const ns, most = "pace-unavailable", 2
	p := stage(t, ns, slowly(newDeployment(ns, "a", 4), 2), slowly(newDeployment(ns, "b", 4), 2), slowly(newDeployment(ns, "c", 4), 1),
		slowly(newDeployment(ns, "d", 4), 1), slowly(newDeployment(ns, "greedy", 4), 3))
	unavailable := p.watchPods(ns, 20)
	rep := p.report(0, "-n", ns, "--max-unavailable-pods", fmt.Sprint(most))
	p.wantOutcomes(rep, "a: restarted, b: restarted, c: restarted, d: restarted, greedy: skipped")
	if got, want := rep.Items[4].Reason, "3 of its pods may be unavailable at once, and --max-unavailable-pods allows 2"; got != want {
		t.Errorf("skipped because %q, want %q", got, want)
	}
	if got := slices.Max(unavailable()); got != fmt.Sprint(most) {
		t.Errorf("unavailable at once: %s, want %d", got, most)
	}
}

// watchPods notes from now on how many of so many pods do not serve, after each change of a pod.
func (p *paced) watchPods(namespace string, total int) func() []string {
	p.t.Helper()
	serving, known, noted := map[types.UID]bool{}, false, []string{}
	return p.watch(p.lab.Client().CoreV1().Pods(namespace).Watch, namespace, func(o runtime.Object, gone bool) {
		pod := o.(*corev1.Pod)
		delete(serving, pod.UID)
		if !gone && pod.DeletionTimestamp == nil && isReady(pod) {
			serving[pod.UID] = true
		}
		// The watch begins with every pod that there is.
		known = known || len(serving) == total
		if known {
			noted = append(noted, fmt.Sprint(total-len(serving)))
		}
	}, func() []string { return noted })
}

// TestReinjectKeepsToPodsPerMinute: two pods at 60 a minute keep the next workload waiting for two seconds.
func TestReinjectKeepsToPodsPerMinute(t *testing.T) {
	t.Parallel()
	const ns = "pace-rate"
	p := stage(t, ns, newDeployment(ns, "a", 2), newDeployment(ns, "b", 2), newDeployment(ns, "c", 2))
	rep := p.report(0, "-n", ns, "--pods-per-minute", "60")
	p.wantOutcomes(rep, "a: restarted, b: restarted, c: restarted")
	for i := range 2 {
		if apart := rep.Items[i+1].StartedAt.Sub(rep.Items[i].StartedAt); apart < 2*time.Second {
			t.Errorf("%s began %s after the one before", rep.Items[i+1].Workload.Name, apart)
		}
	}
}

// TestReinjectOnAFailure: no more is begun, unless it is to go on; and the same command goes on with what is left.
func TestReinjectOnAFailure(t *testing.T) {
	t.Parallel()
	const ns = "pace-failure"
	p := stage(t, ns, failsAnew(newDeployment(ns, "a", 1)), newDeployment(ns, "b", 1), newDeployment(ns, "c", 1))
	p.wantOutcomes(p.report(1, "-n", ns, "--max-parallel", "1"), "a: failed, b: not-started, c: not-started")
	p.wantGeneration(p.deployments[1], 1)
	rep := p.report(1, "-n", ns, "--max-parallel", "1", "--on-failure", "continue")
	p.wantOutcomes(rep, "a: failed, b: restarted, c: restarted")
	if got, want := p.patched(), []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("patched %v, want each once: what is being rolled out is only waited for", got)
	}
	if a := rep.Items[0]; a.Action != "await" || !strings.Contains(a.Message, "ImagePullBackOff") || rep.Summary.StillStale != 1 {
		t.Errorf("got %+v, still stale: %d", a, rep.Summary.StillStale)
	}
}

// TestReinjectWithoutWaiting only tells the workloads, and does not wait for those that are being rolled out either.
func TestReinjectWithoutWaiting(t *testing.T) {
	t.Parallel()
	const ns = "pace-no-wait"
	p := stage(t, ns, staysUnready(newDeployment(ns, "a", 1)), staysUnready(newDeployment(ns, "b", 1)))
	for range 2 {
		rep := p.report(0, "-n", ns, "--wait=false", "--timeout", "1m")
		p.wantOutcomes(rep, "a: started, b: started")
		if rep.Summary.Replaced != 0 {
			t.Errorf("replaced: %d", rep.Summary.Replaced)
		}
	}
	got := p.patched()
	slices.Sort(got)
	if want := []string{"a", "b"}; !slices.Equal(got, want) {
		t.Errorf("patched %v, want each once", got)
	}
}
