// Package restartplan decides, from what a scan found and from what the workloads are, which of them are restarted, how, in
// which order, and why not. It is a pure function: it reads nothing and changes nothing.
package restartplan

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podtemplate"
	"github.com/kubectl-mesh/kubectl-mesh/shared/rollout"
	"github.com/kubectl-mesh/kubectl-mesh/shared/scan"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Auto is the method that fits each workload best.
const Auto v1alpha1.Method = "auto"

// Order is what decides which workload comes first.
type Order string

// The orders of a plan. Ties are broken by namespace, kind and name.
const (
	// ByNamespace finishes a namespace before the next one.
	ByNamespace Order = "namespaces"
	// BySize begins with the workloads that have the fewest pods.
	BySize Order = "size"
	// ByName goes by the workloads' names.
	ByName Order = "name"
)

// Options says what is to be restarted, and how.
type Options struct {
	// All also takes workloads that are current; Missing and Unexpected those of these statuses.
	All, Missing, Unexpected bool
	// Method is Auto or one that every workload has to take.
	Method v1alpha1.Method
	// AllowDowntime restarts what takes all of its pods down first; IncludePartitioned evicts what partitions hold back;
	// IncludeUnknown evicts pods of controllers that are not known; RecreateBarePods deletes bare pods and creates them again;
	// SurgeSingletons has Deployments of one replica run at two meanwhile.
	AllowDowntime, IncludePartitioned, IncludeUnknown, RecreateBarePods, SurgeSingletons bool
	// Selector is on the labels of workloads; nil for all.
	Selector labels.Selector
	Order    Order
	// Canary is how many workloads come first and are awaited; 0 for none.
	Canary int
	// Pause is waited between namespaces.
	Pause time.Duration
	// MaxParallel is how many workloads are under way at once, MaxUnavailablePods how many pods of all of them may be
	// unavailable at once, 0 for no limit, PodsPerMinute how many pods are begun in a minute, 0 for no limit.
	MaxParallel, MaxUnavailablePods, PodsPerMinute int
}

// Input is what a plan is made from.
type Input struct {
	// Pods are what the scan found.
	Pods []scan.Item
	// Workloads are those that could be read, Sets the versions of their templates.
	Workloads map[podtemplate.Workload]*rollout.Workload
	Sets      []rollout.Set
	// Named are the workloads that the user named, nil where none was. Each gets an item, whatever becomes of it.
	Named []podtemplate.Workload
	// Runs are named CronJobs, and Jobs without pods, with what their next run gets.
	Runs map[podtemplate.Workload]v1alpha1.Expected
	// Terminating says whether a namespace is being deleted.
	Terminating func(namespace string) bool
	// Autoscalers are the HPAs of Deployments of one replica, by their target, and those that an earlier run left at two.
	Autoscalers map[podtemplate.Workload]Autoscaler
	// NoAutoscalers says why HPAs could not be read, empty where they could.
	NoAutoscalers string
	// Once holds the claims that one node can mount at a time, as "namespace/name"; those that could not be read as well.
	Once map[string]string
	// Losses are what a recreation of a bare pod would lose.
	Losses map[podtemplate.Workload][]string
	// Unread says for a kind, such as "Deployment", why its objects could not be read.
	Unread map[string]string
}

// Autoscaler is an HPA, as far as it decides about replicas.
type Autoscaler struct {
	Name             string
	Minimum, Maximum int
	// Left is true where an earlier run has raised the minimum and not put it back.
	Left bool
}

// Plan is what is to be done, in order.
type Plan struct {
	Steps []Step
	// Estimate is how long it may take.
	Estimate time.Duration
}

// Step is one workload of a plan.
type Step struct {
	v1alpha1.RestartItem
	// Ref and UID name the workload, for a bare pod the pod.
	Ref workload.Ref
	UID types.UID
	// Expected is what is predicted for its pods.
	Expected v1alpha1.Expected
	// Otherwise is the method for a workload that is only to be awaited, should what replaces its pods turn out to be stale
	// itself; empty for none.
	Otherwise v1alpha1.Method
	// Held counts the stale pods that a partition holds back and that are left alone.
	Held int
	// Force restarts it also where the injector gives what already runs.
	Force bool
	// EvictHeld evicts what a partition holds back.
	EvictHeld bool
	// Pod is the name of one of its pods, which stands for a workload of a kind that is not known.
	Pod string
	// Autoscaler is the HPA by which it gets a second replica, nil where it has none.
	Autoscaler *Autoscaler
	// Startup is how long its pods took to become ready the last time, 0 where they do not tell.
	Startup time.Duration
	// batch is how many pods are replaced at once.
	batch int
}

// Key names the workload.
func (s *Step) Key() podtemplate.Workload {
	return podtemplate.Workload{Namespace: s.Namespace, Ref: s.Ref}
}

// Acts says whether anything is done about the step, or waited for.
func (s *Step) Acts() bool { return s.Action != v1alpha1.Skip }

// Make makes the plan. The error says which named workload cannot take the method, or is not there.
func Make(in Input, o Options) (*Plan, error) {
	p := planner{in: in, o: o}
	steps, err := p.steps()
	if err != nil {
		return nil, err
	}
	plan := &Plan{Steps: inOrder(steps, o)}
	plan.Estimate = estimate(plan.Steps, o)
	return plan, nil
}

// Report returns what is printed of the plan.
func (p *Plan) Report() *v1alpha1.RestartPlan {
	r := &v1alpha1.RestartPlan{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.APIVersion, Kind: v1alpha1.RestartPlanKind},
		Items:    []v1alpha1.RestartItem{},
	}
	r.Summary.EstimatedSeconds = int64(p.Estimate.Round(time.Second) / time.Second)
	namespaces := map[string]bool{}
	for i := range p.Steps {
		s := &p.Steps[i]
		r.Items = append(r.Items, s.RestartItem)
		if !s.Acts() {
			r.Summary.Skipped++
			continue
		}
		r.Summary.Workloads++
		r.Summary.Pods += s.Replaced()
		r.Summary.Waves = max(r.Summary.Waves, s.Wave)
		namespaces[s.Namespace] = true
	}
	r.Summary.Namespaces = len(namespaces)
	return r
}

// Replaced is how many pods come new: all of a workload whose template changes, and otherwise the stale ones.
func (s *Step) Replaced() int {
	switch {
	case s.Action == v1alpha1.PutBack:
		return 0
	case s.Method == v1alpha1.ByEviction || s.Action == v1alpha1.Await:
		return s.Stale
	default:
		return s.Pods
	}
}

// alwaysRestarts says whether pods of the policy are meant to run for ever.
func alwaysRestarts(policy corev1.RestartPolicy) bool {
	return policy == "" || policy == corev1.RestartPolicyAlways
}
