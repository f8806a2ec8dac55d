package rollout

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

func TestWhyAPodIsNotReady(t *testing.T) {
	const pull = `Back-off pulling image "x"`
	native := func(p *corev1.Pod) { fixture.NativeProxy("proxyv2:1.23.0")(p) }
	app := func(s corev1.ContainerStatus) fixture.PodOption {
		return func(p *corev1.Pod) { p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, s) }
	}
	initial := func(s corev1.ContainerStatus) fixture.PodOption {
		return func(p *corev1.Pod) { p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, s) }
	}
	unscheduled := func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes\n are available"})
	}
	ready := func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue})
	}
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		want    Trouble
	}{
		{"it takes its time", []fixture.PodOption{app(container("app", waiting("ContainerCreating", ""), 0, ""))}, Trouble{}},
		{"its image was not pulled once", []fixture.PodOption{app(container("app", waiting("ErrImagePull", "no such\nimage"), 0, ""))},
			Trouble{Text: "container app: ErrImagePull: no such image"}},
		{"its image cannot be pulled", []fixture.PodOption{app(container("app", waiting("ImagePullBackOff", pull), 0, ""))},
			Trouble{Fatal: true, Text: "container app: ImagePullBackOff: " + pull}},
		{"its configuration is missing", []fixture.PodOption{app(container("app", waiting("CreateContainerConfigError", ""), 0, ""))},
			Trouble{Fatal: true, Text: "container app: CreateContainerConfigError"}},
		{"it crashed once", []fixture.PodOption{app(container("app", waiting("CrashLoopBackOff", "back-off 10s"), 1, ""))},
			Trouble{Text: "container app: CrashLoopBackOff: back-off 10s"}},
		{"it crashes again and again", []fixture.PodOption{app(container("app", waiting("CrashLoopBackOff", "back-off 20s"), 2, "OOMKilled"))},
			Trouble{Fatal: true, Text: "container app: CrashLoopBackOff: exit code 137 (OOMKilled): out"}},
		{"an init container crashes", []fixture.PodOption{initial(container("istio-init", waiting("CrashLoopBackOff", ""), 2, "Error"))},
			Trouble{Fatal: true, Text: "container istio-init: CrashLoopBackOff: exit code 137: out"}},
		{"a native sidecar crashes", []fixture.PodOption{native, initial(container("istio-proxy", waiting("CrashLoopBackOff", "x"), 3, ""))},
			Trouble{Fatal: true, Text: "container istio-proxy: CrashLoopBackOff: x"}},
		{"it fits on no node", []fixture.PodOption{unscheduled}, Trouble{Text: "Unschedulable: 0/3 nodes are available"}},
		{"what does not pass comes first", []fixture.PodOption{app(container("a", waiting("ErrImagePull", ""), 0, "")), app(container("b", waiting("InvalidImageName", ""), 0, ""))},
			Trouble{Fatal: true, Text: "container b: InvalidImageName"}},
		{"a container that runs has none", []fixture.PodOption{app(container("app", corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, 5, "Error"))}, Trouble{}},
		{"a ready pod has none", []fixture.PodOption{ready, app(container("app", waiting("ImagePullBackOff", ""), 0, ""))}, Trouble{}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if got := PodOf(fixture.Pod("shop/cart-1", c.options...)).Trouble; got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestWhatIsKeptOfAPod(t *testing.T) {
	full := fixture.Pod("shop/db-0", fixture.Injected("1-23", "proxyv2:1.23.0"), fixture.Label("controller-revision-hash", "h"), fixture.ControlledBy("apps/v1", "StatefulSet", "db"))
	full.DeletionTimestamp = &metav1.Time{Time: began}
	p := PodOf(full)
	if p.Image != "proxyv2:1.23.0" || p.Revision != "1-23" || p.Hash != "h" || p.Controller.Name != "db" || !p.Terminating || p.Live() {
		t.Errorf("got %+v", p)
	}
	bare := PodOf(fixture.Pod("shop/debug"))
	if bare.Image != "" || bare.Controller != nil || !bare.Live() {
		t.Errorf("got %+v", bare)
	}
}

func TestTheOrdinalOfAPod(t *testing.T) {
	for name, want := range map[string]int{"db-0": 0, "my-db-12": 12, "db-x": -1, "db-": -1, "": -1} {
		n, ok := Pod{Name: name}.Ordinal()
		if !ok {
			n = -1
		}
		if n != want {
			t.Errorf("%q: got %d, want %d", name, n, want)
		}
	}
}
