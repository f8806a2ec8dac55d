package tag

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// Read reads what tags are made of. istioNamespace is where the user says that Istio is, empty where nobody has. Services
// and the validator may be gaps, without which tags are half seen and none may be written; the error is for a cluster that
// fails, and for webhook configurations that may not be listed.
func Read(ctx context.Context, clients *cluster.Clients, istioNamespace string) (*Objects, []cluster.Gap, error) {
	o := &Objects{Named: istioNamespace}
	admission := clients.Kube.AdmissionregistrationV1()
	list, err := admission.MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, nil, fmt.Errorf("reading mutatingwebhookconfigurations: %w", err)
	}
	for i := range list.Items {
		if len(revision.Injectors(list.Items[i:i+1])) > 0 {
			o.Webhooks = append(o.Webhooks, list.Items[i])
		}
	}
	var gaps []cluster.Gap
	validator, err := admission.ValidatingWebhookConfigurations().Get(ctx, ValidatorName, metav1.GetOptions{})
	if err == nil {
		o.Validator = validator
	}
	gap, err := cluster.Outcome("validatingwebhookconfiguration "+ValidatorName, cluster.Optional(err))
	if err != nil {
		return nil, nil, err
	}
	if gap != nil {
		gaps = append(gaps, *gap)
	}
	for _, namespace := range o.serviceNamespaces() {
		services, err := clients.Kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{LabelSelector: label.IoIstioTag.Name})
		if err == nil {
			o.Services = append(o.Services, services.Items...)
		}
		gap, err := cluster.Outcome("services in "+namespace, err)
		if err != nil {
			return nil, nil, err
		}
		if gap != nil {
			gaps = append(gaps, *gap)
		}
	}
	return o, gaps, nil
}

// serviceNamespaces are those whose Services can be tags.
func (o *Objects) serviceNamespaces() []string {
	namespaces := o.Namespaces()
	if o.Named != "" && !slices.Contains(namespaces, o.Named) {
		namespaces = append(namespaces, o.Named)
	}
	return slices.DeleteFunc(namespaces, func(n string) bool { return n == "" })
}
