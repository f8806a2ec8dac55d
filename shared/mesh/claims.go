package mesh

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// defaultValidator is the validating webhook configuration that says which revision is the default. Source:
// istio.io/istio/pkg/revisions.
const defaultValidator = "istiod-default-validator"

var (
	gatewayResource = schema.GroupResource{Group: "gateway.networking.k8s.io", Resource: "gateways"}
	// gatewayVersions are those that clusters serve, the one to prefer first; v1 came with Gateway API 1.0.
	gatewayVersions = []string{"v1", "v1beta1"}
)

func (r *reader) readGateways(ctx context.Context) error {
	r.gateways = map[string]injection.Gateway{}
	var err error
	for _, version := range gatewayVersions {
		if err = r.listGateways(ctx, gatewayResource.WithVersion(version)); !apierrors.IsNotFound(err) {
			break
		}
	}
	r.gatewaysGap, err = cluster.Outcome("gateways", err)
	return err
}

func (r *reader) listGateways(ctx context.Context, resource schema.GroupVersionResource) error {
	client := r.Dynamic.Resource(resource).Namespace(r.Namespace)
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
	return cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
		g := o.(*unstructured.Unstructured)
		_, parameters, _ := unstructured.NestedMap(g.Object, "spec", "infrastructure", "parametersRef")
		addresses, _, _ := unstructured.NestedSlice(g.Object, "spec", "addresses")
		class, _, _ := unstructured.NestedString(g.Object, "spec", "gatewayClassName")
		r.gateways[injection.GatewayKey(g.GetNamespace(), g.GetName())] = injection.Gateway{
			Labels: g.GetLabels(), Annotations: g.GetAnnotations(), Class: class, Parameters: parameters,
			Addresses: deployedByHand(addresses),
		}
		return nil
	})
}

// deployedByHand says whether a Gateway's addresses tell istiod to leave its deployment to the user. Source: IsManaged in
// istio.io/istio/pilot/pkg/config/kube/gatewaycommon.
func deployedByHand(addresses []any) bool {
	if len(addresses) != 1 {
		return len(addresses) > 1
	}
	address, _ := addresses[0].(map[string]any)
	kind, _ := address["type"].(string)
	return kind != "" && kind != "IPAddress"
}

func (r *reader) readValidator(ctx context.Context) error {
	v, err := r.Kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, defaultValidator, metav1.GetOptions{})
	if err == nil {
		r.validator = v.Labels[label.IoIstioRev.Name]
	}
	r.validatorGap, err = cluster.Outcome("validatingwebhookconfiguration "+defaultValidator, err)
	return err
}

// inIstioNamespaces reads something in each of Istio's namespaces. The gap is the last that was met.
func inIstioNamespaces(injectors []revision.Injector, what string, read func(namespace string) error) (last *cluster.Gap, err error) {
	for _, namespace := range istioNamespaces(injectors) {
		gap, err := cluster.Outcome(what+" in "+namespace, read(namespace))
		if err != nil {
			return nil, err
		}
		if gap != nil {
			last = gap
		}
	}
	return last, nil
}

func (r *reader) readTagServices(ctx context.Context, injectors []revision.Injector) (err error) {
	r.servicesGap, err = inIstioNamespaces(injectors, "services", func(namespace string) error {
		list, err := r.Kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: label.IoIstioTag.Name})
		if err != nil {
			return err
		}
		for i := range list.Items {
			labels := list.Items[i].Labels
			r.tagServices = append(r.tagServices, injection.TagService{
				Tag:   labels[label.IoIstioTag.Name],
				Owner: revision.ControlPlane{Namespace: namespace, Revision: labels[label.IoIstioRev.Name]},
			})
		}
		return nil
	})
	return err
}

// classDefaultsLabel marks a ConfigMap that istiod lays over the Deployments of every Gateway of a class. Source:
// GatewayClassDefaults in istio.io/istio/pilot/pkg/config/kube/gatewaycommon.
const classDefaultsLabel = "gateway.istio.io/defaults-for-class"

// readClassDefaults finds out which classes have such a ConfigMap; what is in it does not matter here.
func (r *reader) readClassDefaults(ctx context.Context, injectors []revision.Injector) (err error) {
	r.classDefaults = map[string]bool{}
	r.classDefaultsGap, err = inIstioNamespaces(injectors, "configmaps", func(namespace string) error {
		list, err := r.Kube.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{LabelSelector: classDefaultsLabel})
		if err != nil {
			return err
		}
		for i := range list.Items {
			r.classDefaults[injection.ClassKey(namespace, list.Items[i].Labels[classDefaultsLabel])] = true
		}
		return nil
	})
	return err
}
