package scan

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-mesh/kubectl-mesh/shared/cluster"
	"github.com/kubectl-mesh/kubectl-mesh/shared/injection"
	"github.com/kubectl-mesh/kubectl-mesh/shared/proxy"
)

// DaemonSets tells what the DaemonSets of ztunnel and the CNI agent would run.
type DaemonSets interface {
	// Decide returns what a pod of the DaemonSet would run. The error is that of a read that failed.
	Decide(ctx context.Context, namespace, name string) (injection.Decision, error)
	// Gaps returns the DaemonSets that could not be read.
	Gaps() []cluster.Gap
}

// KnownDaemonSets are those of which all are at hand.
type KnownDaemonSets struct {
	decisions map[string]injection.Decision
	gaps      []cluster.Gap
	// quiet is why DaemonSets may be missing that matter to few pods, nil where none may be.
	quiet *cluster.Gap
}

// NewKnownDaemonSets returns none.
func NewKnownDaemonSets() *KnownDaemonSets {
	return &KnownDaemonSets{decisions: map[string]injection.Decision{}}
}

// Set adds a DaemonSet, or replaces it, and says whether that changes what its pods would run.
func (k *KnownDaemonSets) Set(set *appsv1.DaemonSet) bool {
	id := set.Namespace + "/" + set.Name
	before := k.decisions[id]
	k.decisions[id] = decisionOf(set)
	return before != k.decisions[id]
}

// Delete removes a DaemonSet.
func (k *KnownDaemonSets) Delete(set *appsv1.DaemonSet) {
	delete(k.decisions, set.Namespace+"/"+set.Name)
}

// Decide returns what a pod of the DaemonSet would run.
func (k *KnownDaemonSets) Decide(_ context.Context, namespace, name string) (injection.Decision, error) {
	if decision, ok := k.decisions[namespace+"/"+name]; ok {
		return decision, nil
	}
	if len(k.gaps) > 0 {
		return injection.UnknownDecision(k.gaps[0].Error()), nil
	}
	if k.quiet != nil {
		return injection.UnknownDecision(k.quiet.Error()), nil
	}
	return gone(namespace, name), nil
}

// Lack notes that not all of them are at hand.
func (k *KnownDaemonSets) Lack(g cluster.Gap) { k.gaps = append(k.gaps, g) }

// LackQuietly notes that some may be missing: only the reasons of the pods to which it matters tell it.
func (k *KnownDaemonSets) LackQuietly(g cluster.Gap) { k.quiet = &g }

// Gaps returns why not all of them are at hand, nothing where they are.
func (k *KnownDaemonSets) Gaps() []cluster.Gap { return k.gaps }

// liveDaemonSets reads each DaemonSet that is asked for once.
type liveDaemonSets struct {
	clients   *cluster.Clients
	decisions map[string]injection.Decision
	gaps      []cluster.Gap
}

// ReadDaemonSets returns the DaemonSets of a cluster, each read when it is asked for.
func ReadDaemonSets(clients *cluster.Clients) DaemonSets {
	return &liveDaemonSets{clients: clients, decisions: map[string]injection.Decision{}}
}

func (l *liveDaemonSets) Gaps() []cluster.Gap { return l.gaps }

func (l *liveDaemonSets) Decide(ctx context.Context, namespace, name string) (injection.Decision, error) {
	id := namespace + "/" + name
	if decision, ok := l.decisions[id]; ok {
		return decision, nil
	}
	decision, err := l.read(ctx, namespace, name)
	if err == nil {
		l.decisions[id] = decision
	}
	return decision, err
}

func (l *liveDaemonSets) read(ctx context.Context, namespace, name string) (injection.Decision, error) {
	set, err := l.clients.Kube.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return gone(namespace, name), nil
	}
	gap, err := cluster.Outcome("daemonset "+namespace+"/"+name, err)
	if gap != nil {
		l.gaps = append(l.gaps, *gap)
		return injection.UnknownDecision(gap.Error()), nil
	}
	if err != nil {
		return injection.Decision{}, err
	}
	return decisionOf(set), nil
}

func gone(namespace, name string) injection.Decision {
	return injection.UnknownDecision("daemonset " + namespace + "/" + name + " no longer exists")
}

// decisionOf returns what the template of the DaemonSet would run.
func decisionOf(set *appsv1.DaemonSet) injection.Decision {
	name := "daemonset " + set.Namespace + "/" + set.Name
	template := proxy.FromPod(&corev1.Pod{ObjectMeta: set.Spec.Template.ObjectMeta, Spec: set.Spec.Template.Spec})
	if template.Container == nil {
		return injection.UnknownDecision("the template of " + name + " has no such container any more")
	}
	return injection.DecideFromTemplate(name, template.Container.Image)
}
