package barepod

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

func volume(name string, source corev1.VolumeSource) fixture.PodOption {
	return func(p *corev1.Pod) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: source})
	}
}

func managed(subresource, fields string) fixture.PodOption {
	return func(p *corev1.Pod) {
		p.ManagedFields = append(p.ManagedFields, metav1.ManagedFieldsEntry{Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)})
	}
}

func TestWhatARecreationLosesIsTold(t *testing.T) {
	scratch := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	claim := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data"}}
	chosen := managed("", `{"f:spec":{"f:containers":{}}}`)
	for _, c := range []struct {
		rule    string
		options []fixture.PodOption
		want    []string
	}{
		{"nothing", []fixture.PodOption{chosen, volume("data", claim)}, nil},
		{"volumes of the user's own", []fixture.PodOption{chosen, volume("cache", scratch), volume("tmp", scratch)},
			[]string{"what is in its emptyDir volumes is lost: cache, tmp"}},
		{"not those of injection",
			[]fixture.PodOption{chosen, fixture.Proxy("istio/proxyv2:1.22.0"), volume("istio-envoy", scratch),
				fixture.Annotation("sidecar.istio.io/status", `{"containers":["istio-proxy"],"volumes":["istio-envoy"]}`)}, nil},
		{"claims that the pod owns", []fixture.PodOption{chosen, volume("db", corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{}})},
			[]string{"the PersistentVolumeClaims of its ephemeral volumes are deleted with it: debug-db"}},
		{"a node that the manifest names", []fixture.PodOption{chosen, managed("", `{"f:spec":{"f:nodeName":{}}}`)},
			[]string{"its manifest names node node-3: created again, it goes where the scheduler puts it"}},
		{"a node that it may have named", nil, []string{"it may come to another node than node-3, even if its manifest named that one"}},
		{"no node yet", []fixture.PodOption{func(p *corev1.Pod) { p.Spec.NodeName = "" }}, nil},
		{"ephemeral containers", []fixture.PodOption{chosen, func(p *corev1.Pod) {
			p.Spec.EphemeralContainers = []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "debugger"}}}
		}}, []string{"its ephemeral containers are not created again: debugger"}},
		{"a manifest that cannot be found", []fixture.PodOption{chosen, fixture.Annotation("sidecar.istio.io/status", "{")},
			[]string{"what it loses cannot be told: finding the manifest of pod shop/debug: annotation sidecar.istio.io/status is malformed: unexpected end of JSON input"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			pod := fixture.Pod("shop/debug")
			pod.Spec.NodeName = "node-3"
			for _, o := range c.options {
				o(pod)
			}
			if got := Losses(pod); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
