// Package scan goes through a cluster's pods page by page and says of each what it runs and what it would get now.
package scan

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
	"github.com/kubectl-mesh/kubectl-mesh/shared/podlist"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
	"github.com/kubectl-mesh/kubectl-mesh/shared/status"
	"github.com/kubectl-mesh/kubectl-mesh/shared/workload"
)

// Options says which pods to scan.
type Options struct {
	// Namespace limits the scan; empty for all.
	Namespace string
	// LabelSelector and FieldSelector are evaluated by the server.
	LabelSelector, FieldSelector string
	// Chunk is the page size.
	Chunk int64
	// Only limits the scan to the pods that it holds true for; nil for all.
	Only func(pod proxy.Pod, chain workload.Chain) bool
}

// Item is what the scan says of one pod.
type Item struct {
	Pod     proxy.Pod
	Chain   workload.Chain
	Verdict status.Verdict
	// Verified is what the real injector answered, nil where it was not asked.
	Verified *v1alpha1.Verified
	// Rollout is true where the answer is not what is predicted for the pod, but is what is predicted for its workload's
	// template as it is now: the pod is of another one.
	Rollout bool
}

// Scanner says of pods what one reading of the mesh makes of them.
type Scanner struct {
	mesh   *mesh.Mesh
	owners *workload.Owners
	sets   DaemonSets
}

// New returns a scanner. sets tells the templates of ztunnel and the CNI agent.
func New(m *mesh.Mesh, owners *workload.Owners, sets DaemonSets) *Scanner {
	return &Scanner{mesh: m, owners: owners, sets: sets}
}

// Each lists the pods and calls do for every one, page by page, in the order of the server. What the caller may not list
// becomes a gap of the result, unless nothing at all may be listed. The error is do's, or says which read failed.
func (s *Scanner) Each(ctx context.Context, clients *cluster.Clients, options Options, do func(Item) error) (Result, error) {
	var result Result
	var stopped error
	pods := podlist.Options{LabelSelector: options.LabelSelector, FieldSelector: options.FieldSelector, Chunk: options.Chunk}
	gap, err := clients.Everywhere(ctx, "pods", options.Namespace, func(namespace string) error {
		r, err := podlist.Each(ctx, clients.Core, namespace, pods, func(pod proxy.Pod) error {
			if stopped = s.owners.Find(ctx, clients, pod); stopped == nil {
				stopped = s.one(ctx, options, pod, do)
			}
			return stopped
		})
		result.Expired = result.Expired || r.Expired
		return err
	})
	switch {
	case stopped != nil:
		return result, stopped
	case err != nil:
		return result, err
	case gap != nil && len(gap.Namespaces) == 0:
		return result, fmt.Errorf("reading pods: %w", gap.Err)
	case gap != nil:
		result.Gaps = append(result.Gaps, *gap)
	}
	result.Gaps = append(result.Gaps, s.sets.Gaps()...)
	return result, nil
}

// Result is what there is to say of a scan as a whole.
type Result struct {
	// Gaps are what could not be read.
	Gaps []cluster.Gap
	// Expired is true where the pods were not all read at one moment.
	Expired bool
}

func (s *Scanner) one(ctx context.Context, options Options, pod proxy.Pod, do func(Item) error) error {
	if options.Only != nil && !options.Only(pod, s.owners.Of(pod)) {
		return nil
	}
	item, err := s.Judge(ctx, pod)
	if err != nil {
		return err
	}
	return do(item)
}

// Judge says what there is to say of one pod. The error is that of reading its DaemonSet.
func (s *Scanner) Judge(ctx context.Context, pod proxy.Pod) (Item, error) {
	decision, err := s.decide(ctx, pod)
	if err != nil {
		return Item{}, err
	}
	return Item{Pod: pod, Chain: s.owners.Of(pod), Verdict: status.Judge(pod, decision, s.mesh.Installed)}, nil
}

func (s *Scanner) decide(ctx context.Context, pod proxy.Pod) (injection.Decision, error) {
	if pod.Type != proxy.Ztunnel && pod.Type != proxy.CNI {
		return s.mesh.Decide(pod), nil
	}
	if pod.Controller == nil || pod.Controller.Kind != "DaemonSet" {
		return injection.UnknownDecision(fmt.Sprintf("%s pod without a DaemonSet", pod.Type)), nil
	}
	return s.sets.Decide(ctx, pod.Namespace, pod.Controller.Name)
}

// Report turns an item into what is printed of it.
func (i Item) Report() v1alpha1.ProxyItem {
	w := i.Chain.Workload()
	return v1alpha1.ProxyItem{
		Namespace: i.Pod.Namespace,
		Pod:       i.Pod.Name,
		Node:      i.Pod.Node,
		Workload:  v1alpha1.Workload{Kind: w.Kind, Name: w.Name},
		Type:      string(i.Pod.Type),
		Proxy:     i.Verdict.Proxy,
		Expected:  i.Verdict.Expected,
		Status:    i.Verdict.Status,
		Reason:    strings.ToValidUTF8(i.Verdict.Reason, "?"),
		Ready:     i.Pod.Ready,
		Phase:     string(i.Pod.Phase),
		Verified:  i.Verified,
	}
}
