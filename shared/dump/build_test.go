package dump

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/kubectl-mesh/kubectl-mesh/shared/fixture"
)

const managed = `{"f:metadata":{"f:labels":{".":{},"f:app":{},"f:version":{}},"f:ownerReferences":{".":{},"k:{\"uid\":\"x\"}":{}}},` +
	`"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:image":{},"f:name":{}}}}}`

// typical returns a pod as it is in clusters, with what nobody asks for here: managed fields, an environment, volumes.
func typical(id string) *corev1.Pod {
	pod := fixture.Pod(id, fixture.Injected("1-22", "docker.io/istio/proxyv2:1.22.0"), fixture.Label("app", "cart"),
		fixture.ControlledBy("apps/v1", "ReplicaSet", "cart-7d"), fixture.NativeProxy("docker.io/istio/proxyv2:1.22.0"))
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.UID, pod.ResourceVersion, pod.CreationTimestamp = "0f1e2d3c", "12345", metav1.Unix(1700000000, 0)
	for i := range 3 {
		pod.ManagedFields = append(pod.ManagedFields, metav1.ManagedFieldsEntry{Manager: fmt.Sprint("manager-", i), Operation: "Update",
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(managed)})
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		for j := range 15 {
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprint("VARIABLE_", j), Value: "{\"a\": \"b\"}"})
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: fmt.Sprint("volume-", j), MountPath: "/var/run"})
		}
	}
	for j := range 15 {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: fmt.Sprint("volume-", j), VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: "s"}}})
		pod.Spec.Tolerations = append(pod.Spec.Tolerations, corev1.Toleration{Key: "node.kubernetes.io/not-ready", Operator: "Exists"})
	}
	pod.Spec.NodeName = "node-1"
	pod.Status.Conditions = []corev1.PodCondition{{Type: "PodScheduled", Status: "True"}, {Type: "Ready", Status: "True", LastTransitionTime: metav1.Unix(1700000007, 0), Message: "all\nis well"}}
	pod.Annotations["text"] = "two\nlines: with\n\n# no comment\n- and: a dash\n"
	for i := range 3 {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: fmt.Sprint("app-", i),
			Image: "example.com/app:1", ImageID: strings.Repeat("0123456789abcdef", 4), ContainerID: strings.Repeat("fedcba", 10)})
	}
	return pod
}

// asList makes the List that kubectl prints.
func asList(tb testing.TB, objects ...runtime.Object) *unstructured.UnstructuredList {
	tb.Helper()
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List", "metadata": map[string]any{"resourceVersion": ""}}}
	for _, o := range objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			tb.Fatal(err)
		}
		list.Items = append(list.Items, unstructured.Unstructured{Object: content})
	}
	return list
}

// printed is an object as kubectl prints it with --show-managed-fields.
func printed(tb testing.TB, p printers.ResourcePrinter, o runtime.Object) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := p.PrintObj(o, &out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func asJSON(tb testing.TB, o runtime.Object) []byte {
	return printed(tb, &printers.JSONPrinter{}, o)
}

func asYAML(tb testing.TB, o runtime.Object) []byte {
	return printed(tb, &printers.YAMLPrinter{}, o)
}
