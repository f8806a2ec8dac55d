package scan

import (
	"context"
	"errors"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubefake "k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture/faulty"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

const ztunnelImage = "docker.io/istio/ztunnel:1.22.0"

func ztunnel(name string) *corev1.Pod {
	return fixture.Pod("istio-system/"+name, fixture.Label("app", "ztunnel"), fixture.Proxy(ztunnelImage, "proxy", "ztunnel"),
		fixture.ControlledBy("apps/v1", "DaemonSet", "ztunnel"))
}

func ztunnelSet(image string) *appsv1.DaemonSet {
	set := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "ztunnel"}}
	set.Spec.Template.Labels = map[string]string{"app": "ztunnel"}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "istio-proxy", Image: image}}
	return set
}

// scanning scans the pods of a cluster in which nothing is known of injection.
func scanning(ctx context.Context, kube *kubefake.Clientset, options Options, do func(Item) error) (Result, error) {
	clients := &cluster.Clients{Kube: kube, Core: faulty.Core(kube)}
	return New(&mesh.Mesh{}, workload.NewOwners(), ReadDaemonSets(clients)).Each(ctx, clients, options, do)
}

// scanned returns what is said of every pod, as "pod status: reason".
func scanned(t *testing.T, kube *kubefake.Clientset, options Options) ([]string, error) {
	t.Helper()
	var said []string
	_, err := scanning(t.Context(), kube, options, func(i Item) error {
		r := i.Report()
		said = append(said, r.Pod+" "+string(r.Status)+": "+r.Reason)
		return nil
	})
	return said, err
}

func TestADataPlaneDaemonSetsPodIsComparedWithItsTemplate(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "daemonsets"}, "ztunnel", errors.New("no"))
	noContainer := ztunnelSet("x")
	noContainer.Spec.Template.Spec.Containers[0].Name = "other"
	bare := ztunnel("z-1")
	bare.OwnerReferences = nil
	for _, c := range []struct {
		rule string
		pod  *corev1.Pod
		set  *appsv1.DaemonSet
		err  error
		want string
	}{
		{"of the same image", ztunnel("z-1"), ztunnelSet(ztunnelImage), nil, "z-1 current: template of daemonset istio-system/ztunnel"},
		{"of a later one", ztunnel("z-1"), ztunnelSet("docker.io/istio/ztunnel:1.23.0"), nil, "z-1 outdated: template of daemonset istio-system/ztunnel"},
		{"that may not be read", ztunnel("z-1"), ztunnelSet(ztunnelImage), forbidden, "z-1 unknown: cannot read daemonset istio-system/ztunnel: " + forbidden.Error()},
		{"that is gone", ztunnel("z-1"), nil, nil, "z-1 unknown: daemonset istio-system/ztunnel no longer exists"},
		{"that has no such container any more", ztunnel("z-1"), noContainer, nil, "z-1 unknown: the template of daemonset istio-system/ztunnel has no such container any more"},
		{"that never was", bare, nil, nil, "z-1 unknown: ztunnel pod without a DaemonSet"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			objects := []runtime.Object{c.pod}
			if c.set != nil {
				objects = append(objects, c.set)
			}
			kube := kubefake.NewSimpleClientset(objects...)
			if c.err != nil {
				kube.PrependReactor("get", "daemonsets", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, c.err })
			}
			if got, err := scanned(t, kube, Options{}); err != nil || len(got) != 1 || got[0] != c.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestADaemonSetIsReadOnce(t *testing.T) {
	kube := kubefake.NewSimpleClientset(ztunnel("z-1"), ztunnel("z-2"), ztunnelSet(ztunnelImage))
	if got, err := scanned(t, kube, Options{}); err != nil || len(got) != 2 {
		t.Fatalf("got %q, %v", got, err)
	}
	reads := 0
	for _, a := range kube.Actions() {
		if a.Matches("get", "daemonsets") {
			reads++
		}
	}
	if reads != 1 {
		t.Errorf("read %d times", reads)
	}
}

func TestAClusterThatFailsEndsTheScan(t *testing.T) {
	for resource, want := range map[string]string{"pods": "reading pods: ", "daemonsets": "reading daemonset istio-system/ztunnel: "} {
		t.Run(resource, func(t *testing.T) {
			kube := kubefake.NewSimpleClientset(ztunnel("z-1"))
			kube.PrependReactor("*", resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewInternalError(errors.New("etcd is gone"))
			})
			got, err := scanned(t, kube, Options{})
			if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "etcd is gone") || len(got) != 0 {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestThePodsThatAreScanned(t *testing.T) {
	phase := func(p corev1.PodPhase) fixture.PodOption { return func(pod *corev1.Pod) { pod.Status.Phase = p } }
	kube := kubefake.NewSimpleClientset(fixture.Pod("shop/a"), fixture.Pod("shop/done", phase(corev1.PodSucceeded)),
		fixture.Pod("shop/failed", phase(corev1.PodFailed)), fixture.Pod("other/b"))
	for _, c := range []struct {
		rule    string
		options Options
		want    string
	}{
		{"all, those that have ended too", Options{}, "a b done failed"},
		{"those of a namespace", Options{Namespace: "other"}, "b"},
		{"those that are asked for", Options{Only: func(p proxy.Pod, _ workload.Chain) bool { return p.Name == "b" }}, "b"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := scanned(t, kube, c.options)
			names := map[string]bool{}
			for _, line := range got {
				name, _, _ := strings.Cut(line, " ")
				names[name] = true
			}
			for _, name := range strings.Fields(c.want) {
				if !names[name] {
					t.Errorf("%s is not scanned", name)
				}
			}
			if err != nil || len(got) != len(strings.Fields(c.want)) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestTheCallersErrorEndsTheScanAsItIs(t *testing.T) {
	stop := errors.New("stop")
	kube := kubefake.NewSimpleClientset(fixture.Pod("shop/a"))
	if _, err := scanning(t.Context(), kube, Options{}, func(Item) error { return stop }); !errors.Is(err, stop) || err.Error() != "stop" {
		t.Errorf("got %v", err)
	}
}

func TestTheReportOfAnItem(t *testing.T) {
	kube := kubefake.NewSimpleClientset(fixture.Pod("shop/p", fixture.ControlledBy("apps/v1", "StatefulSet", "db"), func(p *corev1.Pod) { p.Spec.NodeName = "node-1" }))
	var got v1alpha1.ProxyItem
	if _, err := scanning(t.Context(), kube, Options{}, func(i Item) error { got = i.Report(); return nil }); err != nil {
		t.Fatal(err)
	}
	want := v1alpha1.ProxyItem{Namespace: "shop", Pod: "p", Node: "node-1", Workload: v1alpha1.Workload{Kind: "StatefulSet", Name: "db"},
		Type: "sidecar", Status: v1alpha1.Unknown, Reason: "namespace shop was not there when namespaces were read", Phase: "Running"}
	if got != want {
		t.Errorf("got %+v", got)
	}
}
