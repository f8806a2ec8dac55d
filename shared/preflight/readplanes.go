package preflight

import (
	"context"
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/controlplane"
	"github.com/kubectl-mesh/kubectl-mesh/shared/dryrun"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// The keys of Istio's ConfigMaps, and the one with the root certificates. Source: CACertNamespaceConfigMap in istio.io/istio/pkg/config/constants.
const (
	meshKey, valuesKey, rootKey = "mesh", "values", "root-cert.pem"
	rootConfigMap               = "istio-ca-root-cert"
)

// readControlPlanes reads the two istiods and their settings, and puts a pod to the webhook of the one to move to.
func (r *reader) readControlPlanes(ctx context.Context) error {
	if err := r.readDeployments(ctx); err != nil {
		return err
	}
	for _, p := range r.planes() {
		if err := r.readSettings(ctx, p); err != nil {
			return err
		}
	}
	return r.ask(ctx)
}

func (r *reader) planes() []*Plane { return []*Plane{&r.facts.From, &r.facts.To} }

// readDeployments reads the Deployments of the two istiods.
func (r *reader) readDeployments(ctx context.Context) error {
	var namespaces []string
	for _, p := range r.planes() {
		if p.Namespace != "" && !slices.Contains(namespaces, p.Namespace) {
			namespaces = append(namespaces, p.Namespace)
		}
	}
	deployments, gaps, err := controlplane.ReadDeployments(ctx, r.clients, namespaces)
	if err != nil {
		return err
	}
	r.lack(gaps...)
	for _, p := range r.planes() {
		if d, ok := deployments[p.ControlPlane]; ok {
			p.Deployment = &d
		}
	}
	return nil
}

// readSettings reads a control plane's ConfigMaps.
func (r *reader) readSettings(ctx context.Context, p *Plane) error {
	if !p.Installed || p.Namespace == "" {
		return nil
	}
	names := injection.MeshConfigMapNames(p.Revision)
	var root Document
	for _, d := range []struct {
		to        *Document
		name, key string
	}{
		{&p.Shared, names[0], meshKey}, {&p.Mesh, names[1], meshKey}, {&p.Values, injection.ConfigMapName(p.Revision), valuesKey},
		{&root, rootConfigMap, rootKey},
	} {
		var err error
		if *d.to, err = r.document(ctx, p.Namespace, d.name, d.key); err != nil {
			return err
		}
	}
	p.Root = root.Text
	return nil
}

func (r *reader) document(ctx context.Context, namespace, name, key string) (Document, error) {
	d := Document{ConfigMap: name, Key: key}
	cm, err := r.clients.Kube.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		d.Exists, d.Text = true, cm.Data[key]
		return d, nil
	}
	gap, err := cluster.Outcome("configmap "+namespace+"/"+name, cluster.Optional(err))
	if gap != nil {
		d.Unread = true
		r.lack(*gap)
	}
	return d, err
}

// readAutoscalers reads the HorizontalPodAutoscalers, by what they scale.
func (r *reader) readAutoscalers(ctx context.Context) error {
	r.autoscalers = map[target]Autoscaler{}
	list := func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		return r.clients.Kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).List(ctx, o)
	}
	return r.each(ctx, "horizontalpodautoscalers", list, func(o runtime.Object) {
		h := o.(*autoscalingv2.HorizontalPodAutoscaler)
		a := Autoscaler{Name: h.Name, Minimum: 1, Maximum: int(h.Spec.MaxReplicas)}
		if h.Spec.MinReplicas != nil {
			a.Minimum = int(*h.Spec.MinReplicas)
		}
		group := schema.FromAPIVersionAndKind(h.Spec.ScaleTargetRef.APIVersion, h.Spec.ScaleTargetRef.Kind).Group
		ref := workload.Ref{Group: group, Kind: h.Spec.ScaleTargetRef.Kind, Name: h.Spec.ScaleTargetRef.Name}
		r.autoscalers[target{h.Namespace, ref}] = a
	})
}

// attachAutoscalers gives the two istiods and the workloads theirs.
func (r *reader) attachAutoscalers() {
	for _, p := range r.planes() {
		if p.Deployment != nil {
			p.Autoscaler = r.autoscaler(p.Namespace, workload.Ref{Group: "apps", Kind: "Deployment", Name: p.Deployment.Name})
		}
	}
	for i := range r.facts.Workloads {
		w := &r.facts.Workloads[i]
		w.Autoscaler = r.autoscaler(w.Namespace, w.Ref)
	}
}

// autoscaler returns that of a workload, nil where it has none.
func (r *reader) autoscaler(namespace string, ref workload.Ref) *Autoscaler {
	if a, ok := r.autoscalers[target{namespace, ref}]; ok {
		return &a
	}
	return nil
}

// attempts is in how many namespaces a pod is asked for, where others' rules refuse it.
const attempts = 4

// ask puts a pod that names the target to the real API server by dry run. A namespace's own refusal, of a quota or a policy, says
// nothing about the webhook; then another namespace is asked.
func (r *reader) ask(ctx context.Context) error {
	to := &r.facts.To
	if !to.Installed {
		return nil
	}
	if err := dryrun.Supported(ctx, r.clients.Kube); err != nil {
		to.Answer.Unasked = err.Error()
		return ctx.Err()
	}
	to.Answer.Unasked = "no namespace is without injection labels, or follows it"
	for i, namespace := range r.askable() {
		if i == attempts {
			break
		}
		answer, err := dryrun.Ask(ctx, r.clients.Kube, question(namespace, to.Revision))
		if err != nil {
			return err
		}
		if to.Answer = answerOf(namespace, answer); to.Answer.Unasked == "" {
			return nil
		}
	}
	return nil
}

// question is a pod that asks for the revision's proxy.
func question(namespace, revision string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: "kubectl-mesh-check-",
			Labels: map[string]string{revLabel: revision, label.SidecarInject.Name: "true"},
		},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.k8s.io/pause:3.10"}}},
	}
}

func answerOf(namespace string, a dryrun.Answer) Answer {
	switch refusal := a.Refusal; {
	case refusal == nil:
		return Answer{Namespace: namespace, Revision: a.Revision}
	case refusal.ByInjector():
		return Answer{Namespace: namespace, Failure: fmt.Sprintf("%s: %s", refusal.Webhook, refusal.Cause)}
	default:
		return Answer{Unasked: refusal.Error()}
	}
}

// askable returns the namespaces in which a pod's own label decides, or which follow the target: Istio's first, the others by name.
func (r *reader) askable() []string {
	to := r.facts.To
	var namespaces []string
	for _, name := range r.mesh.Namespaces() {
		l := r.mesh.Labels(name)
		_, byRev := l[revLabel]
		_, byInjection := l[injectionLabel]
		if (!byRev && !byInjection || r.mesh.Follows(name).Owner == to.ControlPlane) && !r.mesh.Terminating(name) && !injection.IsSystem(name) {
			namespaces = append(namespaces, name)
		}
	}
	first := func(name string) int { return slices.Index([]string{metav1.NamespaceDefault, to.Namespace}, name) }
	slices.SortStableFunc(namespaces, func(a, b string) int { return first(b) - first(a) })
	return namespaces
}
