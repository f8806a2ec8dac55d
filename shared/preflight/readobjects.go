package preflight

import (
	"context"
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	istionetworkingv1beta1 "istio.io/api/networking/v1beta1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	networkingv1beta1 "istio.io/client-go/pkg/apis/networking/v1beta1"
)

// readBudgets keeps the PodDisruptionBudgets that allow no eviction now.
func (r *reader) readBudgets(ctx context.Context) error {
	list := func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		return r.clients.Kube.PolicyV1().PodDisruptionBudgets(namespace).List(ctx, o)
	}
	found := map[string]*Budget{}
	err := r.each(ctx, "poddisruptionbudgets", list, func(o runtime.Object) {
		b := o.(*policyv1.PodDisruptionBudget)
		selector, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		counted := b.Status.ObservedGeneration >= b.Generation
		if err != nil || !counted || b.Status.DisruptionsAllowed > 0 || b.Status.ExpectedPods == 0 {
			return
		}
		found[b.Namespace+"/"+b.Name] = &Budget{
			Namespace: b.Namespace, Name: b.Name, Selector: selector,
			Healthy: int(b.Status.CurrentHealthy), Desired: int(b.Status.DesiredHealthy), Expected: int(b.Status.ExpectedPods),
		}
	})
	r.facts.Budgets = sorted(found)
	return err
}

// readEnvoyFilters keeps those that match by the proxy's version.
func (r *reader) readEnvoyFilters(ctx context.Context) error {
	list := func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		return r.clients.Istio.NetworkingV1alpha3().EnvoyFilters(namespace).List(ctx, o)
	}
	found := map[string]*EnvoyFilter{}
	err := r.eachOptional(ctx, "envoyfilters", list, func(o runtime.Object) {
		e := o.(*networkingv1alpha3.EnvoyFilter)
		kept := EnvoyFilter{Namespace: e.Namespace, Name: e.Name}
		seen := map[string]bool{"": true}
		for _, patch := range e.Spec.GetConfigPatches() {
			if version := patch.GetMatch().GetProxy().GetProxyVersion(); !seen[version] {
				seen[version] = true
				kept.Versions = append(kept.Versions, version)
			}
		}
		if len(kept.Versions) > 0 {
			found[kept.Namespace+"/"+kept.Name] = &kept
		}
	})
	r.facts.EnvoyFilters = sorted(found)
	return err
}

// readVirtualServices keeps those with routes that are never tried again. Source: ConvertPolicy in
// istio.io/istio/pilot/pkg/networking/core/route/retry: a policy without attempts switches retries off, none at all leaves the default.
func (r *reader) readVirtualServices(ctx context.Context) error {
	list := func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		return r.clients.Istio.NetworkingV1beta1().VirtualServices(namespace).List(ctx, o)
	}
	found := map[string]*VirtualService{}
	err := r.eachOptional(ctx, "virtualservices", list, func(o runtime.Object) {
		v := o.(*networkingv1beta1.VirtualService)
		kept := VirtualService{Namespace: v.Namespace, Name: v.Name}
		for i, route := range v.Spec.GetHttp() {
			if route.GetRetries() != nil && route.GetRetries().GetAttempts() <= 0 {
				kept.Routes = append(kept.Routes, Route{Position: i, Name: route.GetName(), Namespaces: destinations(v.Namespace, route)})
			}
		}
		if len(kept.Routes) > 0 {
			found[kept.Namespace+"/"+kept.Name] = &kept
		}
	})
	r.facts.VirtualServices = sorted(found)
	return err
}

// destinations are the namespaces of the Services that a route leads to.
func destinations(namespace string, route *istionetworkingv1beta1.HTTPRoute) []string {
	var found []string
	for _, d := range route.GetRoute() {
		if of := serviceNamespace(namespace, d.GetDestination().GetHost()); of != "" && !slices.Contains(found, of) {
			found = append(found, of)
		}
	}
	return found
}

// serviceNamespace is that of the Service which a host names in a VirtualService of a namespace, empty where the host is none: `cart`
// and `cart.shop.svc.cluster.local`. Source: ResolveShortnameToFQDN in istio.io/istio/pilot/pkg/model: a short name is of the VirtualService's own
// namespace, and every other name is taken as it stands, which leaves `cart.shop` to no Service.
func serviceNamespace(own, host string) string {
	labels := strings.Split(host, ".")
	switch {
	case host == "":
		return ""
	case len(labels) == 1:
		return own
	case len(labels) > 2 && labels[2] == "svc":
		return labels[1]
	default:
		return ""
	}
}
