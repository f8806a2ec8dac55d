package restartscan

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/restartplan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// marked lists what an earlier run has left at more replicas than it should have.
var marked = metav1.ListOptions{LabelSelector: rollout.SurgedLabel}

// leftovers finds Deployments and HPAs that an earlier run has not put back. Not to be allowed to look for them is no gap of the
// answer: it is about something that is hardly ever there.
func (r *reader) leftovers() error {
	deployment := workload.Ref{Group: "apps", Kind: "Deployment"}
	_, err := r.each("deployments", marked, r.listerOf(deployment), func(o runtime.Object) {
		if w, ok := rollout.Of(o); ok && r.asked(w) {
			r.keep(w)
		}
	})
	if err != nil {
		return err
	}
	_, err = r.each("horizontalpodautoscalers", marked, r.listAutoscalers, r.takeAutoscaler)
	if err != nil {
		return err
	}
	return r.targets()
}

// asked says whether a workload is among those that were named, if any were.
func (r *reader) asked(w *rollout.Workload) bool {
	return r.q.Named == nil || slices.Contains(r.q.Named, w.Ref)
}

// targets reads the Deployments of the HPAs that were found, where they are not known.
func (r *reader) targets() error {
	for key := range r.result.Input.Autoscalers {
		if r.result.Input.Workloads[key] != nil || r.q.Named != nil && !slices.Contains(r.q.Named, key.Ref) {
			continue
		}
		d, err := r.clients.Kube.AppsV1().Deployments(key.Namespace).Get(r.ctx, key.Ref.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		gap, err := cluster.Outcome(key.Ref.String()+" in namespace "+key.Namespace, err)
		if err != nil {
			return err
		}
		if gap != nil {
			r.lack(gap)
			continue
		}
		if w, ok := rollout.Of(d); ok {
			r.keep(w)
		}
	}
	return nil
}

func (r *reader) listAutoscalers(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
	return r.clients.Kube.AutoscalingV2().HorizontalPodAutoscalers(namespace).List(ctx, o)
}

func (r *reader) takeAutoscaler(o runtime.Object) {
	h := o.(*autoscalingv2.HorizontalPodAutoscaler)
	if h.Spec.ScaleTargetRef.Kind != "Deployment" {
		return
	}
	a := restartplan.Autoscaler{Name: h.Name, Minimum: 1, Maximum: int(h.Spec.MaxReplicas)}
	if h.Spec.MinReplicas != nil {
		a.Minimum = int(*h.Spec.MinReplicas)
	}
	if n, err := strconv.Atoi(h.Annotations[rollout.RestoreMinReplicas]); err == nil && n >= 0 {
		a.Left = true
	}
	ref := workload.Ref{Group: "apps", Kind: "Deployment", Name: h.Spec.ScaleTargetRef.Name}
	r.result.Input.Autoscalers[podtemplate.Workload{Namespace: h.Namespace, Ref: ref}] = a
}

// surges reads what decides whether Deployments of one replica can have a second one for a while: their HPAs, and the volumes
// that they mount. What may not be read is a reason not to.
func (r *reader) surges() error {
	if !r.q.Options.SurgeSingletons {
		return nil
	}
	var single []*rollout.Workload
	for _, w := range r.result.Input.Workloads {
		if w.Ref.Kind == "Deployment" && w.Replicas == 1 {
			single = append(single, w)
		}
	}
	if len(single) == 0 {
		return nil
	}
	gap, err := r.each("horizontalpodautoscalers", metav1.ListOptions{}, r.listAutoscalers, r.takeAutoscaler)
	if err != nil {
		return err
	}
	if gap != nil {
		r.lack(gap)
		r.result.Input.NoAutoscalers = gap.Error()
	}
	return r.claims(single)
}

func (r *reader) claims(single []*rollout.Workload) error {
	needed := map[string]bool{}
	for _, w := range single {
		for _, claim := range w.Claims {
			needed[w.Namespace+"/"+claim] = true
		}
	}
	if len(needed) == 0 {
		return nil
	}
	shared := map[string]bool{}
	gap, err := r.each("persistentvolumeclaims", metav1.ListOptions{}, func(ctx context.Context, namespace string, o metav1.ListOptions) (runtime.Object, error) {
		return r.clients.Kube.CoreV1().PersistentVolumeClaims(namespace).List(ctx, o)
	}, func(o runtime.Object) {
		c := o.(*corev1.PersistentVolumeClaim)
		shared[c.Namespace+"/"+c.Name] = slices.Contains(c.Spec.AccessModes, corev1.ReadWriteMany) || slices.Contains(c.Spec.AccessModes, corev1.ReadOnlyMany)
	})
	if err != nil {
		return err
	}
	r.lack(gap)
	for id := range needed {
		if mayShare, known := shared[id]; !known {
			r.result.Input.Once[id] = fmt.Sprintf("its volume %s cannot be read", id)
		} else if !mayShare {
			r.result.Input.Once[id] = fmt.Sprintf("its volume %s is ReadWriteOnce", id)
		}
	}
	return nil
}
