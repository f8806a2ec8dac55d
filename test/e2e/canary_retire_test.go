package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/test/lab/cluster"
)

// retired is what `retire -o json` prints.
type retired struct {
	Safe  bool
	Items []struct {
		Need, Object, Why, Command string
		Blocks                     bool
	}
}

// blocking are the objects that need the revision.
func (r *retired) blocking() (objects []string) {
	for _, i := range r.Items {
		if i.Blocks {
			objects = append(objects, i.Object)
		}
	}
	return objects
}

// TestCanaryRetire plants, one by one, what needs a revision; nothing is uninstalled until what is printed was typed. What has ended
// needs none. In the end istioctl uninstalls the revision, and nothing of it is left.
func TestCanaryRetire(t *testing.T) {
	lab := ownLab(t, cluster.Options{})
	for _, i := range []cluster.Istio{{Revision: oldRevision, Tag: oldVersion}, {Revision: newRevision, Tag: newVersion}} {
		install(t, lab, i)
	}
	for _, c := range []struct {
		name   string
		plant  func(u *upgraded, namespace string)
		object string
	}{
		{"tag", (*upgraded).plantTag, "tag to-retire"},
		{"namespace", (*upgraded).plantNamespace, "namespace retire-namespace"},
		{"running", (*upgraded).plantRunning, "deployment/web in namespace retire-running"},
		{"own", (*upgraded).plantOwn, "deployment/web in namespace retire-own"},
		{"pending", (*upgraded).plantPending, "pod/bare in namespace retire-pending"},
		{"gateway", (*upgraded).plantGateway, "Gateway gw in namespace retire-gateway"},
		{"cronjob", (*upgraded).plantCronJob, "cronjob/nightly in namespace retire-cronjob"},
		{"idle", (*upgraded).plantIdle, "deployment/web in namespace retire-idle"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := &upgraded{t: t, lab: lab, istio: "istio-system"}
			c.plant(u, "retire-"+c.name)
			u.keeps(c.object)
			if c.name == "pending" {
				// What cannot start is not awaited by a test.
				u.clear("retire-pending")
			}
			u.untilTyped()
		})
	}
	t.Run("what has ended", func(t *testing.T) { (&upgraded{t: t, lab: lab, istio: "istio-system"}).ended("retire-ended") })
	t.Run("uninstalled", func(t *testing.T) {
		u := &upgraded{t: t, lab: lab, istio: "istio-system"}
		if r := u.does("retire", oldRevision, "--run", "--yes"); !strings.Contains(r.stderr, "Revision 1-22 is uninstalled, and nothing is left of it.") {
			t.Errorf("stderr %s", r.stderr)
		}
		u.gone(oldRevision)
		// Again, there is nothing to do.
		u.refuses("revision 1-22 is not installed: there are 1-23;", "retire", oldRevision, "--run", "--yes")
	})
}

// asksToRetire asks what needs the old revision.
func (u *upgraded) asksToRetire() *retired {
	u.t.Helper()
	r := u.canary("retire", oldRevision, "--exit-code", "-o", "json")
	satisfies(u.t, "retirement", r.stdout)
	answer := &retired{}
	if err := json.Unmarshal([]byte(r.stdout), answer); err != nil {
		u.t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
	}
	want := 2
	if answer.Safe {
		want = 0
	}
	if r.code != want {
		u.t.Errorf("exit %d, want %d\n%s%s", r.code, want, r.stdout, r.stderr)
	}
	return answer
}

// keeps wants an object to keep the revision from being uninstalled.
func (u *upgraded) keeps(object string) {
	u.t.Helper()
	if answer := u.asksToRetire(); !slices.Contains(answer.blocking(), object) {
		u.t.Fatalf("%s is not among what needs it: %+v", object, answer.Items)
	}
	before := u.snapshot()
	if r := u.canary("retire", oldRevision, "--run", "--yes"); r.code != 1 || !strings.Contains(r.stderr, "error: revision 1-22 is not uninstalled, for it is needed") {
		u.t.Errorf("exit %d, want 1: %s", r.code, r.stderr)
	}
	u.wantSame(before, "a retirement that was refused")
}

// untilTyped types what is printed until nothing keeps the revision. Some commands lead to a next one.
func (u *upgraded) untilTyped() {
	u.t.Helper()
	const steps = 4
	for range steps {
		answer := u.asksToRetire()
		if answer.Safe {
			return
		}
		for _, i := range answer.Items {
			if i.Blocks {
				u.t.Logf("%s %s: %s", i.Object, i.Why, i.Command)
				shell(u.t, u.lab, i.Command+unasked(i.Command))
			}
		}
	}
	// Istiod may take its time with gateways.
	eventually(u.t, patience, func() error {
		if answer := u.asksToRetire(); !answer.Safe {
			return fmt.Errorf("the commands that are printed do not lead out of %+v", answer.Items)
		}
		return nil
	})
}

// unasked is what keeps a command from asking: there is nobody at a terminal.
func unasked(command string) string {
	if strings.HasPrefix(command, "kubectl mesh-") {
		return " --yes"
	}
	return ""
}

func (u *upgraded) plantTag(string) {
	u.does("tag", "set", "to-retire", "--revision", oldRevision)
}

func (u *upgraded) plantNamespace(name string) {
	createNamespace(u.t, u.lab, name, istioRev(oldRevision))
}

// plantRunning leaves pods behind whose namespace has moved on.
func (u *upgraded) plantRunning(name string) {
	createNamespace(u.t, u.lab, name, istioRev(oldRevision))
	awaitServiceAccount(u.t, u.lab, name)
	createDeployment(u.t, u.lab, newDeployment(name, "web", 2))
	relabel(u.t, u.lab, name, "istio.io/rev="+newRevision)
}

// plantOwn makes pods that would come back to the revision if they were only restarted.
func (u *upgraded) plantOwn(name string) {
	createNamespace(u.t, u.lab, name, nil)
	awaitServiceAccount(u.t, u.lab, name)
	createDeployment(u.t, u.lab, newDeployment(name, "web", 1, withLabel("istio.io/rev", oldRevision)))
}

func (u *upgraded) plantPending(name string) {
	createNamespace(u.t, u.lab, name, istioRev(oldRevision))
	awaitServiceAccount(u.t, u.lab, name)
	createPods(u.t, u.lab, newPod(name, "bare"))
	relabel(u.t, u.lab, name, "istio.io/rev="+newRevision)
}

func (u *upgraded) plantGateway(name string) {
	createNamespace(u.t, u.lab, name, nil)
	u.gateway(name, oldRevision)
}

const nightly = `apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: %s}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {istio.io/rev: %s}}
        spec:
          restartPolicy: Never
          containers: [{name: app, image: registry.example.com/app}]
`

// plantCronJob makes one that runs at night, by a label of its own.
func (u *upgraded) plantCronJob(name string) {
	createNamespace(u.t, u.lab, name, nil)
	apply(u.t, u.lab, fmt.Sprintf(nightly, name, oldRevision))
}

// plantIdle makes a workload that is scaled down, and whose next pods name the revision themselves.
func (u *upgraded) plantIdle(name string) {
	createNamespace(u.t, u.lab, name, nil)
	createDeployment(u.t, u.lab, newDeployment(name, "web", 0, withLabel("istio.io/rev", oldRevision)))
}

// ended: pods that ran the revision's proxy and have come to their end.
func (u *upgraded) ended(name string) {
	u.t.Helper()
	createNamespace(u.t, u.lab, name, istioRev(oldRevision))
	awaitServiceAccount(u.t, u.lab, name)
	phases := map[string]corev1.PodPhase{"well": corev1.PodSucceeded, "badly": corev1.PodFailed}
	for pod, phase := range phases {
		createPods(u.t, u.lab, newPod(name, pod))
		live, err := u.lab.Client().CoreV1().Pods(name).Get(u.t.Context(), pod, metav1.GetOptions{})
		if err != nil {
			u.t.Fatal(err)
		}
		if live.Annotations["istio.io/rev"] != oldRevision {
			u.t.Fatalf("pod %s has the annotations %v", pod, live.Annotations)
		}
		live.Status.Phase = phase
		if _, err := u.lab.Client().CoreV1().Pods(name).UpdateStatus(u.t.Context(), live, metav1.UpdateOptions{}); err != nil {
			u.t.Fatal(err)
		}
	}
	relabel(u.t, u.lab, name, "istio.io/rev="+newRevision)
	if answer := u.asksToRetire(); !answer.Safe {
		u.t.Errorf("what has ended is said to need it: %+v", answer.Items)
	}
}
