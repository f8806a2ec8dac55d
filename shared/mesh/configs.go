package mesh

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/api/label"
	istionetworking "istio.io/client-go/pkg/apis/networking/v1beta1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/revision"
)

// readConfigs reads the injection configuration of every control plane that an injector calls.
func (r *reader) readConfigs(ctx context.Context, injectors []revision.Injector) error {
	for _, i := range injectors {
		if _, done := r.configs[i.Owner]; done || r.configGaps[i.Owner] != "" {
			continue
		}
		config, gap, err := r.readConfig(ctx, i)
		if err != nil {
			return err
		}
		if gap == "" {
			r.configs[i.Owner] = config
		} else {
			r.configGaps[i.Owner] = gap
		}
	}
	return nil
}

// readConfig returns one control plane's configuration, or in words why it cannot be told.
func (r *reader) readConfig(ctx context.Context, i revision.Injector) (injection.Config, string, error) {
	namespace := i.Owner.Namespace
	if namespace == "" {
		namespace = r.IstioNamespace
	}
	if namespace == "" {
		return injection.Config{}, fmt.Sprintf("webhook configuration %s calls a URL, so its control plane's configuration "+
			"is hidden; if it is in this cluster, name its namespace with --istio-namespace", i.Name), nil
	}
	name := injection.ConfigMapName(i.Owner.Revision)
	injector, gap, err := r.configMap(ctx, namespace, name)
	if gap != "" || err != nil {
		return injection.Config{}, gap, err
	}
	if injector == nil {
		return injection.Config{}, fmt.Sprintf("ConfigMap %s/%s does not exist", namespace, name), nil
	}
	var meshes []map[string]string
	for _, meshName := range injection.MeshConfigMapNames(i.Owner.Revision) {
		mesh, gap, err := r.configMap(ctx, namespace, meshName)
		if gap != "" || err != nil {
			return injection.Config{}, gap, err
		}
		if mesh != nil {
			meshes = append(meshes, mesh.Data)
		}
	}
	config, err := injection.ParseConfig(injector.Data, meshes...)
	if err != nil {
		return injection.Config{}, fmt.Sprintf("ConfigMap %s/%s: %v", namespace, name, err), nil
	}
	return config, "", nil
}

// configMap returns a ConfigMap, nil where there is none, or in words why it may not be read.
func (r *reader) configMap(ctx context.Context, namespace, name string) (*corev1.ConfigMap, string, error) {
	cm, err := r.Kube.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		return cm, "", nil
	}
	gap, err := cluster.Outcome("configmap "+namespace+"/"+name, err)
	if gap != nil {
		r.configMapsGap = gap
		return nil, gap.Error(), nil
	}
	return nil, "", err
}

// readProxyConfigs reads the whole cluster's or, where that is forbidden and one namespace is asked for, those that
// can hold for it.
func (r *reader) readProxyConfigs(ctx context.Context) error {
	err := r.listProxyConfigs(ctx, "")
	if apierrors.IsForbidden(err) && r.Namespace != "" {
		namespaces := []string{r.Namespace}
		for _, c := range r.configs {
			if !slices.Contains(namespaces, c.RootNamespace) {
				namespaces = append(namespaces, c.RootNamespace)
			}
		}
		for _, ns := range namespaces {
			if err = r.listProxyConfigs(ctx, ns); err != nil {
				break
			}
		}
	}
	r.proxyConfigsGap, err = cluster.Outcome("proxyconfigs", err)
	return err
}

func (r *reader) listProxyConfigs(ctx context.Context, namespace string) error {
	client := r.Istio.NetworkingV1beta1().ProxyConfigs(namespace)
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
	return cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, list, func(o runtime.Object) error {
		c := o.(*istionetworking.ProxyConfig)
		// istiod takes a selector without labels neither for the namespace's nor for a workload's. Source:
		// mergedNamespaceConfig and mergedWorkloadConfig in istio.io/istio/pilot/pkg/model.
		if s := c.Spec.GetSelector(); s != nil && len(s.GetMatchLabels()) == 0 {
			return nil
		}
		var forRevision *string
		if value, ok := c.Labels[label.IoIstioRev.Name]; ok {
			forRevision = &value
		}
		r.proxyConfigs = append(r.proxyConfigs, injection.ProxyConfig{
			Revision:  forRevision,
			Namespace: c.Namespace, Name: c.Name, Created: c.CreationTimestamp.Time,
			Selector: c.Spec.GetSelector().GetMatchLabels(), ImageType: c.Spec.GetImage().GetImageType(),
		})
		return nil
	})
}
