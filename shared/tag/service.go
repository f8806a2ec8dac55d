package tag

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// chartLabels are those that tell a release of the charts; a tag's Service has them of the revision.
func chartLabels() []string { return []string{"app.kubernetes.io/version", "helm.sh/chart"} }

// renderService renders the Service of a tag. istioctl takes nothing of it from the revision's own objects but the
// revision. Source: revision-tags-svc.yaml of the chart istio-discovery.
func renderService(own *admissionv1.MutatingWebhookConfiguration, o Options) *corev1.Service {
	const app = "istiod"
	rev := sharedLabels(own)[label.IoIstioRev.Name]
	labels := map[string]string{
		appLabel: app, "istio": "pilot", "release": "istio", label.IoIstioRev.Name: rev, label.IoIstioTag.Name: o.Tag,
		"app.kubernetes.io/name": app, "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "istio",
		"app.kubernetes.io/part-of": "istio",
	}
	for _, name := range chartLabels() {
		if v, ok := own.Labels[name]; ok {
			labels[name] = v
		}
	}
	selector := map[string]string{appLabel: app}
	if rev == revision.Default {
		selector["istio"] = "pilot"
	} else {
		selector[label.IoIstioRev.Name] = rev
	}
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace, Name: ServiceName(o.Tag), Labels: labels},
		Spec: corev1.ServiceSpec{
			Selector: selector,
			Ports: []corev1.ServicePort{
				{Name: "grpc-xds", Port: 15010, TargetPort: intstr.FromInt32(15010), Protocol: corev1.ProtocolTCP},
				{Name: "https-dns", Port: 15012, TargetPort: intstr.FromInt32(15012), Protocol: corev1.ProtocolTCP},
				{Name: "https-webhook", Port: 443, TargetPort: intstr.FromInt32(15017), Protocol: corev1.ProtocolTCP},
				{Name: "http-monitoring", Port: 15014, TargetPort: intstr.FromInt32(15014), Protocol: corev1.ProtocolTCP},
			},
		},
	}
}
