package preflight

import (
	"cmp"
	"context"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// always are the kinds that are read whether or not a pod of them was seen: their templates can have labels of their own.
var always = []workload.Ref{
	{Group: "apps", Kind: "Deployment"}, {Group: "apps", Kind: "StatefulSet"}, {Group: "apps", Kind: "DaemonSet"}, {Group: "batch", Kind: "CronJob"},
}

// readWorkloads reads each kind once, and keeps of it what the move concerns, and what has a label istio.io/rev of its own.
func (r *reader) readWorkloads(ctx context.Context, c *counts) error {
	kinds := slices.Clone(always)
	for _, kind := range restartplan.KindsOf(slices.Collect(maps.Keys(c.workloads))) {
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	for _, kind := range kinds {
		err := r.each(ctx, resourceOf(kind), r.listerOf(kind), func(o runtime.Object) { r.keep(c, o) })
		if err != nil {
			return err
		}
	}
	for _, w := range c.workloads {
		r.facts.Workloads = append(r.facts.Workloads, *w)
	}
	slices.SortFunc(r.facts.Workloads, func(a, b Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Ref.String(), b.Ref.String()))
	})
	return nil
}

func resourceOf(kind workload.Ref) string {
	if kind.Kind == "CronJob" {
		return "cronjobs"
	}
	return rollout.Resource(kind).Resource
}

// listerOf lists workloads of a kind, typed where there is a typed client.
func (r *reader) listerOf(kind workload.Ref) lister {
	apps, core := r.clients.Kube.AppsV1(), r.clients.Kube.CoreV1()
	return func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		switch kind.Kind {
		case "Deployment":
			return apps.Deployments(namespace).List(ctx, o)
		case "StatefulSet":
			return apps.StatefulSets(namespace).List(ctx, o)
		case "DaemonSet":
			return apps.DaemonSets(namespace).List(ctx, o)
		case "CronJob":
			return r.clients.Kube.BatchV1().CronJobs(namespace).List(ctx, o)
		case "ReplicaSet":
			return apps.ReplicaSets(namespace).List(ctx, o)
		case "ReplicationController":
			return core.ReplicationControllers(namespace).List(ctx, o)
		default:
			return r.clients.Dynamic.Resource(rollout.Resource(kind)).Namespace(namespace).List(ctx, o)
		}
	}
}

// keep notes a workload, if it matters.
func (r *reader) keep(c *counts, o runtime.Object) {
	w, template, ok := describe(o)
	if !ok || r.mesh.Terminating(w.Namespace) {
		return
	}
	key := podtemplate.Workload{Namespace: w.Namespace, Ref: w.Ref}
	seen := c.workloads[key]
	_, labelled := w.Labels[revLabel]
	if seen != nil {
		w.Pods, w.OnFrom, w.Follows = seen.Pods, seen.OnFrom, seen.Follows
	} else if !slices.Contains(always, workload.Ref{Group: w.Ref.Group, Kind: w.Ref.Kind}) {
		// Most ReplicaSets are a Deployment's.
		return
	}
	if pod := podOf(o, template); pod != nil && !w.Managed && !w.Follows {
		d := r.mesh.Decide(proxy.FromPod(pod))
		w.Follows = d.Outcome == injection.Injected && d.Owner == r.facts.From.ControlPlane
	}
	if w.Follows || w.OnFrom > 0 || labelled {
		c.workloads[key] = &w
	}
}

// describe keeps of a workload what findings are made from.
func describe(o runtime.Object) (Workload, *corev1.PodTemplateSpec, bool) {
	template := templateOf(o)
	if cron, ok := o.(*batchv1.CronJob); ok {
		ref := workload.Ref{Group: "batch", Kind: "CronJob", Name: cron.Name}
		return Workload{Namespace: cron.Namespace, Ref: ref, Labels: template.Labels, Annotations: template.Annotations, Probed: true}, template, true
	}
	known, ok := rollout.Of(o)
	if !ok {
		return Workload{}, nil, false
	}
	w := Workload{
		Namespace: known.Namespace, Ref: known.Ref, Managed: known.Managed, Strategy: known.Strategy, Paused: known.Paused,
		Replicas: known.Replicas, Partition: known.Partition, FirstOrdinal: known.FirstOrdinal, GracePeriod: known.GracePeriod,
		Claims: known.Claims, Probed: true,
	}
	if template == nil {
		w.GracePeriod = corev1.DefaultTerminationGracePeriodSeconds
		return w, nil, true
	}
	w.Labels, w.Probed = template.Labels, probed(&template.Spec)
	for name, value := range template.Annotations {
		if proxy.Reads(name) {
			if w.Annotations == nil {
				w.Annotations = map[string]string{}
			}
			w.Annotations[name] = value
		}
	}
	_, w.Managed = w.Labels[label.GatewayManaged.Name]
	return w, template, true
}

// templateOf returns a workload's pod template, nil where it has none of its own, or a malformed one.
func templateOf(o runtime.Object) *corev1.PodTemplateSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	case *appsv1.ReplicaSet:
		return &o.Spec.Template
	case *corev1.ReplicationController:
		return o.Spec.Template
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template
	case *unstructured.Unstructured:
		content, found, err := unstructured.NestedMap(o.Object, "spec", "template")
		var template corev1.PodTemplateSpec
		if err == nil && found && runtime.DefaultUnstructuredConverter.FromUnstructured(content, &template) == nil {
			return &template
		}
	}
	return nil
}

// podOf is the pod that a workload's controller would create, nil where that is not known.
func podOf(o runtime.Object, template *corev1.PodTemplateSpec) *corev1.Pod {
	if cron, ok := o.(*batchv1.CronJob); ok {
		return podtemplate.FromTemplate(cron.Namespace, metav1.OwnerReference{APIVersion: "batch/v1", Kind: "Job", Name: cron.Name}, template)
	}
	pod, _ := podtemplate.Of(o)
	return pod
}

// probed says whether something other than having started makes a pod ready: a probe of a container of its own, or a gate. The
// proxy's container gets its probe by injection.
func probed(spec *corev1.PodSpec) bool {
	own := false
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			if list[i].ReadinessProbe != nil {
				return true
			}
		}
	}
	for i := range spec.Containers {
		own = own || spec.Containers[i].Name != proxy.ContainerName
	}
	return !own || len(spec.ReadinessGates) > 0
}
