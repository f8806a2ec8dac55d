// Package scan goes through a cluster's pods page by page and says of each what it runs and what it would get now.
package scan

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-mesh/kubectl-mesh/shared/api/v1alpha1"
	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/mesh"
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
}

// Scanner scans the pods of one cluster against one reading of its mesh.
type Scanner struct {
	clients *cluster.Clients
	mesh    *mesh.Mesh
	owners  *workload.Owners
	// templates holds what the DaemonSets of ztunnel and the CNI agent would run, by namespace and name.
	templates map[string]injection.Decision
}

// New returns a scanner.
func New(clients *cluster.Clients, m *mesh.Mesh, owners *workload.Owners) *Scanner {
	return &Scanner{clients: clients, mesh: m, owners: owners, templates: map[string]injection.Decision{}}
}

// Each calls do for every pod, page by page, in the order of the server. The error is do's, or says which read failed.
func (s *Scanner) Each(ctx context.Context, options Options, do func(Item) error) error {
	client := s.clients.Kube.CoreV1().Pods(options.Namespace)
	list := func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return client.List(ctx, o) }
	selectors := metav1.ListOptions{LabelSelector: options.LabelSelector, FieldSelector: options.FieldSelector}
	var stopped error
	err := cluster.EachPage(ctx, options.Chunk, selectors, list, func(o runtime.Object) error {
		stopped = s.one(ctx, options, proxy.FromPod(o.(*corev1.Pod)), do)
		return stopped
	})
	if err != nil && stopped == nil {
		return fmt.Errorf("listing pods: %w", err)
	}
	return err
}

func (s *Scanner) one(ctx context.Context, options Options, pod proxy.Pod, do func(Item) error) error {
	chain := s.owners.Of(pod)
	if options.Only != nil && !options.Only(pod, chain) {
		return nil
	}
	decision, err := s.decide(ctx, pod)
	if err != nil {
		return err
	}
	return do(Item{Pod: pod, Chain: chain, Verdict: status.Judge(pod, decision, s.mesh.Installed)})
}

func (s *Scanner) decide(ctx context.Context, pod proxy.Pod) (injection.Decision, error) {
	if pod.Type != proxy.Ztunnel && pod.Type != proxy.CNI {
		return s.mesh.Decide(pod), nil
	}
	if pod.Controller == nil || pod.Controller.Kind != "DaemonSet" {
		return injection.UnknownDecision(fmt.Sprintf("%s pod without a DaemonSet", pod.Type)), nil
	}
	id := pod.Namespace + "/" + pod.Controller.Name
	if decision, ok := s.templates[id]; ok {
		return decision, nil
	}
	decision, err := s.fromDaemonSet(ctx, pod)
	if err == nil {
		s.templates[id] = decision
	}
	return decision, err
}

// fromDaemonSet reads what the template of the pod's DaemonSet would run.
func (s *Scanner) fromDaemonSet(ctx context.Context, pod proxy.Pod) (injection.Decision, error) {
	name := fmt.Sprintf("daemonset %s/%s", pod.Namespace, pod.Controller.Name)
	set, err := s.clients.Kube.AppsV1().DaemonSets(pod.Namespace).Get(ctx, pod.Controller.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return injection.UnknownDecision(name + " no longer exists"), nil
	}
	gap, err := cluster.Outcome(name, err)
	if gap != nil {
		return injection.UnknownDecision(gap.Error()), nil
	}
	if err != nil {
		return injection.Decision{}, err
	}
	template := proxy.FromPod(&corev1.Pod{ObjectMeta: set.Spec.Template.ObjectMeta, Spec: set.Spec.Template.Spec})
	if template.Container == nil {
		return injection.UnknownDecision("the template of " + name + " has no such container any more"), nil
	}
	return injection.DecideFromTemplate(name, template.Container.Image), nil
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
	}
}
