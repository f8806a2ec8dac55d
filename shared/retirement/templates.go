package retirement

import (
	"cmp"
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"

	"istio.io/api/label"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/upgrade"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// next is a workload, and the pod that its controller would create next.
type next struct {
	namespace string
	ref       workload.Ref
	pod       *corev1.Pod
	// idle is true where there may be no pod now that tells what becomes of the next.
	idle bool
}

// nextOf returns the next pod of a workload; false where there will be none.
func nextOf(o runtime.Object) (next, bool) {
	pod, _ := podtemplate.Of(o)
	switch o := o.(type) {
	case *appsv1.Deployment:
		return next{o.Namespace, workload.Ref{Group: "apps", Kind: "Deployment", Name: o.Name}, pod, o.Status.Replicas == 0}, true
	case *appsv1.StatefulSet:
		return next{o.Namespace, workload.Ref{Group: "apps", Kind: "StatefulSet", Name: o.Name}, pod, o.Status.Replicas == 0}, true
	case *appsv1.DaemonSet:
		return next{o.Namespace, workload.Ref{Group: "apps", Kind: "DaemonSet", Name: o.Name}, pod, o.Status.CurrentNumberScheduled == 0}, true
	case *batchv1.Job:
		return next{o.Namespace, workload.Ref{Group: "batch", Kind: "Job", Name: o.Name}, pod, o.Status.Active == 0}, !finished(o)
	case *batchv1.CronJob:
		job := metav1.OwnerReference{APIVersion: batchv1.SchemeGroupVersion.String(), Kind: "Job", Name: o.Name}
		pod = podtemplate.FromTemplate(o.Namespace, job, &o.Spec.JobTemplate.Spec.Template)
		return next{o.Namespace, workload.Ref{Group: "batch", Kind: "CronJob", Name: o.Name}, pod, true}, true
	default:
		return next{}, false
	}
}

// finished says whether a Job makes no more pods.
func finished(j *batchv1.Job) bool {
	return slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
}

// lists are the kinds whose templates are read, as they are called in `kubectl get`.
func (r *reader) lists() []struct {
	resource string
	in       func(namespace string) pager.ListPageFunc
} {
	apps, batch := r.Kube.AppsV1(), r.Kube.BatchV1()
	return []struct {
		resource string
		in       func(namespace string) pager.ListPageFunc
	}{
		{"deployments.apps", func(ns string) pager.ListPageFunc { return pages(apps.Deployments(ns).List) }},
		{"statefulsets.apps", func(ns string) pager.ListPageFunc { return pages(apps.StatefulSets(ns).List) }},
		{"daemonsets.apps", func(ns string) pager.ListPageFunc { return pages(apps.DaemonSets(ns).List) }},
		{"jobs.batch", func(ns string) pager.ListPageFunc { return pages(batch.Jobs(ns).List) }},
		{"cronjobs.batch", func(ns string) pager.ListPageFunc { return pages(batch.CronJobs(ns).List) }},
	}
}

func pages[L runtime.Object](list func(context.Context, metav1.ListOptions) (L, error)) pager.ListPageFunc {
	return func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) }
}

// templates finds workloads whose next pods would come to the revision, and the Deployments that its istiod keeps. A namespace that
// follows the revision speaks for its workloads that have pods; those without are told as well, for nobody would think of them. Where no
// namespace speaks for a template, restarting its pods would bring them back to the revision.
func (r *reader) templates(ctx context.Context) error {
	for _, kind := range r.lists() {
		gap, err := r.Everywhere(ctx, "the templates of "+kind.resource, "", func(namespace string) error {
			return cluster.EachPage(ctx, r.Chunk, metav1.ListOptions{}, kind.in(namespace), func(o runtime.Object) error {
				if n, ok := nextOf(o); ok {
					r.template(n)
				}
				return nil
			})
		})
		if err != nil {
			return err
		}
		r.lack(gap)
	}
	slices.SortFunc(r.facts.Managed, func(a, b Managed) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Deployment, b.Deployment))
	})
	slices.SortFunc(r.facts.Templates, func(a, b Template) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Ref.String(), b.Ref.String()))
	})
	// A list that was begun anew has brought some twice.
	r.facts.Managed, r.facts.Templates = slices.Compact(r.facts.Managed), slices.Compact(r.facts.Templates)
	return nil
}

func (r *reader) template(n next) {
	pod := proxy.FromPod(n.pod)
	d := r.mesh.Decide(pod)
	if pod.Managed() {
		if pod.Revision() == r.Revision && r.runs(pod) || r.needs(pod, d) {
			r.facts.Managed = append(r.facts.Managed, Managed{n.namespace, pod.GatewayName(), n.ref.Name})
		}
		return
	}
	if !r.needs(pod, d) || r.mesh.Terminating(n.namespace) || r.spoken(n) {
		return
	}
	r.facts.Templates = append(r.facts.Templates, Template{n.namespace, n.ref, d.Reason, r.own(pod, d), r.tagOf(pod)})
}

// spoken says whether it is enough to tell of a workload's pods, or of its namespace. A Job that runs has no next pods once it is done.
func (r *reader) spoken(n next) bool {
	running := r.counts[key{n.namespace, n.ref}] > 0
	if r.follows(n.namespace) {
		return running || !n.idle
	}
	return running && n.ref.Kind == "Job"
}

// own says whether it is the template itself that leads to the revision, and not its namespace. A namespace without any label must not be
// given one for it: that would inject whatever else is there.
func (r *reader) own(pod proxy.Pod, d injection.Decision) bool {
	if d.Outcome == injection.Templated {
		return true
	}
	_, labelled := pod.Labels[label.IoIstioRev.Name]
	namespace := r.labels[pod.Namespace]
	_, named := namespace[upgrade.Rev]
	_, injected := namespace[upgrade.Injection]
	return !r.follows(pod.Namespace) && (labelled || !named && !injected)
}

// tagOf returns the tag that a template's own label names, if that points at the revision.
func (r *reader) tagOf(pod proxy.Pod) string {
	value := pod.Labels[label.IoIstioRev.Name]
	if slices.ContainsFunc(r.facts.Tags, func(t Tag) bool { return t.Name == value }) {
		return value
	}
	return ""
}
