package restartscan

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/barepod"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/status"
)

// barePods reads those that are to be recreated, for what they would lose.
func (r *reader) barePods() error {
	if !r.q.Options.RecreateBarePods {
		return nil
	}
	for key := range r.wanted() {
		if key.Ref.Group != "" || key.Ref.Kind != "Pod" {
			continue
		}
		pod, err := r.clients.Kube.CoreV1().Pods(key.Namespace).Get(r.ctx, key.Ref.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if gap, err := cluster.Outcome("pod "+key.Ref.Name+" in namespace "+key.Namespace, err); err != nil {
			return err
		} else if gap != nil {
			r.lack(gap)
			continue
		}
		r.result.Input.Losses[key] = barepod.Losses(pod)
	}
	return nil
}

// runs finds out what the next runs of named CronJobs and Jobs get.
func (r *reader) runs() error {
	for _, key := range r.result.Input.Named {
		if key.Ref.Group != "batch" {
			continue
		}
		job, err := r.job(key)
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading %s in namespace %s: %w", key.Ref, key.Namespace, err)
		}
		if pod, ok := podtemplate.Of(job); ok {
			plain := proxy.FromPod(pod)
			verdict := status.Judge(plain, r.result.Mesh.Decide(plain), r.result.Mesh.Installed)
			r.result.Input.Runs[key] = verdict.Expected
		}
	}
	return nil
}

// job returns a Job, or the one that a CronJob would make.
func (r *reader) job(key podtemplate.Workload) (*batchv1.Job, error) {
	batch := r.clients.Kube.BatchV1()
	if key.Ref.Kind != "CronJob" {
		return batch.Jobs(key.Namespace).Get(r.ctx, key.Ref.Name, metav1.GetOptions{})
	}
	cron, err := batch.CronJobs(key.Namespace).Get(r.ctx, key.Ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: cron.Name}, Spec: cron.Spec.JobTemplate.Spec,
	}, nil
}
